"""Across a kink of a schedule: two flows, and by how much the second begins beside the first."""

from dataclasses import replace

import pytest
import sympy
from flint import fmpq

from derive import BadInput, heavy_ball
from derive.engine.invariant_manifold import general_flow
from derive.engine.sequences import NoClosedForm
from derive.engine.settling import past_a_kink
from derive.optimizers import NONLINEAR
from tests.verify.commands.test_cli import undertow
from verify.formulas.reading import loss_from_text
from verify.running.flows import flow
from verify.running.general_flows import GeneralField, NamedFields, distance, run
from verify.running.numbers import MPFR, precision
from verify.running.orders import observed_order

T = sympy.Symbol("t")
LOSS = loss_from_text("x^4/4 + y^2/2 + x*y/3 + x^2")
AT = fmpq(1, 16)
"""The time of the kink; runs end at twice that."""
STEP = (1 + T, (2 - T) / 4)
WARM_UP = (sympy.Rational(1, 2) + 8 * T, sympy.Integer(1))
VALUES = {"beta": fmpq(1, 2)}
OUTSIDE, INSIDE = "scheduled-buffer", "scheduled-heavy-ball"


def order_across(name, schedules, *, powers, wrong=None):
    """The order at the end of a run through a kink, the flows going through h^2.

    Args:
        powers: how many powers of h of the new beginning are taken.
        wrong: one of them is half as large again.
    """
    rule = NONLINEAR[name]
    lasting, begins = general_flow(rule, order=3), past_a_kink(rule, order=2)
    before, after = schedules
    early, late = (
        NamedFields({"E": LOSS}, {"x": 2}, {"eta": eta, "eta_before": before})
        for eta in (before, after)
    )
    weights = {n: fmpq(0) for n in range(powers + 1, 3)} | ({wrong: fmpq(3, 2)} if wrong else {})
    errors = []
    with precision(40):
        for j in range(10, 14):
            h = fmpq(1, 2**j)
            steps, half = 2**j // 16, [MPFR.convert(AT)]
            first = GeneralField(lasting, early, VALUES, h)
            begin = [MPFR.convert(c) for c in (fmpq(1), fmpq(-3, 2), fmpq(0))]
            state = run(rule, early, first.on_manifold(begin), h=h, steps=steps, parameters=VALUES)[
                -1
            ]
            end = run(rule, late, state, h=h, steps=steps, parameters=VALUES)[-1]
            moved = GeneralField(replace(lasting, flow=begins), late, VALUES, h, weights=weights)
            second = GeneralField(lasting, late, VALUES, h)
            (reached,) = flow(first, begin, half, digits=40, arithmetic=MPFR)
            there = moved.program.at([*reached, *moved.fixed(0)], MPFR)
            (reached,) = flow(second, list(there), half, digits=40, arithmetic=MPFR)
            errors.append(distance(list(reached), second.slow_part(end)))
    return observed_order(errors, floor=1e-38)


@pytest.mark.parametrize("name", [OUTSIDE, INSIDE])
@pytest.mark.parametrize("schedules", [STEP, WARM_UP], ids=["step", "warm-up"])
def test_the_two_flows_with_the_new_beginning_keep_the_order(name, schedules):
    assert order_across(name, schedules, powers=2).supports(3)


@pytest.mark.parametrize(
    ("name", "schedules", "order"),
    [(OUTSIDE, STEP, 2), (OUTSIDE, WARM_UP, 3), (INSIDE, STEP, 1), (INSIDE, WARM_UP, 2)],
    ids=["outside-step", "outside-warm-up", "inside-step", "inside-warm-up"],
)
def test_without_it_a_rate_inside_the_memory_loses_an_order_more(name, schedules, order):
    """A jump of the rate costs more than a kink, by one order."""
    assert order_across(name, schedules, powers=0).supports(order)


@pytest.mark.parametrize(
    ("name", "schedules", "power"),
    [(OUTSIDE, STEP, 2), (INSIDE, STEP, 1), (INSIDE, STEP, 2), (INSIDE, WARM_UP, 2)],
    ids=["outside", "inside", "inside-next", "inside-warm-up"],
)
def test_half_as_much_again_of_the_new_beginning_is_seen(name, schedules, power):
    assert not order_across(name, schedules, powers=2, wrong=power).supports(3)


def test_what_moves_the_beginning_is_the_change_of_the_rate_that_the_memory_holds():
    """Outside the buffer h^2 b w^4 e (e - e_before) H g, inside h b w^2 (e - e_before) g."""
    for name, power, beside in ((OUTSIDE, 2, "eta(t)*E[E]"), (INSIDE, 1, "E")):
        row = past_a_kink(NONLINEAR[name], order=2)["x"]
        algebra = row[power].algebra
        symbols = {repr(algebra.variable(s)): algebra.variable(s) for s in algebra.symbols}
        beta, eta, before = (symbols[n] for n in ("beta", "eta(t)", "eta_before(t)"))
        vector = symbols[beside] if power == 1 else eta * symbols["E[E]"]
        assert row[power] == beta * (eta - before) * vector / (1 - beta) ** (2 * power)
        assert not any(row[1:power])


def test_the_rate_before_the_kink_has_a_name_of_its_own(capsys):
    asked = ("derive", INSIDE, "--quantity", "past-a-kink", "--order", "1")
    assert "−βgη₋(t)/(1−β)²" in undertow(capsys, *asked)[1]
    assert r"\eta_{-}(t)\beta g" in undertow(capsys, *asked, "--format", "latex")[1]
    code, _, err = undertow(capsys, "derive", "heavy-ball", *asked[2:])
    assert (code, "of other rules than heavy-ball" in err) == (2, True)


def test_a_rule_without_schedules_or_with_one_for_a_weight_of_its_memory_is_refused():
    with pytest.raises(BadInput, match="no schedule"):
        past_a_kink(heavy_ball, order=1)
    with pytest.raises(NoClosedForm):
        past_a_kink(NONLINEAR["scheduled-momentum"], order=1)
