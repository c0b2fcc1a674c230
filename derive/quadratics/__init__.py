"""What does a rule do to one mode of a quadratic: stability, timescales, noise?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
