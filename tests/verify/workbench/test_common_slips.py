"""What a beginner's rule file gets wrong, and what it may do although few would."""

from pathlib import Path

import numpy as np
import pytest
from flint import fmpq

from derive import heavy_ball, modified_flow, tree
from derive.engine.invariant_manifold import general_flow
from derive.language.bad_input import BadInput
from verify.formulas.reading import read_loss
from verify.running.rule_files import find_rule

RULES = """
from decimal import Decimal

import numpy as np

from derive import optimizer

with_momentum = optimizer(state="v", parameters="b")


@with_momentum
def nothing(x, v, grad, h, *, b):
    v = b * v + grad(x)


@with_momentum
def uncalled(x, v, grad, h, *, b):
    return x - h * v, b * v + grad


@with_momentum
def as_in_torch(x, v, grad, h, *, b):
    v.mul_(b).add_(grad(x))
    return x - h * v, v


@with_momentum
def calls_itself(x, v, grad, h, *, b):
    return calls_itself(x, v, grad, h, b=b)


@with_momentum
def exchanged(x, v, grad, h, *, b):
    v = b * v + grad(x)
    return v, x - h * v


@with_momentum
def entries(x, v, grad, h, *, b):
    v = b * v[0] + grad(x)
    return x - h * v, v


@with_momentum
def in_decimal(x, v, grad, h, *, b):
    return x - h * v, Decimal("0.9") * v + grad(x)


@optimizer(fields=("E", "W"))
def one_of_two(x, grad, h):
    return x - h * grad(x)


@optimizer(state="vel", parameters="beta")
def in_place(x, vel, grad, h, *, beta):
    vel *= beta
    vel += grad(x)
    x -= h * vel
    return [x, vel]


@optimizer(state=("v",))
def single(x, v, grad, h):
    v = np.float32(0.9) * v + grad(x)
    return x - h * v, v


@optimizer(state=("s", "n"), parameters=("a", "b"), start=lambda x, grad, h, **p: (x, x * 0))
def ahead(x, s, n, grad, h, *, a, b):
    n = b * n + grad(x)
    s = s + a * (x - h * n - s)
    return s, s, n
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.py"
    path.write_text(RULES)
    return str(path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", r"must return \(x, v\).* it returns nothing"),
        ("uncalled", r"write grad\(x\)"),
        ("as_in_torch", "write it in arithmetic"),
        ("calls_itself", "without @optimizer"),
        ("exchanged", "the new x first"),
        ("entries", "whole vectors"),
        ("in_decimal", "write 0.9"),
        ("one_of_two", "grad_E, grad_W = grad"),
    ],
)
def test_a_slip_is_answered_with_its_line_and_what_to_write(rules, name, said):
    with pytest.raises(BadInput, match=rf"rules\.py:\d+: .*{said}"):
        find_rule(f"{rules}:{name}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("from derive import optimizer\n@optimizer", "is written with brackets"),
        ("@optimizer()", "from derive import optimizer"),
    ],
)
def test_a_declaration_that_python_refuses_is_told_how(tmp_path, text, said):
    path = tmp_path / "bare.py"
    path.write_text(f"{text}\ndef descent(x, grad, h):\n    return x - h * grad(x)\n")
    with pytest.raises(BadInput, match=said):
        find_rule(f"{path}:descent")


def test_arrays_that_a_rule_changes_in_place_are_its_own(rules):
    """A step of heavy ball: v = v/2 + x, x - v/4."""
    rule = find_rule(f"{rules}:in_place").at(beta="1/2")
    x, v = np.array([1.0, 2.0]), np.array([1.0, 0.0])
    new_x, (new_v,) = rule.step(x, (v,), lambda y: y, 0.25, {"beta": 0.5})
    assert x.tolist() == [1, 2]
    assert v.tolist() == [1, 0]
    assert new_v.tolist() == (v / 2 + x).tolist()
    assert new_x.tolist() == (x - (v / 2 + x) / 4).tolist()
    known = heavy_ball.at(beta="1/2")
    assert modified_flow(rule, order=3) == modified_flow(known, order=3)


def test_a_number_of_single_precision_is_the_decimal_that_it_prints_as(rules):
    rules_of_nine_tenths = find_rule(f"{rules}:single"), heavy_ball.at(beta="9/10")
    found, right = (general_flow(rule, order=2).flow["x"] for rule in rules_of_nine_tenths)
    assert [*map(repr, found)] == [*map(repr, right)]


def test_a_memory_that_no_gradient_pushes_is_followed(rules):
    """x - a h n is heavy ball at the step a h: -a/(1-b), and -a^2 (1+b)/(2 (1-b)^3) beside H g."""
    flow = modified_flow(find_rule(f"{rules}:ahead").at(a="1/3", b="1/2"), order=2)
    known = modified_flow(heavy_ball.at(beta="1/2"), order=2)
    for nodes, each in enumerate((tree("[]"), tree("[[]]")), 1):
        assert flow[each].at({}) == known[each].at({}) * fmpq(1, 3) ** nodes


@pytest.mark.parametrize("text", ["sigmoid(x)", "x^2 + relu(x)"])
def test_a_function_that_a_loss_cannot_have_is_named_as_one(text):
    with pytest.raises(BadInput, match=r"is no known function; known are .*tanh"):
        read_loss(text)
