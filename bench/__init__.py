"""Measuring this program against the raw limit and against peers that do the same work: `python -m bench`."""
