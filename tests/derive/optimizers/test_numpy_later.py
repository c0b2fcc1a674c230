"""The zoo without NumPy derives what it derives with it, and runs on numbers as ever."""

import subprocess
import sys

import numpy

from derive.optimizers.numpy_later import np

DERIVE = """
import sys
{first}
from derive.engine.front_door import modified_flow
from derive.engine.invariant_manifold import general_flow
from derive.optimizers import NONLINEAR, ZOO
for rule in ZOO.values():
    print(rule.name, modified_flow(rule, order=2))
for rule in NONLINEAR.values():
    print(rule.name, general_flow(rule, order=1).flow)
print("numpy" in sys.modules, file=sys.stderr)
"""


def derived(first: str) -> tuple[str, str]:
    """The modified flow of every rule, and whether NumPy is there in the end."""
    run = [sys.executable, "-c", DERIVE.format(first=first)]
    ended = subprocess.run(run, capture_output=True, text=True, check=True)
    return ended.stdout, ended.stderr.strip()


def test_every_rule_of_the_zoo_derives_the_same_and_imports_no_numpy():
    (without, imported), (with_it, there) = derived(""), derived("import numpy")
    assert (imported, there) == ("False", "True")
    assert without == with_it


ON_NUMBERS = """
from operator import attrgetter
from derive.optimizers.numpy_later import np
calls = {
    "sqrt": (2.0,), "sign": (-2.0,), "exp": (2,), "maximum": (1.0, 2.0), "vdot": ([1, 2], [3, 4]),
    "linalg.norm": ([3.0, 4.0],),
}
taken = {path: attrgetter(path)(np) for path in calls}
import numpy
for path, arguments in calls.items():
    assert taken[path](*arguments) == attrgetter(path)(numpy)(*arguments), path
"""


def test_functions_taken_before_numpy_are_numpys_on_numbers():
    subprocess.run([sys.executable, "-c", ON_NUMBERS], check=True)


def test_where_numpy_is_there_the_functions_are_its_own():
    assert np.sqrt is numpy.sqrt
    assert np.linalg.norm is numpy.linalg.norm
