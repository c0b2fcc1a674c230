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


def _refuse_a_namesake() -> None:
    """A file derive.py in the working folder is found before the package of that name."""
    from importlib.util import find_spec  # noqa: PLC0415

    found = find_spec("derive")
    if found is None or found.submodule_search_locations is not None:
        return
    said = f"{found.origin} hides the package 'derive': rename that file, or start elsewhere."
    if sys.argv and sys.argv[0] == "-m":
        os.write(2, f"undertow: {said}\n".encode())
        sys.exit(2)
    raise ImportError(said)


_refuse_a_namesake()

# isort: split
import derive  # noqa: E402, F401  (fixes SymPy's ground types before anything here imports SymPy)

# isort: split
from derive.faces import face  # noqa: E402

__getattr__, __dir__, __all__ = face(__name__)
