"""What is a claim, what was printed, and what would be a wrong version of it?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
