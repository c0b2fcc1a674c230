"""On what are claims tried: batches, noise, valleys, networks?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
