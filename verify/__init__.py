"""undertow, claims in and verdicts out."""

import derive  # noqa: F401  (fixes SymPy's ground types before anything here imports SymPy)

# isort: split
from derive.faces import face

__getattr__, __dir__, __all__ = face(__name__)
