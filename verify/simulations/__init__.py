"""What do many noisy runs show, beside what is predicted?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
