"""Fixed sequences of mini-batches: orders over random losses, weight decay."""

import math
import random

import numpy as np
import pytest
from flint import fmpq
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from derive import heavy_ball, nesterov
from derive.batches.history_sums import history_flow
from derive.batches.minibatch_flow import minibatch_flow
from derive.engine.backward_error import modified_flow
from derive.language.trees import LEAF, grow, tree
from derive.optimizers import ZOO
from derive.optimizers.weight_decay import coupled, decoupled
from verify.claims.checks.batch_fields import new_weight, of_order_two, published, regularized
from verify.claims.checks.heavy_ball import value
from verify.claims.claim import Settings
from verify.models.batch_runs import BatchField, BatchRun, history
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import MPFR, precision

FAST = Settings(digits=20)
HALF = fmpq(1, 2)


def drawn_run(seed: int) -> BatchRun:
    """Two random losses, a random word of four batches over and over, momentum 1/2."""
    draw = random.Random(seed)
    losses = tuple(bounded_polynomial(draw, 2) for _ in range(2))
    word = [0, 1, draw.randint(0, 1), draw.randint(0, 1)]
    return BatchRun(
        heavy_ball, losses, lambda k: word[k % 4], starting_point(draw, 2), {"beta": HALF}
    )


def slope(run: BatchRun, field) -> float:
    """The order between h = 1/32 and h = 1/64, from the errors at time 1."""
    with precision(20):
        beta = MPFR.convert(HALF)
    errors = run.errors(
        lambda k, h: field(history(beta, run.batch, 2, k), k, h, beta), halvings=(5, 6), digits=20
    )
    return math.log2(errors[0] / errors[1])


def residual(run: BatchRun, field) -> int:
    return run.residual(
        lambda k, h: field(history(HALF, run.batch, 2, k), k, h, HALF), length=5, steps=5
    )


def theorem(sums, k, h, beta):
    return regularized(sums, h, published(k, h, beta))


def theorem_and_next(sums, k, h, beta):
    return of_order_two(sums, h, beta, new_weight(k, h, beta), h**2 / 6)


def without_history(sums, k, h, beta):
    return regularized(sums, h, lambda r: h / 4 if r == k else h * 0)


def gamma(k, beta):
    """The factor of the full batch on [t_k, t_(k+1)]."""
    return 1 - beta ** (2 * k + 2) - 4 * (k + 1) * beta ** (k + 1) * (1 - beta) / (1 + beta)


def full_batch_regularizer(sums, k, h, beta):
    """h/4 gamma(k) (1+b)/(1-b)^3 |grad E|^2 of the mean loss in the place of the history."""
    field = regularized(sums, h, lambda r: h * 0)
    mean = np.array([(beta * 0 + 1) / 2] * 2, dtype=object)
    weight = gamma(k, beta) * (1 + beta) / (1 - beta) ** 3 / 2
    return field.add("second", np.multiply.outer(mean, mean), h * -weight)


def force_alone(sums, k, h, beta):
    """h/4 gamma(k) (1+b)/(1-b) |grad G_k|^2: the full batch's weight on the force at hand."""
    weight = gamma(k, beta) * (1 + beta) / (1 - beta) / 4
    return regularized(sums, h, lambda r: h * (weight if r == k else 0))


@given(st.integers(0, 10**6))
def test_dropping_the_history_or_using_the_full_batch_factor_loses_an_order_a_step(seed):
    run = drawn_run(seed)
    assert residual(run, theorem) == 3
    assert residual(run, theorem_and_next) == 4
    assert residual(run, without_history) == 2
    assert residual(run, full_batch_regularizer) == 2
    assert residual(run, force_alone) == 2


@settings(max_examples=3, derandomize=True, phases=[Phase.generate])
@given(st.integers(0, 10**6))
def test_the_published_flow_is_of_strong_order_two_and_the_new_one_of_order_three(seed):
    run = drawn_run(seed)
    assert slope(run, theorem) == pytest.approx(2, abs=0.4)
    assert slope(run, theorem_and_next) == pytest.approx(3, abs=0.4)


def test_without_the_history_the_strong_order_is_one():
    """Weighing the force at hand alone is the exception: over the path it adds up to the same."""
    run = drawn_run(5)
    assert slope(run, theorem) == pytest.approx(2, abs=0.2)
    assert slope(run, without_history) == pytest.approx(1, abs=0.2)
    assert slope(run, full_batch_regularizer) == pytest.approx(1, abs=0.2)
    assert slope(run, force_alone) == pytest.approx(2, abs=0.2)


