"""Ghosh, Lyu, Zhang and Wang (2023)."""
