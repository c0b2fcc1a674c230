"""Every optimizer of the zoo: one test body a statement, the zoo as parameters."""

from dataclasses import dataclass, field

import pytest
from flint import fmpq
from hypothesis import given
from hypothesis import strategies as st

from derive.engine.backward_error import slow_motion
from derive.engine.bseries import identity
from derive.engine.modified_loss import discrete_modified_loss
from derive.engine.start_up import initial_shift, transient
from derive.language.trees import LEAF, tree, trees_up_to
from derive.language.update_rule import Optimizer
from derive.optimizers import (
    ZOO,
    heavy_ball,
    heavy_ball_two_step,
    lessard,
    nesterov,
    nesterov_extrapolated,
    torch_sgd,
)
from tests.derive.series import compose
from verify.running.convergence import ConvergenceStudy, Flow
from verify.running.flows import evaluate_field, weights_of
from verify.running.losses import VectorField, polynomial
from verify.running.numbers import MPFR, RATIONAL
from verify.running.orders import observed_order
from verify.running.points import samples
from verify.running.residuals import transient_residual
from verify.running.trajectories import iterates
from verify.workbench.strategies import polynomial_losses, starts

# x^4/4 + x^2/2 + y^2 + x y/2 + x^2 y/4
LOSS = polynomial(
    2,
    (
        ((4, 0), fmpq(1, 4)),
        ((2, 0), fmpq(1, 2)),
        ((0, 2), fmpq(1)),
        ((1, 1), fmpq(1, 2)),
        ((2, 1), fmpq(1, 4)),
    ),
    "x^4/4 + x^2/2 + y^2 + xy/2 + x^2 y/4",
)
GAME = VectorField(
    2, lambda x: [x[0] + x[1] * x[1] / 2, x[1] - x[0] - x[0] * x[1] / 4], "no gradient"
)


@dataclass(frozen=True)
class Case:
    rule: Optimizer
    values: dict[str, fmpq] = field(default_factory=dict)

    @property
    def special(self) -> Optimizer:
        return self.rule.at(**self.values)

    @property
    def world(self) -> VectorField:
        return GAME if self.rule.game else LOSS

    def __str__(self) -> str:
        flags = [name for name, value in self.rule.values if value == 1]
        return "-".join([self.rule.name, *flags])


HALF = fmpq(1, 2)
LOOKS_AHEAD = torch_sgd.at(nesterov=1, dampening=0)
CASES = [Case(rule, samples(rule)[0]) for rule in [*ZOO.values(), LOOKS_AHEAD]]
every = pytest.mark.parametrize("case", CASES, ids=str)


@every
@pytest.mark.parametrize("nodes", [1, 2, 3, 4, 5])
def test_each_further_order_of_the_modified_flow_gains_one_order(case: Case, nodes: int):
    """The flow of N nodes, from the shift of N nodes, is O(h^N)-close at a fixed final time."""
    flow = slow_motion(case.special, nodes).modified_flow
    shift = initial_shift(case.special, order=nodes)

    def follow(run: Flow):
        move = {t: MPFR.convert(c.at({})) for t, c in shift.items()}
        field = {t: MPFR.convert(c.at({})) for t, c in flow.items()}
        weights = {t: w * run.h for t, w in weights_of(move, run.h, MPFR).items()}
        start = run.x0 + evaluate_field(case.world, weights, run.x0, MPFR)
        return run.steady(weights_of(field, run.h, MPFR), start)

    run = ConvergenceStudy(
        case.rule, case.world, [fmpq(3, 4), fmpq(-1, 2)], case.values, 1, range(7, 12)
    )
    observed = observed_order(run.errors(follow, digits=35, at_end=True))
    assert observed.supports(nodes), observed
    assert observed.excludes(nodes - 1)
    assert observed.excludes(nodes + 1)


@every
@given(data=st.data(), nodes=st.integers(1, 3))
def test_the_transient_flow_passes_through_every_iterate(case: Case, data, nodes: int):
    loss = GAME if case.rule.game else data.draw(polynomial_losses(max_dimension=2))
    fields = [transient(case.special, order=nodes, k=k) for k in range(3)]
    power = transient_residual(
        case.rule,
        loss,
        data.draw(starts(loss.dimension)),
        lambda k, h: {
            t: h ** (t.order - 1) * (c.at({}) / t.symmetry) for t, c in fields[k].items()
        },
        parameters=case.values,
        length=nodes + 2,
        steps=3,
    )
    assert power >= nodes + 1


@every
def test_closed_forms_in_k_agree_with_the_iteration(case: Case):
    closed = transient(case.rule, order=3)
    for k in (0, 1, 4):
        at_k = transient(case.special, order=3, k=k)
        for t in trees_up_to(3):
            found = closed[t]
            value = found.at_step(k, case.values) if hasattr(found, "at_step") else found
            assert value == at_k[t].at({})


@every
def test_the_transient_fades_into_the_modified_flow(case: Case):
    closed = transient(case.rule, order=3)
    flow = slow_motion(case.rule, 3).modified_flow
    assert all(closed[t].limit() == flow[t] for t in trees_up_to(3))


@every
def test_specialization_commutes_with_derivation(case: Case):
    general, special = slow_motion(case.rule, 5), slow_motion(case.special, 5)
    for t in trees_up_to(5):
        assert general.modified_flow[t].at(case.values) == special.modified_flow[t].at({})


