"""Private servers and the supervisor of a development machine; a deployment never imports this."""
