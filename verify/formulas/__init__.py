"""What does a written formula mean, and is it the right one?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
