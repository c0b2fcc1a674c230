"""Which momentum to take: stability, damping and drift of one optimizer at one step size.

A choice of the momentum is judged by how long the slowest modes take to relax, and by how long the
noise takes to carry the weights along a valley of minimizers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sympy

from derive.engine.memory_modes import with_momenta
from derive.language.coefficients import Exact, Ring, exact
from derive.language.update_rule import BadInput, Optimizer
from derive.quadratics.linearization import NotInClosedForm, Z, quadratic
from derive.quadratics.stability import fastest_momentum, oscillation_interval, stability_limit

ENVELOPE = 2
"""Oscillating modes shrink by e in ENVELOPE/(1-beta) steps."""

WORKED_WITH = 1000
"""Digits that tell signs and values: a step of 1e-330 brings a multiplier that near to 1."""

TOLERANCE = sympy.Rational(1, 10)
"""How far the slowest mode may be from the time that the matched momentum assumes."""

ASSUMPTIONS = {
    "stability, oscillation, relaxation": (
        "a quadratic loss around the minimum; exact at any step size",
        "closed forms for a momentum from 0 on",
    ),
    "drift": (
        "gradient noise of covariance s H on the valley, as label noise has",
        "tr H is k/2 times the squared distance from the flattest minimum",
        "leading order: first the noise tends to 0, then the step size, then 1 - momentum",
    ),
    "matched": (
        "all modes oscillate, and relax in 2/(1 - momentum) steps",
        "training is fastest where relaxation and drift take equally long",
    ),
}


@dataclass(frozen=True)
class ChosenMomentum:
    """What one momentum leads to; times are numbers of steps to shrink by e.

    Attributes:
        name: fastest, matched or given.
        momentum: its value, exact.
        largest_step: the step size below which all modes are stable.
        oscillates_above: the curvature above which modes oscillate, None where that is unknown.
        mixed: relaxation of the memory in directions without curvature, None without any.
        slowest: relaxation of the slowest mode between the smallest and the largest curvature,
            infinite where a mode is unstable.
        drift: time of the drift along the valley, None where its rate was not given.
    """

    name: str
    momentum: sympy.Expr
    largest_step: sympy.Expr
    oscillates_above: sympy.Expr | None
    mixed: sympy.Expr | None
    slowest: sympy.Expr
    drift: sympy.Expr | None


@dataclass(frozen=True)
class MomentumChoices:
    """Choices side by side, with the closed forms they come from and what each rests on.

    Attributes:
        closed_forms: by quantity, in z = h lambda and the momentum.
        drift_rate: of the drift along the valley at effective step size 1, None if not given.
        assumptions: by quantity.
        missing: why a choice is not there.
        warnings: where a choice is unstable, or the matched one misses its assumption.
    """

    optimizer: Optimizer
    step: sympy.Expr
    curvatures: tuple[sympy.Rational, sympy.Rational]
    choices: tuple[ChosenMomentum, ...]
    closed_forms: Mapping[str, sympy.Expr]
    drift_rate: sympy.Expr | None
    assumptions: Mapping[str, tuple[str, ...]]
    missing: Mapping[str, str]
    warnings: tuple[str, ...]


def choose_momentum(
    optimizer: Optimizer,
    *,
    top: Exact,
    step: Exact | None = None,
    bottom: Exact | None = None,
    momentum: Exact | None = None,
    label_noise: Exact | None = None,
    trace_curvature: Exact | None = None,
    prefactor: Exact | None = None,
) -> MomentumChoices:
    """The fastest momentum, the one matched to the drift along the valley, and the one given.

    Args:
        top, bottom: the largest and the smallest positive curvature (default: top).
        step: the step size; without it the one at which heavy ball relaxes fastest, together with
            its momentum: 4/(sqrt(top) + sqrt(bottom))^2.
        momentum: one more value to look at.
        label_noise: s, where the gradient noise has covariance s H on the valley.
        trace_curvature: k, where tr H is k/2 times a squared distance along the valley. The drift
            then has the rate s k/4 times the square of the effective step size. In the model
            f(x) = u.v x/sqrt(n) with P samples, s = noise variance/P and k = 2 mean(x^2)/n.
        prefactor: C of the matched momentum 1 - C h^(2/3), in place of s and k.
    Raises:
        BadInput: a number outside its range, or a rule without one momentum and one memory.

    >>> from derive import heavy_ball
    >>> found = choose_momentum(heavy_ball, step="1/100", top=4, prefactor="1/2")
    >>> [choice.momentum for choice in found.choices]
    [16/25, 1 - 10**(2/3)/200]
    """
    optimizer = with_momenta(optimizer)
    names = [p for p in optimizer.declared if p.meaning == "momentum"]
    if len(names) != 1 or [*optimizer.parameters] != [names[0].name]:
        others = ", ".join(p for p in optimizer.parameters if p not in [n.name for n in names])
        hint = f"give {others} a number" if others else "choose a rule with one free momentum"
        raise BadInput(f"{optimizer.name} has not exactly one free parameter, a momentum; {hint}.")
    own = sympy.Symbol(names[0].name)
    high = _positive("top", top)
    low = _positive("bottom", high if bottom is None else bottom)
    if low > high:
        raise BadInput(f"bottom = {low} is above top = {high}: exchange them.")
    h = _best_step(optimizer, own, low, high) if step is None else _positive("step", step)
    rate, factor = _drift(label_noise, trace_curvature, prefactor)
    forms = _closed_forms(optimizer, own)
    missing: dict[str, str] = {}
    wanted: list[tuple[str, sympy.Expr]] = []
    fastest, why = _fastest(forms, h * low, h * high)
    wanted += [("fastest", fastest)] if fastest is not None else []
    missing |= {} if fastest is not None else {"fastest": why}
    matched, why = _matched(forms, own, h, factor)
    wanted += [("matched", matched)] if matched is not None else []
    missing |= {} if matched is not None else {"matched": why}
    if momentum is not None:
        value = names[0].check(momentum)
        wanted.append(("given", sympy.Rational(int(value.p), int(value.q))))
    choices = tuple(
        _judged(name, value, _below_zero(forms, optimizer, own, value), own, (h, low, high), rate)
        for name, value in wanted
    )
    return MomentumChoices(
        optimizer,
        h,
        (low, high),
        choices,
        forms,
        rate,
        ASSUMPTIONS,
        missing,
        tuple(warning for choice in choices for warning in _warnings(choice, h)),
    )


def _best_step(
    optimizer: Optimizer, own: sympy.Symbol, low: sympy.Rational, high: sympy.Rational
) -> sympy.Expr:
    """The step at which (1 - sqrt(h low))^2 and (sqrt(h high) - 1)^2 are the same.

    With kappa^2 - (1 + beta - z) kappa + beta a smaller momentum leaves one end overdamped and a
    larger one slows all modes down, so that both ends are critically damped at the best step.
    """
    linear, constant = quadratic(optimizer)
    if sympy.expand(linear - (Z - 1 - own)) != 0 or constant != own:
        raise BadInput(
            f"the best step size is known for heavy ball, not for {optimizer.name}: give the step "
            "size with --lr."
        )
    return 4 / (sympy.sqrt(high) + sympy.sqrt(low)) ** 2


def _fastest(
    forms: Mapping[str, sympy.Expr], low: sympy.Expr, high: sympy.Expr
) -> tuple[sympy.Expr | None, str]:
    """The momentum with the smallest spectral radius over all z in [low, high].

    Below z = 1 it damps the slowest mode critically. Beyond, it is known where the modulus of a
    complex pair does not depend on z: then it is the least momentum that leaves no mode overdamped.
    """
    form = forms.get("fastest")
    if form is None:
        return None, "no closed form is known for this rule"
    if high < 1:
        return form.subs(Z, low), ""
    if forms["product of the multipliers"].has(Z) or form != (1 - sympy.sqrt(Z)) ** 2:
        return None, "it is known for step size times curvature below 1"
    if high >= 4:
        return None, "with step size times curvature 4 or more, no momentum is stable"
    return max((form.subs(Z, z) for z in (low, high)), key=lambda beta: beta.evalf(30)), ""


def _below_zero(
    forms: Mapping[str, sympy.Expr], optimizer: Optimizer, own: sympy.Symbol, value: sympy.Expr
) -> Mapping[str, sympy.Expr]:
    """The closed forms hold from 0 on; at a negative momentum its own limit, and no oscillation."""
    if value >= 0:
        return forms
    limit = stability_limit(optimizer.at(**{own.name: value}))
    kept = {name: form for name, form in forms.items() if not name.startswith("oscillation")}
    return {**kept, "stability limit of z": limit}


def _warnings(choice: ChosenMomentum, h: sympy.Expr) -> list[str]:
    if h >= choice.largest_step:
        return [f"the {choice.name} momentum is unstable at this step size"]
    assumed = ENVELOPE / (1 - choice.momentum)
    if choice.name == "matched" and abs(choice.slowest / assumed - 1) > TOLERANCE:
        return ["at the matched momentum the slowest mode does not relax in 2/(1 - momentum) steps"]
    return []


def _positive(name: str, value: Exact) -> sympy.Rational:
    try:
        number = exact(value)
    except ValueError as error:
        raise BadInput(f"{name} = {value}: {error}") from None
    if number <= 0:
        raise BadInput(f"{name} = {value} must be above 0.")
    return sympy.Rational(int(number.p), int(number.q))


def _drift(
    noise: Exact | None, curvature: Exact | None, prefactor: Exact | None
) -> tuple[sympy.Expr | None, sympy.Expr | None]:
    """The rate r of the drift at effective step size 1, and C with C^3 = ENVELOPE r."""
    if prefactor is not None:
        if noise is not None or curvature is not None:
            raise BadInput("give a prefactor, or label noise and a trace curvature, not both.")
        factor = _positive("prefactor", prefactor)
        return factor**3 / ENVELOPE, factor
    if (noise is None) != (curvature is None):
        raise BadInput(
            "label noise and a trace curvature belong together: the drift has the rate s k/4."
        )
    if noise is None or curvature is None:
        return None, None
    rate = _positive("label noise", noise) * _positive("trace curvature", curvature) / 4
    return rate, sympy.cbrt(ENVELOPE * rate)


def _closed_forms(optimizer: Optimizer, own: sympy.Symbol) -> dict[str, sympy.Expr]:
    linear, constant = quadratic(optimizer)
    at_rest = {Z: 0}
    forms = {
        "stability limit of z": stability_limit(optimizer),
        "sum of the multipliers": -linear,
        "product of the multipliers": constant,
        "multiplier of the memory": constant.subs(at_rest),
        "effective step over h": Ring((own.name,))
        .from_expr((1 + linear + constant).diff(Z).subs(at_rest) / (2 + linear).subs(at_rest))
        .as_expr(),
    }
    for name, derived in (
        ("oscillation threshold of z", lambda rule: oscillation_interval(rule)[0]),
        ("fastest", fastest_momentum),
    ):
        try:
            forms[name] = derived(optimizer)
        except NotInClosedForm:
            continue
    return forms


def _matched(
    forms: Mapping[str, sympy.Expr],
    own: sympy.Symbol,
    h: sympy.Expr,
    factor: sympy.Expr | None,
) -> tuple[sympy.Expr | None, str]:
    """1 - C h^(2/3): 2/(1-beta) = 1/(r (c h/(1-beta))^2), with c h/(1-beta) the effective step."""
    scale = sympy.cancel(forms["effective step over h"] * (1 - own))
    if scale.has(own):
        return None, (
            "its effective step size does not grow like 1/(1 - momentum): at a fixed step size "
            "more momentum does not speed up the drift"
        )
    if factor is None:
        return None, "give a prefactor, or label noise and a trace curvature"
    found = 1 - factor * sympy.cbrt(scale**2 * h**2)
    if found <= 0:
        return None, "the drift is slower than the modes without any momentum: C h^(2/3) is above 1"
    return found, ""


def _judged(
    name: str,
    value: sympy.Expr,
    forms: Mapping[str, sympy.Expr],
    own: sympy.Symbol,
    point: tuple[sympy.Expr, sympy.Rational, sympy.Rational],
    rate: sympy.Expr | None,
) -> ChosenMomentum:
    h, low, high = point

    def at(form: str, curvature: sympy.Expr | int = 0) -> sympy.Expr:
        return forms[form].subs({own: value, Z: h * curvature})

    def time(size: sympy.Expr) -> sympy.Expr:
        return -1 / sympy.log(size)

    radius = max(
        (
            _radius(at("sum of the multipliers", lam), at("product of the multipliers", lam))
            for lam in (low, high)
        ),
        key=lambda size: _value(size - 1),
    )
    mixed = at("multiplier of the memory")
    effective = at("effective step over h") * h
    threshold = "oscillation threshold of z"
    return ChosenMomentum(
        name,
        value,
        largest_step=at("stability limit of z") / high,
        oscillates_above=at(threshold) / h if threshold in forms else None,
        mixed=time(sympy.Abs(mixed)) if mixed != 0 else None,
        slowest=time(radius) if _value(1 - radius) > 0 else sympy.oo,
        drift=1 / (rate * effective**2) if rate is not None else None,
    )


def _radius(total: sympy.Expr, product: sympy.Expr) -> sympy.Expr:
    """The larger modulus of the roots of kappa^2 - total kappa + product."""
    discriminant = sympy.expand(total**2 - 4 * product)
    size = _value(discriminant)
    if size == 0:  # critically damped
        return sympy.Abs(total) / 2
    if size > 0:
        return (sympy.Abs(total) + sympy.sqrt(discriminant)) / 2
    return sympy.sqrt(product)


def _value(number: sympy.Expr) -> sympy.Expr:
    """The number in decimals, 0 where so many tell it from 0 no more."""
    found = sympy.N(number, 30, maxn=WORKED_WITH)
    return found if abs(found) > sympy.Float(10) ** -(WORKED_WITH - 100) else sympy.Integer(0)
