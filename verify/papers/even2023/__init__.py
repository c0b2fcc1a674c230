"""Even, Pesme, Gunasekar and Flammarion (2023)."""
