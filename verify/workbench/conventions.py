"""How to go from one convention for momentum to another.

The normal form of a convention's declaration says with which weight a step holds each past
gradient. Two conventions give the same iterates exactly where these weights agree. Confusions that
this answers: pytorch/pytorch issues 1099 and 44917, keras-team/keras 13971, HIPS/autograd 289.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from enum import StrEnum

import numpy as np
from flint import fmpq, fmpz_mod_ctx

from derive.engine.backward_error import modified_flow
from derive.engine.linear_memory import linear_method
from derive.engine.modified_loss import modified_loss
from derive.engine.start_up import initial_shift
from derive.language.coefficients import Exact, exact
from derive.language.differentials import text_differential
from derive.language.trees import LEAF, tree, trees_up_to
from derive.language.update_rule import BadInput
from verify.running.losses import VectorField, polynomial
from verify.running.numbers import FLOAT, Arithmetic
from verify.running.trajectories import vector
from verify.workbench.library_momentum import (
    ONE,
    ZERO,
    Convention,
    ConventionValues,
    find_convention,
    number,
    setting,
)

STEPS = 20
START = (fmpq(3, 4), fmpq(-1, 2))
CHANGE = (*[ONE] * (STEPS // 2), *[ONE / 10] * (STEPS - STEPS // 2 + 1))
"""The learning rate falls to a tenth half way."""
PAIR = tree("[[]]")


@dataclass(frozen=True)
class Response:
    """How steps answer to gradients: x_(k+1) - x_k = sum over j of c_j f(Y_(k-j)), f = -grad E.

    c_0 = immediate and c_j = carried fading^(j-1); the gradient is taken at
    Y_k = x_k + sum over j >= 1 of ahead fading^(j-1) f(Y_(k-j)); the start of the memory adds
    start fading^k f(x_0) to step k. All iterates follow from these numbers and x_0.
    """

    immediate: fmpq
    carried: fmpq
    ahead: fmpq
    fading: fmpq
    start: fmpq

    def at_look_ahead(self) -> Response:
        """How the points Y_k answer: the same rule in another coordinate."""
        carried = self.carried - (1 - self.fading) * self.ahead
        return replace(self, immediate=self.immediate + self.ahead, carried=carried, ahead=ZERO)


def response(given: ConventionValues) -> Response:
    """Read off the normal form of a rule with one memory and one gradient a step."""
    method, h = linear_method(given.rule), given.lr
    ((fading,),), ((pushed,),), ((ahead,),) = method.w, method.c, method.u
    (immediate,), (read,), (start,) = method.b, method.v, method.start
    begun = sum(start, method.ring.number(0))
    if ahead * begun:
        raise BadInput(f"{given.rule} starts by taking its gradient away from x_0.")
    products = immediate * h, read * pushed * h, ahead * pushed * h, fading, read * begun * h
    found = Response(*(product.at({}) for product in products))
    # a memory that is never read may fade as it likes
    return found if found.carried or found.ahead else replace(found, fading=ZERO)


class Agreement(StrEnum):
    """What two settings have in common when they start from one point."""

    ITERATES = "iterates"
    GRADIENTS = "gradients"
    SCALES = "scales"


@dataclass(frozen=True)
class FirstStep:
    """How the source starts unlike its other steps, and the target's start that does the same.

    The target's memory has to start at weight grad E(x_0), plus x_0 where it holds a position
    (shift 1). In its first step the source goes `extra` grad E(x_0) further down than without.
    """

    weight: fmpq
    shift: fmpq
    extra: fmpq


@dataclass(frozen=True)
class Scales:
    """What a rule follows: x' = -speed grad(E + regularizer |grad E|^2), in steps as time.

    inertia is the speed over 1 - the factor by which the memory fades. For heavy ball that is
    lambda = gamma/(1 - beta)^2, the intrinsic parameter of momentum gradient flow (Papazov, Pesme,
    Flammarion 2024).
    """

    speed: fmpq
    regularizer: fmpq
    inertia: fmpq


WORDS = {"speed": "effective lr", "regularizer": "‖∇E‖²", "inertia": "λ"}


@dataclass(frozen=True)
class Match:
    """A target that keeps some of the source's `Scales`, what it changes, and how far it strays."""

    target: ConventionValues
    keeps: tuple[str, ...]
    changes: str
    apart: float


