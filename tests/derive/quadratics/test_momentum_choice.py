"""The choice of the momentum against eigenvalues, and as a matter of two equal times."""

import math

import pytest
import sympy
from flint import acb, fmpq

from derive import (
    ema_momentum,
    heavy_ball,
    lessard,
    nesterov,
    optimizer,
    quasi_hyperbolic,
    torch_sgd,
)
from derive.language.update_rule import BadInput
from derive.quadratics.momentum_choice import ChosenMomentum, MomentumChoices, choose_momentum

H, LOW, HIGH = fmpq(1, 1000), fmpq(2), fmpq(50)
RULES = [
    heavy_ball,
    nesterov,
    ema_momentum,
    quasi_hyperbolic.at(nu="7/10"),
    torch_sgd.at(dampening="1/5"),
    lessard.at(alpha="3/2", gamma="1/10"),
]


def chosen(rule, **more) -> MomentumChoices:
    return choose_momentum(rule, step=H, top=HIGH, bottom=LOW, momentum="9/10", **more)


def named(found: MomentumChoices, name: str) -> ChosenMomentum:
    (choice,) = (choice for choice in found.choices if choice.name == name)
    return choice


def radius(rule, beta: fmpq, curvature: fmpq) -> float:
    """The larger modulus of the declared step's eigenvalues."""
    (name,) = rule.parameters

    def step(x, m):
        return rule.step(x, [m], lambda y: curvature * y, H, {name: beta})

    (a, (b,)), (c, (d,)) = step(fmpq(1), fmpq(0)), step(fmpq(0), fmpq(1))
    half, root = acb((a + d) / 2), acb(((a + d) / 2) ** 2 - (a * d - b * c)).sqrt()
    return max(float(abs(half + sign * root).mid()) for sign in (1, -1))


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_the_slowest_mode_is_that_of_the_declared_step(rule):
    choice = named(chosen(rule), "given")
    grid = [LOW + (HIGH - LOW) * fmpq(n, 40) for n in range(41)]
    slowest = max(radius(rule, fmpq(9, 10), curvature) for curvature in grid)
    assert float(sympy.exp(-1 / choice.slowest)) == pytest.approx(slowest, rel=1e-10)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_no_momentum_relaxes_the_spectrum_faster_than_the_fastest(rule):
    best = named(chosen(rule), "fastest")
    for n in range(1, 50):
        other = max(radius(rule, fmpq(n, 50), curvature) for curvature in (LOW, HIGH))
        assert other > float(sympy.exp(-1 / best.slowest)) - 1e-12


@pytest.mark.parametrize("rule", [heavy_ball, torch_sgd.at(dampening="1/5")], ids=str)
def test_at_the_matched_momentum_relaxation_and_drift_take_equally_long(rule):
    choice = named(chosen(rule, label_noise="1/10", trace_curvature=2), "matched")
    assert sympy.N(choice.drift * (1 - choice.momentum) / 2, 30) == pytest.approx(1, abs=1e-25)
    assert float(choice.slowest / choice.drift) == pytest.approx(1, rel=0.05)


def test_nesterovs_look_ahead_relaxes_modes_before_the_time_that_is_matched():
    """Its envelope decays at the rate (1 - beta + h lambda)/2."""
    found = chosen(nesterov, label_noise="1/10", trace_curvature=2)
    choice = named(found, "matched")
    wanted = 2 / (1 - choice.momentum + sympy.Rational(str(H * LOW)))
    assert float(choice.slowest / wanted) == pytest.approx(1, rel=0.01)
    assert "does not relax in" in found.warnings[0]


def test_the_prefactor_stands_for_noise_and_trace_curvature():
    """C^3 = 2 s k/4: 2 times the rate of the drift."""
    one = chosen(heavy_ball, label_noise="1/10", trace_curvature="1/50")
    other = chosen(heavy_ball, prefactor="1/10")
    assert named(one, "matched").momentum == named(other, "matched").momentum
    assert named(one, "given").drift == named(other, "given").drift


def test_the_matched_momentum_scales_like_the_two_thirds_power_of_the_step():
    gaps = [
        1 - named(choose_momentum(heavy_ball, step=h, top=1, prefactor="1/3"), "matched").momentum
        for h in ("1/1000", "1/8000")
    ]
    assert sympy.simplify(gaps[0] / gaps[1]) == 4


