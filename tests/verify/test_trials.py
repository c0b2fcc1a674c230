"""Random triples: a true formula is never rejected, a wrong one never accepted."""

from hypothesis import given, settings
from hypothesis import strategies as st

from derive.optimizers import ZOO
from verify.trials import Trial

SEEDS = st.integers(0, 2**32)
RULES = st.sampled_from(sorted(ZOO.values(), key=lambda rule: rule.name))


@given(rule=RULES, seed=SEEDS)
def test_the_same_seed_is_the_same_triple(rule, seed):
    one, two = Trial(rule, seed), Trial(rule, seed)
    assert one.values == two.values
    assert one.residual(one.true) == two.residual(two.true)


@given(rule=RULES, seed=SEEDS)
def test_the_exact_residual_tells_a_true_formula_from_a_wrong_one(rule, seed):
    trial = Trial(rule, seed)
    assert trial.residual(trial.true).passed is True
    wrong = trial.value(trial.wrong().expr)
    assert wrong is None or trial.residual(wrong).passed is False


@settings(max_examples=8)
@given(rule=RULES, seed=SEEDS)
def test_the_observed_order_rejects_no_true_formula_and_accepts_no_wrong_one(rule, seed):
    trial = Trial(rule, seed)
    assert trial.order(trial.true).passed is not False
    wrong = trial.value(trial.wrong().expr)
    assert wrong is None or trial.order(wrong).passed is not True