@dataclass(frozen=True)
class Conversion:
    """A setting of one convention in the words of another.

    ITERATES: they are equal, with the `first_step` where there is one. GRADIENTS: both take the
    same gradients at the same points, and the target's x is `lag` grad E behind the source's, to
    first order. SCALES: no parameters do either; `matches` are next best and `target` is None.
    """

    source: ConventionValues
    relation: Agreement
    target: ConventionValues | None = None
    first_step: FirstStep | None = None
    lag: fmpq = ZERO
    matches: tuple[Match, ...] = ()


def convert(
    source: str,
    target: str,
    lr: Exact | float,
    momentum: Exact | float,
    dampening: Exact | float = 0,
    nesterov: bool = False,
    nu: Exact | float | None = None,
) -> Conversion:
    """The parameters with which `target` does what `source` does with these, exactly or nearly.

    Args:
        source, target: names of `CONVENTIONS`.
        lr, momentum: of the source; 0.1, "0.1" and "1/10" are all exactly one tenth.
        dampening, nesterov: switches that some conventions have; nu: of qhm alone.
    Returns:
        Exact rationals, but for a match whose momentum is irrational: that has 15 digits.
    Raises:
        BadInput: an unknown convention, or numbers that the source does not take.
        ArithmeticError: the two rules, run side by side, do not agree (see `verified`).

    >>> conversion = convert("torch", "ema", lr="0.1", momentum="0.9")
    >>> print(conversion.target, conversion.relation)
    lr=1 beta=0.9 iterates
    """
    given, goal = setting(source, lr, momentum, dampening, nesterov, nu), find_convention(target)
    if given.convention is goal:
        return verified(Conversion(given, Agreement.ITERATES, given))
    own = response(given)
    for relation in (Agreement.ITERATES, Agreement.GRADIENTS):
        for position in goal.switches:
            if found := _fit(goal, position, own, relation):
                lag = (response(found).ahead - own.ahead) / (1 - own.fading)
                return verified(Conversion(given, relation, found, _first_step(given, found), lag))
    return Conversion(given, Agreement.SCALES, matches=tuple(_matches(given, goal)))


def _seen(of: Response, relation: Agreement) -> Response:
    return of.at_look_ahead() if relation is Agreement.GRADIENTS else of


def _fit(
    goal: Convention, position: bool, own: Response, relation: Agreement
) -> ConventionValues | None:
    """The setting of `goal` with this response but for the start, if there is one."""
    wanted = _seen(own, relation)
    if position and not wanted.fading:
        return None
    trial = ConventionValues(goal, ONE, wanted.fading, ZERO, position, ONE)
    if goal.has("nu"):
        # both weights are affine in nu, so their ratio is right at the root of a line
        ends = (_seen(response(replace(trial, nu=nu)), relation) for nu in (ZERO, ONE))
        left, right = (e.carried * wanted.immediate - wanted.carried * e.immediate for e in ends)
        nu = left / (left - right) if left != right else ONE
        if not 0 <= nu <= 1:
            return None
        trial = replace(trial, nu=nu)
    found = replace(trial, lr=wanted.immediate / _seen(response(trial), relation).immediate)
    result = _seen(response(found), relation)
    return found if replace(result, start=wanted.start) == wanted else None


def _first_step(given: ConventionValues, found: ConventionValues) -> FirstStep | None:
    extra = response(given).start - response(found).start
    if not extra:
        return None
    method = linear_method(found.rule)
    # the normal form reads v times the memory, less its multiple of x, over a power of h
    weight = -extra * found.lr ** method.memory_units[0] / method.v[0].at({})
    return FirstStep(weight, method.memory_shift[0].at({}), extra)


