"""Which flow, which loss, and which start does an update rule follow?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
