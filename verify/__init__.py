"""undertow, claims in and verdicts out."""

import os
import sys


def _answer_an_early_interrupt() -> None:
    """A command that is stopped before `verify.__main__` can listen says so too."""
    import signal  # noqa: PLC0415 (in a program that only imports this, nothing is changed)

    def leave(*_: object) -> None:
        os.write(2, b"undertow: stopped; nothing was finished.\n")
        os._exit(130)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, leave)


if sys.argv and (sys.argv[0] == "-m" or os.path.basename(sys.argv[0]) == "undertow"):
    _answer_an_early_interrupt()

# isort: split
import derive  # noqa: E402, F401  (fixes SymPy's ground types before anything here imports SymPy)

# isort: split
from derive.faces import face  # noqa: E402

__getattr__, __dir__, __all__ = face(__name__)
