"""Cowsik, Can and Glorioso (2022)."""