def flows_agree(first: Optimizer, second: Optimizer, order: int = 6) -> bool:
    a, b = slow_motion(first, order).modified_flow, slow_motion(second, order).modified_flow
    return all(a[t] == b[t] for t in trees_up_to(order))


def test_heavy_ball_is_the_same_in_velocity_and_in_two_step_form():
    assert flows_agree(heavy_ball, heavy_ball_two_step)
    assert initial_shift(heavy_ball, order=4).coefficients == (
        initial_shift(heavy_ball_two_step, order=4).coefficients
    )
    runs = [
        iterates(
            rule,
            LOSS,
            [fmpq(1), fmpq(1, 2)],
            h=fmpq(1, 8),
            steps=3,
            parameters={"beta": HALF},
            arithmetic=RATIONAL,
        )
        for rule in (heavy_ball, heavy_ball_two_step)
    ]
    assert all((a == b).all() for a, b in zip(*runs, strict=True))


def test_the_two_forms_of_nesterov_are_conjugate():
    """y = x + beta v(x): flow the one, then change coordinates, or the other way round."""
    one, two = slow_motion(nesterov, 5), slow_motion(nesterov_extrapolated, 5)
    beta = one.modified_flow[LEAF].ring.parameter("beta")
    look_ahead = identity(5, beta * 0 + 1) + one.memory[0] * beta
    left = compose(look_ahead, one.one_step_map)
    right = compose(two.one_step_map, look_ahead)
    assert all(left[t] == right[t] for t in trees_up_to(5))
    assert not flows_agree(nesterov, nesterov_extrapolated, 3)


@pytest.mark.parametrize(
    ("values", "other"),
    [
        ({"alpha": 1, "beta": 0, "gamma": 0}, ZOO["gradient-descent"]),
        ({"alpha": 1, "beta": "2/5", "gamma": 0}, heavy_ball.at(beta="2/5")),
        ({"alpha": 1, "beta": "2/5", "gamma": "2/5"}, nesterov.at(beta="2/5")),
    ],
    ids=["gradient-descent", "heavy-ball", "nesterov"],
)
def test_the_family_of_lessard_recht_and_packard_contains_the_classics(values, other):
    assert flows_agree(lessard.at(**values), other)


@given(n=st.integers(1, 9))
def test_the_family_contains_triple_momentum(n: int):
    """Van Scoy, Freeman, Lynch (2018) with L = 1, written out from its own recurrence."""
    rho = fmpq(n, 10)
    alpha, beta = 1 + rho, rho**2 / (2 - rho)
    gamma = rho**2 / ((1 + rho) * (2 - rho))
    family = iterates(
        lessard,
        LOSS,
        [fmpq(1, 4), fmpq(-1, 4)],
        h=fmpq(1),
        steps=2,
        parameters={"alpha": alpha, "beta": beta, "gamma": gamma},
        arithmetic=RATIONAL,
    )
    grad = LOSS.gradient_function(RATIONAL)
    xi = [family[0], family[0]]
    for _ in range(2):
        y = (1 + gamma) * xi[-1] - gamma * xi[-2]
        xi.append((1 + beta) * xi[-1] - beta * xi[-2] - alpha * grad(y))
    assert all((a == b).all() for a, b in zip(family, xi[1:], strict=True))


@pytest.mark.parametrize(
    ("rule", "other"),
    [
        (ZOO["ema-momentum"], ZOO["quasi-hyperbolic"].at(nu=1)),
        (torch_sgd.at(dampening=0, momentum="2/5"), heavy_ball.at(beta="2/5")),
        (torch_sgd.at(momentum=0, dampening=0), ZOO["gradient-descent"]),
        (ZOO["sam"].at(rho=0), ZOO["gradient-descent"]),
        (
            ZOO["aggregated-momentum"].at(beta1="1/3", beta2="1/3"),
            heavy_ball.at(beta="1/3"),
        ),
    ],
    ids=["ema in qhm", "heavy ball in torch", "gd in torch", "gd in sam", "heavy ball in aggmo"],
)
def test_special_cases_inside_the_zoo(rule: Optimizer, other: Optimizer):
    a, b = slow_motion(rule, 5).modified_flow, slow_motion(other, 5).modified_flow
    sample = dict.fromkeys(rule.parameters, fmpq(2, 7))
    other_sample = dict.fromkeys(other.parameters, fmpq(2, 7))
    assert all(a[t].at(sample) == b[t].at(other_sample) for t in trees_up_to(5))


def test_the_shift_of_heavy_ball_at_four_fifths():
    assert initial_shift(heavy_ball.at(beta="4/5"), order=1)[tree("[]")].at({}) == -20


def test_heavy_ball_has_a_discrete_modified_loss_to_order_9():
    assert discrete_modified_loss(heavy_ball, order=9).obstructions == ()


@pytest.mark.parametrize("name", ["nesterov", "quasi-hyperbolic"])
def test_where_the_discrete_modified_loss_stops_existing(name: str):
    loss = discrete_modified_loss(ZOO[name], order=4)
    assert loss.exists_below == 3
    (obstruction,) = loss.obstructions
    assert obstruction.free.order == 3
