"""Printed papers: data in, the bytes of a PDF out. No clock, no table, no request (docs/decisions/0019)."""
