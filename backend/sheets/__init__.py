"""Excel columns in and out; pure."""