@pytest.mark.parametrize("rule", [ema_momentum, quasi_hyperbolic.at(nu="7/10")], ids=str)
def test_an_average_of_gradients_does_not_speed_up_the_drift(rule):
    found = chosen(rule, prefactor=1)
    assert "does not speed up" in found.missing["matched"]
    assert len({choice.drift for choice in found.choices}) == 1


def test_an_unstable_momentum_never_relaxes():
    found = choose_momentum(nesterov, step=1, top="3/2", momentum="9/10")
    assert named(found, "given").slowest == sympy.oo
    assert "unstable" in found.warnings[0]
    assert "below 1" in found.missing["fastest"]


def test_an_overdamped_mode_at_the_matched_momentum_is_pointed_out():
    found = choose_momentum(heavy_ball, step="1/10", top=1, bottom="1/1000", prefactor=1)
    assert "does not relax in" in found.warnings[0]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"step": 0}, "step = 0 must be above 0"),
        ({"top": "abc"}, "not a rational number"),
        ({"bottom": 100}, "exchange them"),
        ({"momentum": 1}, r"outside \(-1, 1\)"),
        ({"label_noise": 1}, "belong together"),
        ({"label_noise": 1, "trace_curvature": 1, "prefactor": 1}, "not both"),
        ({"prefactor": -1}, "must be above 0"),
    ],
)
def test_bad_numbers_are_refused(more, message):
    with pytest.raises(BadInput, match=message):
        choose_momentum(heavy_ball, **{"step": "1/1000", "top": 50, **more})


def test_a_rule_with_other_free_parameters_is_refused():
    with pytest.raises(BadInput, match="give nu a number"):
        choose_momentum(quasi_hyperbolic, step=1, top=1)
    with pytest.raises(BadInput, match="one free momentum"):
        choose_momentum(heavy_ball.at(beta="1/2"), step=1, top=1)


def test_the_fastest_momentum_over_a_wide_spectrum_damps_both_ends():
    """max((1 - sqrt(h mu))^2, (sqrt(h L) - 1)^2), and 4/(sqrt(L) + sqrt(mu))^2 with
    ((sqrt(L) - sqrt(mu))/(sqrt(L) + sqrt(mu)))^2 at the best step (Polyak 1964)."""
    found = choose_momentum(heavy_ball, step="0.0331", top=100, bottom=1)
    assert float(named(found, "fastest").momentum) == pytest.approx(0.6713, abs=1e-4)
    best = choose_momentum(heavy_ball, top=100, bottom=1)
    assert best.step == sympy.Rational(4, 121)
    assert named(best, "fastest").momentum == sympy.Rational(81, 121)
    with pytest.raises(BadInput, match="give the step size with --lr"):
        choose_momentum(nesterov, top=100, bottom=1)


@pytest.mark.parametrize(("step", "top"), [("0.0331", 100), ("1/40", 100), ("1/2", 7)])
def test_no_other_momentum_is_faster_on_the_whole_spectrum(step, top):
    found = choose_momentum(heavy_ball, step=step, top=top, bottom=1)
    best = named(found, "fastest")
    for shift in (sympy.Rational(1, 50), -sympy.Rational(1, 50)):
        other = sympy.nsimplify(sympy.N(best.momentum + shift, 12), rational=True)
        near = choose_momentum(heavy_ball, step=step, top=top, bottom=1, momentum=other)
        assert named(near, "given").slowest.evalf(30) > best.slowest.evalf(30)


def test_a_momentum_declared_by_its_name_is_one():
    @optimizer(state=("buf",), parameters=("mu",))
    def own(x, buf, grad, h, *, mu):
        buf = mu * buf + grad(x)
        return x - h * buf, buf

    ours = choose_momentum(own, step="1/100", top=4)
    assert named(ours, "fastest").momentum == sympy.Rational(16, 25)


def test_a_negative_momentum_can_be_looked_at():
    """Its multipliers are real for every curvature, and the limit of z is 2(1 + beta)."""
    found = named(choose_momentum(heavy_ball, step="1/10", top=1, momentum="-1/2"), "given")
    assert found.largest_step == 1
    assert found.oscillates_above is None
    assert found.mixed is not None
    assert float(found.mixed) == pytest.approx(1 / math.log(2))
