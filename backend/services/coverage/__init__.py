"""Figures of coverage: reading, drilling down, keeping. All exact at every instant (docs/rules.md C17)."""
