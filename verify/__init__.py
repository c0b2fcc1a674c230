"""undertow, claims in and verdicts out."""

import derive  # noqa: F401  (fixes SymPy's ground types before anything here imports SymPy)
