"""Momentum methods in two steps beside the second-order equation that a statement gives them.

The slots `friction`, `force`, `bend`, `curv` and `third` are what stands beside x', grad f, H x',
H grad f and the third derivative along x' twice in -x''; `start` is x' at the start over grad f,
and `clock` is c where iterate k is met at the time (k + c) h.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive.engine.second_order import VELOCITY, Vector
from verify.claims.checks.heavy_ball import QUARTIC
from verify.claims.checks.linearized import Left, written_down
from verify.claims.checks.stated import bounded, drawn_loss, for_losses, observed
from verify.claims.claim import Check, Settings
from verify.claims.slots import Domain, Losses, Order, Point, Slot, When
from verify.claims.statement import Statement, Type
from verify.running.families import starting_point
from verify.running.flows import evaluate_taylor
from verify.running.losses import Loss
from verify.running.numbers import (
    MPFR,
    Arithmetic,
    PowerSeries,
    power_series,
    precision,
    sqrt,
)
from verify.running.orders import ObservedOrder, observed_order
from verify.running.phase_flow import Motion
from verify.running.trajectories import vector

Number = Any
MU, T = sympy.symbols("mu t")
ROOT = sympy.sqrt(MU)
CONVEX = Domain((sympy.Ge(MU, 0),))
VECTORS: dict[str, Vector] = {
    "friction": VELOCITY,
    "force": (),
    "bend": (VELOCITY,),
    "curv": ((),),
    "third": (VELOCITY, VELOCITY),
}
SHOWN = {
    "friction": r"({friction})\dot X",
    "force": r"+({force})\nabla f",
    "bend": r"{+bend}\nabla^2f\,\dot X",
    "curv": r"{+curv}\nabla^2f\,\nabla f",
    "third": r"{+third}\nabla^3f[\dot X,\dot X]",
}
TINY, HALVINGS = range(20, 24), range(4, 8)
DIGITS = 70

Step = Callable[[np.ndarray, np.ndarray, Callable[..., np.ndarray], Number, Number, Number], Any]
"""x_(k+1) from x_k, x_(k-1), the gradient, kh, h and the root of mu."""


@dataclass(frozen=True)
class Method:
    """A method, its first step, and whether its equation has a singular time near the start."""

    step: Step
    first: Callable[[np.ndarray, Callable[..., np.ndarray], Number, Number], np.ndarray]
    singular: bool = False


def fade(h: Number, root: Number) -> Number:
    """The momentum (1 - sqrt(mu) h)/(1 + sqrt(mu) h)."""
    return (1 - root * h) / (1 + root * h)


def nesterov_step(
    x: np.ndarray, last: np.ndarray, grad: Callable[..., np.ndarray], h: Number, beta: Number
) -> np.ndarray:
    """y' = x - h^2 grad f(x), x' = y' + beta (y' - y), all at the points of the gradients."""
    descended, before = x - h * h * grad(x), last - h * h * grad(last)
    return descended + beta * (descended - before)


HEAVY_BALL = Method(
    lambda x, last, grad, time, h, root: x + fade(h, root) * (x - last) - h * h * grad(x),
    lambda x, grad, h, root: x - 2 * h * h / (1 + root * h) * grad(x),
)
NESTEROV = Method(
    lambda x, last, grad, time, h, root: nesterov_step(x, last, grad, h, fade(h, root)),
    lambda x, grad, h, root: x - (1 + fade(h, root)) * h * h * grad(x),
)
CONVEX_NESTEROV = Method(
    lambda x, last, grad, time, h, root: nesterov_step(x, last, grad, h, time / (time + 3 * h)),
    lambda x, grad, h, root: x - h * h * grad(x),
    singular=True,
)


def written(slots: Mapping[str, Any]) -> str:
    """The equation with these slots, between dollars."""
    return r"$-\ddot X=" + "".join(t for n, t in SHOWN.items() if n in slots) + "$"


MOMENTUM = r"$\alpha:=(1-\sqrt\mu\,h)/(1+\sqrt\mu\,h)$"
ITERATES = r"$x_{k+1}:=y_{k+1}+\theta_k(y_{k+1}-y_k)$, $y_{k+1}:=x_k-h^2\nabla f(x_k)$"
METHODS = {
    "heavy ball": r"$x_{k+1}:=x_k+\alpha(x_k-x_{k-1})-h^2\nabla f(x_k)$",
    "Nesterov's method": r"$x_{k+1}:=y_{k+1}+\alpha(y_{k+1}-y_k)$, "
    r"$y_{k+1}:=x_k-h^2\nabla f(x_k)$",
}


def closeness(name: str, terms: Mapping[str, Slot], order: int, start: Slot) -> Statement:
    """The iterates are close to the equation, from its start."""
    return Statement(
        Type.CLOSENESS,
        f"The iterates of {name}, {METHODS[name]} with {MOMENTUM}, $h:=\\sqrt s$, from $x_0$ and "
        r"$x_1:=x_0-2h^2\nabla f(x_0)/(1+\sqrt\mu\,h)$, are {order}-close, {when}, at the times "
        rf"$t_k:=kh$ to {written(terms)} from $x_0$ and $\dot X={{start}}\nabla f(x_0)$ at $t_0$, "
        r"for {losses} and {domain}.",
        {**terms, "order": Order(order), "when": When.EVERY_STEP, "start": start}
        | {"losses": Losses.EVERY, "domain": CONVEX},
    )


def motion(says: Statement, loss: Loss, mu: Number, h: Number) -> Motion:
    """The stated equation on a loss."""
    terms = {of: -says.expr(n) for n, of in VECTORS.items() if n in says.slots}
    return Motion(loss, terms, {"mu": mu, "h": h})


def stated(says: Statement, name: str, mu: Number, h: Number) -> Number:
    """The number in a slot."""
    return says.number(name, mu=mu, h=h) if name in says.slots else h * 0


def left_over(
    says: Statement,
    *,
    method: Method,
    loss: Loss,
    point: Sequence[fmpq],
    root: Number,
    h: Number,
    numbers: Arithmetic = MPFR,
) -> list[Number]:
    """What a solution through a point leaves of the method over h^2, and of its first step over h.

    Args:
        root: of mu.
    """
    grad, here = loss.gradient_function(numbers), vector([numbers.convert(p) for p in point])
    flow, now = motion(says, loss, root * root, h), numbers.convert(fmpq(5, 4))
    passed = flow.around([*here, *(here[::-1] / 3 + 1), now], arithmetic=numbers)
    after, before = (vector(evaluate_taylor(passed, s)) for s in (h, -h))
    time = now - stated(says, "clock", root * root, h) * h
    left = [*((after - method.step(here, before, grad, time, h, root)) / h**2)]
    if "start" in says.slots and not method.singular:
        speed = grad(here) * stated(says, "start", root * root, h)
        begun = flow.around([*here, *speed, now * 0], arithmetic=numbers)
        left += [*((vector(evaluate_taylor(begun, h)) - method.first(here, grad, h, root)) / h)]
    return left


def local_errors(
    method: Method, says: Statement, loss: Loss, point: Sequence[fmpq], mu: fmpq
) -> list[float]:
    """The largest of what is left over at short steps."""
    found: list[float] = []
    with precision(DIGITS):
        root = sqrt(MPFR.convert(mu))
        for j in TINY:
            h = MPFR.convert(fmpq(1, 2**j))
            left = left_over(says, method=method, loss=loss, point=point, root=root, h=h)
            found.append(float(max(map(abs, left))))
    return found


def local_order(
    method: Method, says: Statement, loss: Loss, draw: random.Random, mu: fmpq
) -> ObservedOrder:
    """The order of the local errors from a random point."""
    return observed_order(
        local_errors(method, says, loss, starting_point(draw, loss.dimension), mu)
    )


@dataclass(frozen=True)
class Opening:
    """How iterates and solution begin.

    Args:
        push: the starting velocity over h grad f(x_0), where none is stated.
        rest: the solution of a singular equation begins at rest at the time 0.
        begin: the time at which two iterates are put on a solution.
        late: how many steps later than stated the solution is read.
        place: x_0.
    """

    push: int = 0
    rest: bool = False
    begin: fmpq | None = None
    late: fmpq | int = 0
    place: fmpq | int = 1


def global_errors(
    method: Method,
    says: Statement,
    opening: Opening | None = None,
    halvings: range = HALVINGS,
    mu: fmpq = fmpq(1, 4),
) -> list[tuple[float, float]]:
    """The distances from the solution that starts as stated, over all steps up to time 1."""
    opening = opening or Opening()
    result: list[tuple[float, float]] = []
    with precision(30):
        grad, x0 = QUARTIC.gradient_function(MPFR), vector([MPFR.convert(fmpq(opening.place))])
        slope, root = grad(x0), sqrt(MPFR.convert(mu))
        for j in halvings:
            h, steps = MPFR.convert(fmpq(1, 2**j)), 2**j
            flow = motion(says, QUARTIC, root * root, h)
            clock = stated(says, "clock", root * root, h)
            path, first = [x0, method.first(x0, grad, h, root)], h * 0 + 1
            push = stated(says, "start", root * root, h) or opening.push * h
            state = [*x0, *(slope * push), clock * h]
            if opening.rest:  # x_0 - t^2 grad f/8 + O(t^4), at t = h
                state = [*(x0 - h * h / 8 * slope), *(slope * -h / 4), h]
            if opening.begin is not None:
                state = [*x0, *(slope / 3), MPFR.convert(opening.begin)]
                first = state[2] / h - clock + 1
                path = [x0, vector(evaluate_taylor(flow.around(state, 40), h))]
            for k in range(steps - 1):
                time = (first + k) * h
                path.append(method.step(path[-1], path[-2], grad, time, h, root))
            shift = state[2] if opening.begin is not None else clock * h
            times = [
                shift + h * (k + MPFR.convert(fmpq(opening.late))) for k in range(1, steps + 1)
            ]
            kept = [(x, t) for x, t in zip(path[1:], times, strict=True) if t >= state[2]]
            try:
                other = flow.path(state, [t for _, t in kept], digits=30)
            except ArithmeticError:
                other = [x0 + 1] * len(kept)
            gaps = [float(abs(x - y)[0]) for (x, _), y in zip(kept, other, strict=True)]
            result.append((max(gaps), gaps[-1]))
    return result


def beside_equation(
    method: Method, *, domain: bool = True, everywhere: bool = True, refutes: bool = False
) -> tuple[Check, ...]:
    """Iterates beside the stated solution, and the equation and start in one short step."""

    def order_is(says: Statement, loss: Loss, draw: random.Random, mu: fmpq) -> bool:
        return local_order(method, says, loss, draw, mu).supports(says["order"].power)

    def on(says: Statement, loss: Loss, draw: random.Random) -> bool:
        return order_is(says, loss, draw, fmpq(draw.randint(1, 30), 16))

    def where(says: Statement, point: Point, settings: Settings) -> bool:
        return order_is(says, QUARTIC, random.Random(settings.seed), point["mu"])

    def at_random(says: Statement, draw: random.Random) -> tuple[Left, Mapping[str, fmpq]]:
        """On power series in h."""
        loss, root, terms = drawn_loss(says["losses"], draw), fmpq(draw.randint(1, 30), 16), 8
        given = {
            "method": method,
            "loss": loss,
            "point": starting_point(draw, loss.dimension),
            "root": root,
        }
        numbers, h = power_series(terms), PowerSeries.step(terms)
        left = partial(left_over, **given, h=h, numbers=numbers)
        return left, {} if method.singular else {"mu": root * root}

    check = for_losses("what is left in one short step", on, refutes=refutes)
    local = written_down(check, at_random, lambda says: says["order"].power)
    runs = observed(
        "observed order", lambda says, settings: global_errors(method, says), refutes=refutes
    )
    inside = bounded("in one short step, by strong convexity", where)
    return (local, *([inside] if domain else []), *([runs] if everywhere else []))
