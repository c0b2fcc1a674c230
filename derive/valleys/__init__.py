"""How does small noise carry a rule along its minimizers?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