def verified(conversion: Conversion) -> Conversion:
    """The conversion, if both rules confirm it over 20 steps.

    Raises:
        ArithmeticError: they come apart.
    """
    if apart := difference(conversion):
        raise ArithmeticError(
            f"{conversion.target} is not {conversion.source} in other words: "
            f"{percent(apart)} apart within {STEPS} steps."
        )
    return conversion


PRIME = fmpz_mod_ctx(2**127 - 1)
RESIDUES = Arithmetic("residues", lambda q: PRIME(q.p) / PRIME(q.q))
"""Fractions modulo a prime, because their digits triple at each step on a loss of degree four.
Equal fractions have equal residues; unequal ones only by chance, about once in 2^127 times."""


def difference(conversion: Conversion) -> float:
    """The largest distance of the two rules over 20 steps, relative to the way that they go.

    The loss has degree four and is scaled so that a step is short. 0 means that all iterates (or
    the points of the gradients) are equal as `RESIDUES`; only otherwise floats are used.
    """
    source, target, first = conversion.source, conversion.target, conversion.first_step
    if target is None:
        raise BadInput("only a conversion with a target can be run.")
    loss = small_steps(source)
    gradients = conversion.relation is Agreement.GRADIENTS

    def run(arithmetic: Arithmetic) -> tuple[np.ndarray, np.ndarray]:
        ours = path(source, loss, START, arithmetic, gradients=gradients)
        return ours, path(target, loss, START, arithmetic, gradients=gradients, first=first)

    ours, theirs = run(RESIDUES)
    if (ours == theirs).all():
        return 0.0
    ours, theirs = (side.astype(float) for side in run(FLOAT))
    apart = np.abs(ours - theirs).max() / np.abs(ours - ours[0]).max()
    return float(max(apart, np.finfo(float).eps))


def small_steps(source: ConventionValues, longest: fmpq = ONE) -> VectorField:
    """A loss of degree four, scaled so that a step is short, the longest factor included."""
    terms = (((4, 0), 4), ((2, 0), 2), ((0, 2), 1), ((1, 1), 2), ((2, 1), 4))
    flat = 8 * scales(source).speed * longest
    return polynomial(2, tuple((powers, 1 / (d * flat)) for powers, d in terms), "small steps")


def path(
    given: ConventionValues,
    loss: VectorField,
    start: Sequence[fmpq],
    arithmetic: Arithmetic,
    *,
    gradients: bool = False,
    first: FirstStep | None = None,
    steps: int = STEPS,
    factors: Sequence[fmpq] | None = None,
    repair: int = 0,
) -> np.ndarray:
    """x_0, ..., x_steps, or the points where these steps take their gradients, one a row.

    Args:
        factors: of the learning rate in every step, for one that changes.
        repair: the power of new/old that multiplies the memory where it does.
    """
    rule, grad, h = given.rule, loss.gradient_function(arithmetic), arithmetic.convert(given.lr)
    values = rule.arguments(arithmetic.convert)
    points: list[np.ndarray] = []

    def watched(point: np.ndarray) -> np.ndarray:
        points.append(point)
        return grad(point)

    x = vector([arithmetic.convert(c) for c in start])
    memory = rule.start(x, grad, h, values)
    if first is not None:
        memory = (x * arithmetic.convert(first.shift) + grad(x) * arithmetic.convert(first.weight),)
    rows: list[np.ndarray] = []
    for k in range(steps + 1):
        rows.append(x)
        if factors and k and factors[k] != factors[k - 1]:
            h = arithmetic.convert(given.lr * factors[k])
            change = (factors[k] / factors[k - 1]) ** repair
            scale, shift = (arithmetic.convert(c) for c in (change, _shift(given)))
            memory = tuple((m - x * shift) * scale + x * shift for m in memory)
        x, memory = rule.step(x, memory, watched, h, values)
    return np.array(points if gradients else rows)


def _shift(given: ConventionValues) -> fmpq:
    """The multiple of x that the memory holds beside a velocity or gradients."""
    return linear_method(given.rule).memory_shift[0].at({})


