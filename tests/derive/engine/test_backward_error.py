import pytest
import sympy
from flint import fmpq

from derive import (
    gradient_descent,
    heavy_ball,
    modified_flow,
    one_step_map,
    tree,
)
from derive.engine.backward_error import slow_motion
from derive.engine.bseries import exp
from derive.engine.expansion import steady_flow
from derive.language.coefficients import Ring
from derive.language.differentials import latex_differential, latex_scalar
from derive.language.trees import Tree, trees_of_order, trees_up_to
from derive.language.update_rule import BadInput
from tests.derive.engine.test_bseries import EULER_SUMS

RING = Ring(("beta",))
BETA = RING.parameter("beta")
W = 1 / (1 - BETA)


def test_gradient_descent_is_explicit_euler():
    flow = modified_flow(gradient_descent, order=10)
    sums = [sum((flow[t].at({}) for t in trees_up_to(n)), fmpq(0)) for n in range(4, 11)]
    assert list(map(str, sums)) == EULER_SUMS


def test_heavy_ball_through_h2():
    # the h^2 term of the modified flow, in terms of E: -(1+4b+b^2)/(3(1-b)^5) HHg - ... T[g,g]
    flow = modified_flow(heavy_ball, order=3)
    assert flow[tree("[]")] == W
    assert flow[tree("[[]]")] == -(1 + BETA) * W**3 / 2
    assert flow[tree("[[[]]]")] == (1 + 4 * BETA + BETA**2) * W**5 / 3
    assert flow[tree("[[],[]]")] == (1 + 10 * BETA + BETA**2) * W**5 / 6


def test_heavy_ball_at_four_fifths():
    assert modified_flow(heavy_ball.at(beta="4/5"), order=2)[tree("[[]]")].at({}) == fmpq(-225, 2)


@pytest.mark.parametrize("rule", [gradient_descent, heavy_ball], ids=str)
def test_the_map_is_the_flow_over_one_step(rule):
    flow, step = modified_flow(rule, order=7), one_step_map(rule, order=7)
    assert exp(flow).coefficients == step.coefficients


def test_heavy_ball_satisfies_its_two_step_recurrence():
    """x(t+h) - (1+b) x(t) + b x(t-h) = h f(x(t)), from the flow forward and backward."""
    flow = modified_flow(heavy_ball, order=7)
    forward, backward = exp(flow), exp(flow * -1)
    for t in trees_up_to(7):
        assert forward[t] + BETA * backward[t] == (1 if t.order == 1 else 0)


def one_dimensional(t: Tree) -> sympy.Expr:
    """The elementary differential of E in one dimension: derivatives multiply."""
    own = sympy.Symbol(f"E{len(t.branches) + 1}")
    return sympy.Mul(own, *(one_dimensional(branch) for branch in t.branches))


def test_the_engine_agrees_with_the_expansion_by_hand():
    flow, by_hand = modified_flow(heavy_ball, order=4), steady_flow(4)
    for nodes in range(1, 5):
        engine = sum(
            flow[t].as_expr() * (-1) ** nodes / t.symmetry * one_dimensional(t)
            for t in trees_of_order(nodes)
        )
        assert sympy.simplify(engine - by_hand[nodes - 1]) == 0


def partial_derivatives(t: Tree, component: int) -> sympy.Expr:
    """The elementary differential of E in two dimensions, in its partial derivatives."""

    def contracted(indices: list[int], branches: tuple[Tree, ...]) -> sympy.Expr:
        if not branches:
            return sympy.Symbol(f"E{indices.count(0)}{indices.count(1)}")
        return sum(
            partial_derivatives(branches[0], i) * contracted([*indices, i], branches[1:])
            for i in (0, 1)
        )

    return contracted([component], t.branches)


def test_the_engine_agrees_with_the_expansion_by_hand_in_two_dimensions():
    flow, by_hand = modified_flow(heavy_ball, order=4), steady_flow(4, 2)
    at = {"beta": sympy.Rational(2, 7)}
    for nodes in range(1, 5):
        for component in (0, 1):
            engine = sum(
                sympy.Rational(str(flow[t].at({"beta": "2/7"})))
                * (-1) ** nodes
                / t.symmetry
                * partial_derivatives(t, component)
                for t in trees_of_order(nodes)
            )
            assert sympy.expand(engine - by_hand[nodes - 1][component].subs(at)) == 0


def test_the_order_of_truncation_does_not_change_lower_terms():
    assert modified_flow(heavy_ball, order=7).truncate(4).coefficients == (
        modified_flow(heavy_ball, order=4).coefficients
    )


@pytest.mark.parametrize("beta", ["0", "1/3", "9/10"])
def test_numbers_for_parameters_specialize_the_symbolic_result(beta):
    symbolic = modified_flow(heavy_ball, order=6)
    special = modified_flow(heavy_ball.at(beta=beta), order=6)
    assert all(symbolic[t].at({"beta": beta}) == special[t].at({}) for t in trees_up_to(6))


def test_the_slow_manifold_of_heavy_ball_is_its_last_displacement():
    motion = slow_motion(heavy_ball, 6)
    (velocity,) = motion.memory
    backward = exp(motion.modified_flow * -1)
    assert all(velocity[t] == -backward[t] for t in trees_up_to(6))


@pytest.mark.parametrize(
    ("order", "said"), [(0, "at least 1"), (-3, "at least 1"), (60, "rooted trees")]
)
def test_an_order_out_of_reach_is_refused_in_one_sentence(order, said):
    with pytest.raises(BadInput, match=said):
        modified_flow(heavy_ball, order=order)


@pytest.mark.parametrize(
    ("text", "vector"),
    [
        ("[]", r"\nabla E"),
        ("[[]]", r"\nabla^{2}E\,\nabla E"),
        ("[[[]]]", r"\nabla^{2}E\,\nabla^{2}E\,\nabla E"),
        ("[[[]],[]]", r"\nabla^{3}E[\nabla E,\nabla^{2}E\,\nabla E]"),
    ],
)
def test_elementary_differentials_in_derivative_notation(text, vector):
    assert latex_differential(tree(text)) == vector


def test_scalars_in_derivative_notation():
    assert latex_scalar(tree("[[]]")) == r"\lVert\nabla E\rVert^{2}"
    assert latex_scalar(tree("[[],[]]")) == r"\nabla E^{\top}\,\nabla^{2}E\,\nabla E"
    assert latex_scalar(tree("[[[],[]]]")) == r"\nabla^{3}E[\nabla E,\nabla E,\nabla E]"
