"""Hostile command lines: what they are, the folder they run in, and how each is judged."""
