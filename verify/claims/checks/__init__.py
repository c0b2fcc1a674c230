"""How is a right formula told from a wrong one? One file a kind of check."""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
