"""How are many claims judged, in parallel and within limits, and none twice?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
