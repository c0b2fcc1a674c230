"""What does the optimizer of a user's own network do, and does the expansion hold there?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