def batch_field(rule, k: int, h, values) -> BatchField:
    """The flow of the trees, as four arrays over the batches (and the fixed field last)."""
    flow, colours = minibatch_flow(rule, order=3, k=k), k + len(rule.fields)
    field = BatchField(colours, h * 0)
    indices = range(colours)

    def weight(t):
        return flow[t].at(values) * (-1) ** t.order / t.symmetry

    leaves = [grow((), a) for a in indices]
    first = np.array([weight(t) for t in leaves], dtype=object)
    second = np.array([[weight(grow((u,), a)) for u in leaves] for a in indices], dtype=object)
    chain = np.array(
        [[[weight(grow((grow((w,), b),), a)) for w in leaves] for b in indices] for a in indices],
        dtype=object,
    )
    fork = np.array(
        [
            [
                [weight(grow((leaves[b], leaves[c]), a)) / (2 - (b == c)) for c in indices]
                for b in indices
            ]
            for a in indices
        ],
        dtype=object,
    )
    field.add("first", first, h * 0 + 1).add("second", second, h)
    return field.add("chain", chain, h**2).add("fork", fork, h**2)


RULES = [
    heavy_ball,
    nesterov,
    ZOO["quasi-hyperbolic"],
    ZOO["torch-sgd"],
    ZOO["aggregated-momentum"],
    ZOO["lessard"],
    decoupled(heavy_ball),
    decoupled(nesterov),
    coupled(ZOO["torch-sgd"]),
]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_trees_solve_the_iteration_exactly_through_h2(rule):
    """A loss for every step, rational arithmetic: the residual begins at h^4."""
    draw, steps = random.Random(5), 2
    values = dict(zip(rule.parameters, (fmpq(2, 5), fmpq(1, 3), fmpq(1, 7)), strict=False))
    fixed = len(rule.fields) - 1
    losses = tuple(bounded_polynomial(draw, 2) for _ in range(steps + fixed))
    run = BatchRun(rule, losses, lambda k: k, starting_point(draw, 2), values, fixed=fixed)

    def fields(k, h):
        small = batch_field(rule, k, h, values)
        return widened(small, k, steps, fixed, h)

    assert run.residual(fields, length=5, steps=steps) == 4


def widened(small: BatchField, k: int, steps: int, fixed: int, h) -> BatchField:
    """The field of k + 1 batches and the fixed ones among all losses."""
    kept = [*range(k + 1), *range(steps, steps + fixed)]
    size, total = len(kept), steps + fixed
    field = BatchField(total, h * 0)
    place = 0
    for part, rank in (("first", 1), ("second", 2), ("chain", 3), ("fork", 3)):
        for index in np.ndindex(*(size,) * rank):
            weights = np.zeros((total,) * rank, dtype=object)
            weights[tuple(kept[i] for i in index)] = 1
            field.add(part, weights, small.weights[place])
            place += 1
    return field


def test_the_constant_of_the_theorem_grows_with_the_time():
    """(1+h)^k against exp(kh(1-h/2)) at h = 1/4: the ratio passes every bound."""
    h, ratios = 0.25, []
    for time in (10, 100, 1000):
        k = round(time / h)
        ratios.append(k * (math.log1p(h) - h + h * h / 2))
    assert ratios[2] > 10 * ratios[1] * 0.99 > 90 * ratios[0]


@given(st.fractions(0, 1).filter(lambda f: f < 1))
def test_decoupled_decay_at_equal_strength_differs_from_coupled_at_order_h(beta):
    """Scaled to the same force on W they agree without momentum, and with it but for ∇²W ∇E."""
    b = fmpq(beta.numerator, beta.denominator)
    ours = modified_flow(decoupled(heavy_ball).at(beta=b), order=2)
    theirs = modified_flow(coupled(heavy_ball).at(beta=b), order=2)
    scale = 1 / (1 - b)
    on_loss, of_loss = tree("[1[]]"), tree("1[[]]")
    assert ours[LEAF] == theirs[LEAF]
    assert ours[tree("1[]")] * scale == theirs[tree("1[]")]
    assert ours[on_loss] * scale == theirs[on_loss]
    assert theirs[of_loss] - ours[of_loss] * scale == -b * scale**3


def test_the_new_term_in_the_letters_of_the_history():
    """Ten terms; the sums over pairs are those of grad^2 I_r and grad I_r."""
    terms = history_flow(heavy_ball, order=3).orders[2].terms
    assert len(terms) == 10
    assert {gaps for gaps, _ in terms} == {(), (0,), (0, 0)}
    assert value(terms[(), tree("1[1[1[]]]")].as_expr()) == fmpq(1, 3)
