"""What does a rule do to one mode of a quadratic: stability, timescales, noise?"""
