"""What are the words of a derivation: trees, coefficients, formulas, declared rules?"""

from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
