"""The names that a room shows, and that showing them imports nothing."""

import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = sorted(
    ".".join(stub.parent.relative_to(ROOT).parts)
    for package in ("derive", "verify")
    for stub in (ROOT / package).rglob("__init__.pyi")
)
every_room = pytest.mark.parametrize("room", ROOMS)


@every_room
def test_each_name_that_a_room_shows_is_there_and_is_no_file_of_it(room: str):
    package = import_module(room)
    files = {found.name for found in iter_modules(package.__path__)}
    assert package.__all__
    for name in package.__all__:
        assert name not in files
        assert getattr(package, name) is not None
        assert name in dir(package)


@every_room
def test_a_name_that_a_room_does_not_show_is_refused_as_by_any_module(room: str):
    message = f"module '{re.escape(room)}' has no attribute 'gradient_ascent'"
    with pytest.raises(AttributeError, match=message):
        getattr(import_module(room), "gradient_ascent")  # noqa: B009


def test_importing_every_room_fixes_the_ground_types_and_imports_no_sympy():
    ask = (
        f"import sys, os, {', '.join(ROOMS)}; "
        "print('sympy' in sys.modules, os.environ['SYMPY_GROUND_TYPES'])"
    )
    run = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "flint"]
