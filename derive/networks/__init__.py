"""Which potential does a diagonal linear network minimize?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
