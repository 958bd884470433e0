"""The fictional demo township: invented from a fixed seed, so that the same `until` date gives the same facts."""
