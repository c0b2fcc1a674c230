"""Papazov, Pesme and Flammarion (2024)."""
