"""What do mini-batches change, step by step and on average?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
