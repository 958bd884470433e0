"""Use cases: load, decide, change, record. A service never commits; the endpoint's transaction does."""
