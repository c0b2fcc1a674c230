"""Woodworth, Gunasekar et al. (2020)."""
