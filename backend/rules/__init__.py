"""Decisions from values already in hand: no await, no table, no clock."""
