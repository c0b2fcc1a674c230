"""The iterates of rules beyond linear memory follow their flows, order by order."""

import pytest
import sympy
from flint import fmpq

from derive.engine.invariant_manifold import general_flow
from derive.optimizers import LIBRARIES, NONLINEAR
from verify.claims.claim import Settings
from verify.formulas.reading import loss_from_text
from verify.running.general_flows import NamedFields
from verify.running.slopes import one_step, slopes
from verify.workbench.general_claims import general_claim

GAME = loss_from_text("x*y/2 + x^4/4 + cos(y)/3 + x^2/3 - y^2/2")
LOSS = loss_from_text("x^4/4 + y^2/2 + x*y/3 + x^2")
VALUES = {"mu": "2/3", "c": "1/4", "d": "1/2", "k": "1/2", "lam": "1/5", "eps": "1/10"}
VALUES |= {"beta": "1/2", "beta1": "1/2", "beta2": "3/4", "tau": "1/3", "a": "3/2"}
OWN = {"adadelta": {"eps": "4/1"}}
"""Adadelta's second memory fades over g^2/eps steps."""
START = {"x": [fmpq(1), fmpq(-3, 2)], "u": [fmpq(1, 3), fmpq(1, 5)], "v": [fmpq(1, 3), fmpq(1, 5)]}
START |= {"p": START["u"], "t": [fmpq(1)], "top": [fmpq(1)]}
START |= {name: [fmpq(2, 3), fmpq(-1)] for name in ("z", "mean")}
K = loss_from_text("(1 + x^2)^(1/2) + (3 + x^2 + y^2)^(1/2) + x*y/8")
LIBRARY = [one.rule for one in LIBRARIES.values()]
CLOCKS = {"eta": 1 / (1 + sympy.Symbol("t")), "beta": 1 / (2 + sympy.Symbol("t"))}
CLOCKS |= {"decay": (2 + sympy.Symbol("t")) / 5}


def tried(rule, order, by=slopes, **options):
    given = VALUES | OWN.get(rule.name, {})
    values = {n: fmpq(*map(int, given.get(n, "1/4").split("/"))) for n in rule.parameters}
    if rule.players:
        land = NamedFields(dict.fromkeys(rule.fields, GAME), {"x": 1, "y": 1})
        start = {"x": [fmpq(1)], "y": [fmpq(1, 2)]}
    else:
        fields = {name: K if name in rule.maps else LOSS for name in rule.fields}
        land = NamedFields(fields, {"x": 2}, CLOCKS)
        start = START
    derived = general_flow(rule, order=order)
    begin = {name: point for name, point in start.items() if name in derived.slow}
    return by(derived, land, begin, values, **options)


@pytest.mark.parametrize("rule", NONLINEAR.values(), ids=str)
def test_each_further_power_of_h_gains_an_order_and_a_wrong_one_does_not(rule):
    again = rule in LIBRARY  # a run from end to end is left to those of its kind
    found = tried(rule, 2, by=one_step if again else slopes)
    assert found, [(str(found.observed(n)), str(found.control(n))) for n in found.controls]


@pytest.mark.parametrize("name", ["adam-corrected", "averaged-weights", "normalized-momentum"])
def test_a_cold_start_follows_the_flow_once_its_transient_has_died_out(name):
    assert tried(NONLINEAR[name], 2, warm_up=100)


@pytest.mark.parametrize("name", ["adam", "schedule-free", "nesterov-sc", "descent-ascent"])
def test_the_third_order(name):
    assert tried(NONLINEAR[name], 3).holds(3)


@pytest.mark.parametrize(("beta2", "fades"), [("99/100", 7), ("999/1000", 10)])
def test_a_long_memory_holds_where_the_step_is_far_below_its_decay(beta2, fades):
    """2^-fades is about 1 - beta2: above it the term of order h makes Adam's flow worse."""
    values = {"beta1": fmpq(9, 10), "eps": fmpq(1, 10**8)}
    values["beta2"] = fmpq(*map(int, beta2.split("/")))
    adam = general_flow(NONLINEAR["adam"], order=3)
    land, start = NamedFields({"E": LOSS}, {"x": 2}), {"x": START["x"]}

    def found(first):
        return one_step(adam, land, start, values, halvings=range(first, first + 5), digits=60)

    far, near, below = found(fades - 4), found(fades + 2), found(fades + 8)
    assert all(b > a for a, b in zip(far.errors[1], far.errors[2], strict=True))
    assert not any(far.observed(n).supports(n) for n in (1, 2))
    assert all(near.observed(n).supports(n) for n in (1, 2))
    assert all(b < a for a, b in zip(near.errors[1], near.errors[2], strict=True))
    assert all(below.holds(n) for n in (1, 2))


def test_a_flow_that_runs_to_infinity_beside_iterates_that_do_not_is_rejected():
    """Backwards in time AdaGrad's sum of squares falls to where its root ends."""
    claim = general_claim("adagrad", NONLINEAR["adagrad"])
    judged = [check.judge(sympy.Integer(-1), Settings()) for check in claim.checks]
    assert [found.passed for found in judged] == [False, False]
