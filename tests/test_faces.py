"""The names that a package shows, and that showing them imports nothing."""

import subprocess
import sys

import pytest

import derive


@pytest.mark.parametrize("name", vars(derive)["__all__"])
def test_each_name_that_derive_shows_is_there(name: str):
    assert getattr(derive, name) is not None
    assert name in dir(derive)


def test_a_name_that_derive_does_not_show_is_refused_as_by_any_module():
    with pytest.raises(AttributeError, match="module 'derive' has no attribute 'gradient_ascent'"):
        getattr(derive, "gradient_ascent")  # noqa: B009


def test_importing_derive_fixes_the_ground_types_and_imports_no_sympy():
    ask = "import derive, sys, os; print('sympy' in sys.modules, os.environ['SYMPY_GROUND_TYPES'])"
    run = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "flint"]
