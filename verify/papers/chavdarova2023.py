"""High-resolution equations of methods for games: Chavdarova, Jordan and Zampetakis (2023)."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mpmath
import numpy as np
import sympy
from flint import fmpq

from derive.engine.second_order import VELOCITY, Vector
from verify.claims.checks.game_methods import METHODS
from verify.claims.checks.games import game
from verify.claims.checks.stated import observed
from verify.claims.claim import RECALLED, Check, Claim, Evidence, Kind, Settings, claim
from verify.claims.slots import Losses, Order, Slot, Value, When
from verify.claims.statement import Statement, Type
from verify.running.families import starting_point
from verify.running.numbers import MPFR, precision
from verify.running.orders import observed_order
from verify.running.phase_flow import Motion
from verify.running.trajectories import vector

STEP = sympy.Symbol("gamma")
SHOWN = {
    "friction": r"-({friction})\omega",
    "force": r"-({force})V",
    "turn": r"{+turn}\nabla V\,V",
    "bend": r"{+bend}\nabla V\,\omega",
}
VECTORS: Mapping[str, Vector] = {
    "friction": VELOCITY,
    "force": (),
    "turn": ((),),
    "bend": (VELOCITY,),
}
SIGNS = {"friction": -1, "force": -1, "turn": 1, "bend": 1}


def motion_errors(
    name: str, says: Statement, start: Callable[[Statement], Any]
) -> list[tuple[float, float]]:
    """Iterates beside the stated equation from z_0 and a multiple of V(z_0)."""
    draw, method = random.Random(3), METHODS[name]
    field, point, result = game(draw), starting_point(draw, 2), list[tuple[float, float]]()
    with precision(25):
        grad = field.gradient_function(MPFR)
        for j in range(4, 8):
            h = MPFR.convert(fmpq(1, 2 ** (j + 1)))
            last = here = begin = vector([MPFR.convert(c / 2) for c in point])
            path: list[np.ndarray] = []
            for _ in range(2**j):
                last, here = here, method.move(here, last, grad, h, {})
                path.append(here)
            terms = {of: SIGNS[n] * says.expr(n) for n, of in VECTORS.items() if n in says.slots}
            flow = Motion(field, terms, {"gamma": h})
            state = [*begin, *(grad(begin) * MPFR.convert(start(says))), h * 0]
            try:
                other = flow.path(state, [h * k for k in range(1, 2**j + 1)], digits=25)
            except ArithmeticError:
                other = [here + 1] * len(path)
            gaps = [float(max(abs(c) for c in a - b)) for a, b in zip(path, other, strict=True)]
            result.append((max(gaps), gaps[-1]))
    return result


def on_linear_games(name: str) -> Check:
    """On V = J z with a complex number J: the slow root beside the logarithm of the multiplier,
    and the share that it has at the start."""

    def judge(says: Statement, settings: Settings) -> Evidence:
        if says["losses"] is not Losses.EVERY:
            return Evidence(False, "it holds on other games as well")
        errors: list[float] = []
        with mpmath.workdps(60):
            turn = mpmath.mpc(3, 5) / 7
            for j in range(36, 41):
                step = mpmath.mpf(1) / 2**j
                values = {
                    n: _real(says.number(n, gamma=fmpq(1, 2**j)))
                    for n in VECTORS
                    if n in says.slots
                }
                middle = values["friction"] - values.get("bend", 0) * turn
                last = values["force"] * turn - values.get("turn", 0) * turn**2
                if not middle:
                    return Evidence(False, "no friction is left")
                root = -middle / 2 + middle / 2 * mpmath.sqrt(1 - 4 * last / middle**2)
                times = _multiplier(name, step * turn)
                # of z = share exp(root t) + a fast part
                share = (_real(says.number("start")) * turn + middle + root) / (2 * root + middle)
                errors.append(float(abs(root - mpmath.log(times) / step) + abs(share - 1)))
        seen = observed_order(errors)
        return Evidence(seen.supports(says["order"].power), f"order {seen}")

    return Check("slow root on linear games", Kind.BALL, judge)


def _real(value: fmpq) -> mpmath.mpf:
    return mpmath.mpf(int(value.p)) / int(value.q)


def _multiplier(name: str, z: mpmath.mpc) -> mpmath.mpc:
    if name == "optimistic":
        return (1 - 2 * z) / 2 + mpmath.sqrt((1 - 2 * z) ** 2 + 4 * z) / 2
    return 1 - z + z * z if name == "extragradient" else 1 - z


def high_resolution(name: str, words: str, slots: Mapping[str, Slot]) -> Claim:
    """The order of the equation, from the slow start and from rest."""
    told = "".join(SHOWN[n] for n in slots)

    def from_start(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
        return motion_errors(name, says, lambda s: s.number("start"))

    def from_rest(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
        return motion_errors(name, says, lambda _: fmpq(0))

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"{words} of step $\gamma$ is {{order}}-close, {{when}}, at the times "
            rf"$t_k:=k\gamma$ to $\dot z:=\omega$, $\dot\omega:={told}$ from $z_0$ and "
            r"$\omega:={start}V$, and {coarse}-close from $\omega$ at rest, for fields as of "
            r"{losses}.",
            {**slots, "order": Order(2, "gamma"), "when": When.EVERY_STEP}
            | {"start": Value(sympy.Integer(-1)), "coarse": Order(1, "gamma")}
            | {"losses": Losses.EVERY},
        ),
        checks=(
            on_linear_games(name),
            observed("observed order", from_start),
            observed("observed order from rest", from_rest, order="coarse", when=None),
        ),
    )


FADING = {"friction": Value(2 / STEP), "force": Value(2 / STEP)}


@claim("chavdarova2023.descent-ascent", catalogue="I04", where="as recalled", printed=RECALLED)
def descent_ascent() -> Claim:
    r"""$\frac\gamma2\ddot z+\dot z=-V$ is $z(t+\gamma)-z(t)=-\gamma V$ but for
    $\frac{\gamma^2}6z'''$. The fast part fades like $e^{-2t/\gamma}$ and moves $z$ by
    $\frac\gamma2(\omega+V)$ in all: from rest by an order more than the equation is off.
    """
    return high_resolution("descent-ascent", "Simultaneous descent-ascent", FADING)


@claim("chavdarova2023.extragradient", catalogue="I04", where="as recalled", printed=RECALLED)
def extragradient() -> Claim:
    r"""The step has $\gamma^2\nabla V\,V$ beside that of descent-ascent, which is
    $\frac2\gamma\cdot\gamma\nabla V\,V$ in $\dot\omega$.
    """
    slots = {**FADING, "turn": Value(sympy.Integer(2))}
    return high_resolution("extragradient", "Extragradient", slots)


@claim("chavdarova2023.optimistic", catalogue="I04", where="as recalled", printed=RECALLED)
def optimistic() -> Claim:
    r"""The step has $-\gamma(V(z_k)-V(z_{k-1}))$ beside that of descent-ascent, which is
    $-\gamma^2\nabla V\,\omega$ up to higher terms.
    """
    slots = {**FADING, "bend": Value(sympy.Integer(-2))}
    return high_resolution("optimistic", "Optimistic descent", slots)
