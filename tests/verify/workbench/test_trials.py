"""Random triples: a true formula is never rejected, a wrong one never accepted."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.optimizers import ZOO
from verify.campaigns.draws import decide
from verify.cli import main
from verify.workbench.trials import Trial, trial_claim


def formula(rule):
    return trial_claim("trial", rule).formula.expr


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
    wrong = trial.value(trial.wrong(formula(rule)).expr)
    assert wrong is None or trial.residual(wrong).passed is False


@settings(max_examples=8)
@given(rule=RULES, seed=SEEDS)
def test_the_observed_order_rejects_no_true_formula_and_accepts_no_wrong_one(rule, seed):
    trial = Trial(rule, seed)
    assert trial.order(trial.true).passed is not False
    wrong = trial.value(trial.wrong(formula(rule)).expr)
    assert wrong is None or trial.order(wrong).passed is not True


def test_a_trial_is_a_claim_that_a_seed_repeats(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["verify", "trial:nesterov", "--seed", "7", "--format", "json"])
    assert stop.value.code == 0
    (claim,) = json.loads(capsys.readouterr().out)["claims"]
    assert [check["passed"] for check in claim["checks"]] == [True] * 4
    assert decide("trial:nesterov", 7, 50) == ("passed", "4 checks")
