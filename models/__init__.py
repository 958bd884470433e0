"""Tables, constraints, and every query as a named method, one module per area."""
