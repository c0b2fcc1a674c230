"""How many decimal digits the checks compute with, where nothing else is asked for."""

DEFAULT_DIGITS = 50
