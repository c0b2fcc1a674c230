"""How many decimal digits the checks compute with, where nothing else is asked for."""

DEFAULT_DIGITS = 50
FEW_DIGITS = 20
"""Enough to reject most of what is wrong and to tell most orders: tried before all that are asked
for."""
