"""Cattaneo and Shigida (2025), on heavy ball."""