def repair(conversion: Conversion, factors: Sequence[fmpq] = CHANGE) -> int | None:
    """What keeps the two together when the learning rate changes, each in its own units.

    A velocity holds the learning rates of the past, a sum of gradients none: the target's memory
    has to be multiplied by this power of new/old. None where no power does; checked by running.
    """
    source, target = conversion.source, conversion.target
    if target is None or conversion.relation is not Agreement.ITERATES:
        return None
    ours, theirs = (linear_method(side.rule).memory_units[0] for side in (source, target))
    loss = small_steps(source)
    own = path(source, loss, START, RESIDUES, factors=factors)

    def keeps(power: int) -> bool:
        first = conversion.first_step
        other = path(target, loss, START, RESIDUES, first=first, factors=factors, repair=power)
        return bool((own == other).all())

    return next(filter(keeps, dict.fromkeys((0, theirs - ours))), None)


def scales(given: ConventionValues) -> Scales:
    """The numbers that a conversion without the same iterates can still keep."""
    loss = modified_loss(given.rule, order=2)
    speed, regularizer = (given.lr * c.at({}) for c in (loss.scale, loss.terms[PAIR]))
    return Scales(speed, regularizer, speed / (1 - response(given).fading))


def _matches(given: ConventionValues, goal: Convention) -> Iterator[Match]:
    """Targets with the source's effective learning rate, and its inertia or its regularizer."""
    wanted = scales(given)
    for position in goal.switches:
        aged = _momentum_of(goal, position, wanted.regularizer / wanted.speed)
        for beta in dict.fromkeys((response(given).fading, aged)):
            trial = ConventionValues(goal, ONE, beta, ZERO, position, ONE)
            found = replace(trial, lr=wanted.speed / scales(trial).speed)
            pairs = zip(WORDS, astuple(scales(found)), astuple(wanted), strict=True)
            keeps = tuple(name for name, ours, theirs in pairs if _close(ours, theirs))
            apart = difference(Conversion(given, Agreement.SCALES, found))
            yield Match(found, keeps, _changes(given, found), apart)


def _momentum_of(goal: Convention, position: bool, ratio: fmpq) -> fmpq:
    """The momentum with which regularizer over speed is this ratio, to 15 digits."""
    family = goal.variant(position)
    loss = modified_loss(family.at(dampening=0) if goal.has("dampening") else family, order=2)
    equation = (loss.terms[PAIR] / loss.scale - ratio).reduced.numerator
    roots = [root for root, _ in equation.roots()]
    real = (root.real for root, _ in equation.complex_roots() if root.imag == 0)
    roots += [exact(f"{float(root.mid()):.15f}") for root in real]
    return next(root for root in roots if 0 <= root < 1)


def _close(one: fmpq, other: fmpq) -> bool:
    return abs(one - other) * 10**12 <= max(abs(one), abs(other))


def _changes(given: ConventionValues, found: ConventionValues) -> str:
    """What a match does not keep, in one sentence."""
    sides = (given, found)
    flows = [modified_flow(side.rule, order=4) for side in sides]
    weights = [
        {t: (-side.lr) ** t.order * b.at({}) / t.symmetry for t, b in flow.items()}
        for side, flow in zip(sides, flows, strict=True)
    ]
    first = next(t for t in trees_up_to(4) if not _close(*(w[t] for w in weights)))
    where, (own, new) = text_differential(first), (beside(w[first]) for w in weights)
    shifts = [-side.lr * initial_shift(side.rule, order=1)[LEAF].at({}) for side in sides]
    start, restart = map(beside, shifts)
    moved = f"both by {start}∇E" if start == restart else f"it by {restart}∇E, not {start}∇E"
    return f"the flow has {new}{where}, not {own}{where}; start-up moves {moved}."


def beside(value: fmpq) -> str:
    """A number in front of a vector."""
    text = number(value, 6)
    return {"1": "", "−1": "−"}.get(text, f"{text} ")


def percent(value: float) -> str:
    """A share as a percentage."""
    return f"{100 * value:.2g}%"
