"""Slides of Gunasekar (2023)."""
