"""Averages over batches: closed forms against double sums, samplings against all their orders."""

import pytest
import sympy
from flint import fmpq, fmpq_poly
from hypothesis import given
from hypothesis import strategies as st

from derive import heavy_ball, transient, tree
from derive.batches.averages import (
    BATCHES,
    CYCLIC,
    POSITION,
    RESHUFFLED,
    SAMPLINGS,
    WITH_REPLACEMENT,
    autocovariance,
    covariance,
    full_batch_regularizer,
    history_covariance,
    history_regularizer,
    lasting,
    mean_covariance,
    mean_path_regularizer,
    mean_regularizer,
    regularizer,
)
from derive.language.formula import BETA, K
from verify.models.batch_sequences import all_sequences, settle
from verify.running.numbers import evaluate

every_sampling = pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=lambda s: s.name)
batches = st.integers(2, 5)
betas = st.integers(1, 19).map(lambda n: fmpq(n, 20))


def at(expr: sympy.Expr, number: int, k: int, beta: fmpq) -> fmpq:
    values = {"k": fmpq(k), "m": fmpq(k % number), "M": fmpq(number), "beta": beta}
    return evaluate(sympy.sympify(expr), values)


@every_sampling
@pytest.mark.parametrize("number", [2, 3])
def test_two_steps_share_a_batch_as_often_as_all_orders_say(sampling, number):
    drawn = list(all_sequences(sampling.name, number, 2 * number))
    for r in range(2 * number):
        for s in range(2 * number):
            together = sum(1 for sequence in drawn if sequence[r] == sequence[s])
            shared = (1 + (number - 1) * sampling.correlation(r, s, number)) / number
            assert shared == fmpq(together, len(drawn))


@every_sampling
@given(number=batches, k=st.integers(0, 14), beta=betas)
def test_the_closed_forms_are_the_double_sums(sampling, number, k, beta):
    assert at(covariance(sampling), number, k, beta) == history_covariance(sampling, number, k, k)(
        beta
    )
    assert at(regularizer(sampling), number, k, beta) == history_regularizer(sampling, number, k)(
        beta
    )


@every_sampling
@given(number=batches, beta=betas)
def test_what_lasts_is_where_the_steps_tend_and_its_mean_is_the_epochs(sampling, number, beta):
    fade = beta**number
    for form, mean in ((covariance, mean_covariance), (regularizer, mean_regularizer)):
        limits = []
        for m in range(number):
            steps = [at(form(sampling), number, m + j * number, beta) for j in range(4)]
            limits.append(settle(steps, (fade, fade, fade**2)))
            assert at(lasting(form(sampling)), number, m, beta) == limits[-1]
        assert at(mean(sampling), number, 0, beta) == sum(limits, fmpq(0)) / number


@every_sampling
@given(number=batches, beta=betas, data=st.data())
def test_the_autocovariance_is_the_limit_of_the_double_sum(sampling, number, beta, data):
    m = data.draw(st.integers(0, number - 1))
    lag = data.draw(st.integers(0, number - 1 - m))
    pairs = [(m + j * number, m + lag + j * number) for j in range(4)]
    sums = [history_covariance(sampling, number, r, s)(beta) for r, s in pairs]
    fade = beta**number
    found = at(autocovariance(sampling, sympy.Integer(lag)), number, m, beta)
    assert found == settle(sums, (fade, fade, fade**2))


@every_sampling
@given(number=batches, k=st.integers(0, 9))
def test_the_mean_path_lacks_what_the_force_accumulates(sampling, number, k):
    earlier = [history_covariance(sampling, number, k, j) for j in range(k)]
    accumulated = history_covariance(sampling, number, k, k) + 2 * sum(earlier, fmpq_poly())
    felt = mean_path_regularizer(sampling, number, k)
    assert felt == history_regularizer(sampling, number, k) - accumulated


@given(number=batches, k=st.integers(0, 12))
def test_independent_batches_do_not_move_the_mean_path(number, k):
    assert mean_path_regularizer(WITH_REPLACEMENT, number, k) == 0


@every_sampling
@given(number=batches)
def test_without_momentum_every_sampling_has_the_regularizer_of_one_batch(sampling, number):
    without = sympy.limit(mean_regularizer(sampling).subs(BATCHES, number), BETA, 0)
    assert without == 1


@pytest.mark.parametrize("sampling", [RESHUFFLED, CYCLIC], ids=lambda s: s.name)
@given(beta=st.sampled_from([fmpq(1, 4), fmpq(1, 2), fmpq(3, 4)]))
def test_many_batches_are_as_good_as_independent_ones(sampling, beta):
    independent = at(mean_regularizer(WITH_REPLACEMENT), 2, 0, beta)
    gaps = [abs(at(mean_regularizer(sampling), n, 0, beta) - independent) for n in (100, 200, 400)]
    assert gaps[1] < gaps[0] * fmpq(6, 10)
    assert gaps[2] < gaps[1] * fmpq(6, 10)


@given(k=st.integers(0, 12))
def test_one_loss_in_every_step_gives_the_transient_of_heavy_ball(k):
    pair = transient(heavy_ball, order=2, k=k)[tree("[[]]")]
    for beta in (fmpq(1, 3), fmpq(4, 5)):
        assert pair.at({"beta": beta}) == at(full_batch_regularizer(), 2, k, beta) / -2


def test_the_position_and_the_step_are_symbols_of_the_closed_form():
    assert regularizer(RESHUFFLED).free_symbols == {BETA, K, BATCHES, POSITION}
