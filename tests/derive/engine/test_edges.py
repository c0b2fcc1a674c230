"""The range of an expansion, and that it fails beyond."""

import pytest
from flint import fmpq

from derive import optimizer
from derive.engine.edges import EdgeKind, edges
from derive.engine.invariant_manifold import general_flow
from derive.optimizers import NONLINEAR, ZOO
from verify.formulas.reading import loss_from_text
from verify.running.general_flows import NamedFields
from verify.running.slopes import one_step, slopes

LAND = NamedFields({"E": loss_from_text("x^4/4 + x^2")}, {"x": 1})
SIGN, ZERO, SCALE, MEMORY, ASSUMED = EdgeKind


def kinds(flow):
    return [edge.kind for edge in edges(flow)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("adam", [SIGN, SCALE, MEMORY, MEMORY]),
        ("lion", [SIGN, MEMORY]),
        ("normalized-momentum", [ZERO, MEMORY]),
        ("averaged-weights", [MEMORY]),
        ("descent-ascent", []),
        ("heavy-ball", [MEMORY]),
    ],
)
def test_the_edges_of_a_rule(name, expected):
    assert kinds(general_flow((ZOO | NONLINEAR)[name], order=2)) == expected


@optimizer(state=("m",), parameters=("b",))
def clipped(x, m, grad, h, *, b):
    m = b * m + (1 - b) * grad(x)
    return x - h * m / (abs(m) + 1), m


@pytest.mark.parametrize(("start", "holds"), [(fmpq(1), True), (fmpq(1, 12), False)])
def test_where_a_gradient_changes_its_sign_the_flow_is_lost(start, holds):
    """The start 1/12 is carried over the minimum at 0 with a velocity that the memory keeps."""
    flow = general_flow(clipped, order=2)
    assert SIGN in kinds(flow)
    values, begin = {"b": fmpq(15, 16)}, {"x": [start]}
    found = slopes(flow, LAND, begin, values, time=fmpq(1), halvings=range(6, 11))
    assert found.holds(2) == holds


@pytest.mark.parametrize(("halvings", "holds"), [(range(16, 21), True), (range(4, 9), False)])
def test_a_step_that_is_not_small_beside_the_memory_loses_the_order(halvings, holds):
    flow = general_flow(clipped, order=3)
    assert MEMORY in kinds(flow)
    found = one_step(flow, LAND, {"x": [fmpq(1)]}, {"b": fmpq(999, 1000)}, halvings=halvings)
    assert found.holds(2) == holds


@optimizer(state=("m",), parameters=("b", "eps"))
def nearly_signed(x, m, grad, h, *, b, eps):
    m = b * m + (1 - b) * grad(x)
    return x - h * m / (abs(m) + eps), m


SMALL = fmpq(1, 2**12)
WITHIN, BEYOND = range(22, 27), range(6, 11)
"""Steps of which the first are far smaller than 2^-12, and the second far larger."""


@pytest.mark.parametrize(
    ("start", "eps", "halvings", "holds"),
    [
        (SMALL, SMALL, WITHIN, True),
        (SMALL, SMALL, BEYOND, False),
        (fmpq(1), SMALL, BEYOND, True),
        (SMALL, fmpq(1), BEYOND, True),
    ],
    ids=["small-steps", "large-steps", "far-from-0", "large-epsilon"],
)
def test_a_step_that_is_large_beside_epsilon_and_gradient_loses_the_order(
    start, eps, halvings, holds
):
    """The edge is |g| + eps: either may be small, not both beside a step."""
    flow = general_flow(nearly_signed, order=3)
    (edge,) = [edge for edge in edges(flow) if edge.kind is SCALE]
    names = {s.name: flow.algebra.variable(s) for s in edge.of.symbols}
    assert edge.of in {v + names["eps"] for v in names.values()}
    assert seen(flow, LAND, [start], {"b": fmpq(1, 2), "eps": 3 * eps}, halvings) == holds


PLANE = NamedFields({"E": loss_from_text("x^4/4 + x^2 + y^2/2 + x*y/3")}, {"x": 2})


@pytest.mark.parametrize(
    ("start", "halvings", "holds"),
    [(fmpq(1), BEYOND, True), (SMALL, BEYOND, False), (SMALL, WITHIN, True)],
    ids=["far-from-0", "large-steps", "small-steps"],
)
def test_beside_a_gradient_of_zero_the_flow_of_a_normalized_step_is_lost(start, halvings, holds):
    """From 2^-12 a step of 2^-10 or more goes beyond the minimum, where the norm is 0."""
    rule = NONLINEAR["normalized-momentum"]
    flow = general_flow(rule, order=3)
    assert ZERO in kinds(flow)
    values = dict.fromkeys(rule.parameters, fmpq(1, 2))
    assert seen(flow, PLANE, [start, -start / 2], values, halvings) == holds


def seen(flow, land, start, values, halvings):
    """Whether the order is seen in one step; a flow that runs to infinity has none."""
    try:
        return one_step(flow, land, {"x": start}, values, halvings=halvings).holds(2)
    except ArithmeticError:
        return False


@optimizer(parameters=("a", "b"))
def with_a_gap(x, grad, h, *, a, b):
    return x - h * abs(a - 2 * b) * grad(x)


@pytest.mark.parametrize(("b", "holds"), [(fmpq(1, 8), False), (fmpq(1), True)])
def test_a_sign_that_is_read_off_sample_values_is_said_and_decides(b, holds):
    """At a = b = 1/2, where signs are read, 2 b - a is positive; elsewhere it need not be."""
    flow = general_flow(with_a_gap, order=2)
    assumed = [edge.of for edge in edges(flow) if edge.kind is ASSUMED]
    assert assumed == [
        2 * flow.algebra.symbol("b", "parameter") - flow.algebra.symbol("a", "parameter")
    ]
    found = slopes(flow, LAND, {"x": [fmpq(1)]}, {"a": fmpq(1), "b": b}, time=fmpq(1, 4))
    assert bool(found) == holds
