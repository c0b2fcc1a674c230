"""Lyu, Wang, Wang and Zhu (2023)."""
