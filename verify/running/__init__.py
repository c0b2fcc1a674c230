"""How is a declared rule run, on every type of number, beside a flow?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
