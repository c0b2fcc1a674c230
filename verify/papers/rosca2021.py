"""Discretization drift in two-player games: Rosca, Wu, Dherin and Barrett (2021).

The players phi and theta move by alpha h f and lambda h g.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive.language.formula import H
from verify.claims.checks.games import GameFlow, Grad, Move, in_one_step, over_time
from verify.claims.checks.identities import exact
from verify.claims.claim import Claim, Kind, Settings, claim, second_hand
from verify.claims.slots import Losses, Order, Slot, Value, When
from verify.claims.statement import Statement, Type
from verify.running.losses import VectorField
from verify.running.trajectories import vector

Number = Any
A, L, M = sympy.symbols("alpha lambda m")
RATES = ("alpha", "lambda")
UNEQUAL = {"alpha": fmpq(3, 2), "lambda": fmpq(2, 3)}
PRINTED = second_hand(r"error $O(h^3)$ a step", "claims-next, I02")


def simultaneous(
    z: np.ndarray, last: np.ndarray, field: Grad, h: Number, rates: Mapping[str, Number]
) -> np.ndarray:
    """Both players move by their fields at one place."""
    found = field(z)
    return vector([z[0] + rates["alpha"] * h * found[0], z[1] + rates["lambda"] * h * found[1]])


def alternating(
    z: np.ndarray, last: np.ndarray, field: Grad, h: Number, rates: Mapping[str, Number]
) -> np.ndarray:
    """theta sees where phi has moved."""
    between = vector([z[0] + rates["alpha"] * h * field(z)[0], z[1]])
    return vector([between[0], z[1] + rates["lambda"] * h * field(between)[1]])


def drift(
    says: Statement,
    field: VectorField,
    h: Number,
    rates: Mapping[str, Number],
    *,
    scales: tuple[str, str] | None = RATES,
) -> GameFlow:
    """The stated corrections of both players, in a common time or in no player's scale."""

    def number(name: str) -> Number:
        return says.number(name, h=h, **rates)

    one = h * 0 + 1
    alpha, lam = (rates[s] for s in scales) if scales else (one, one)
    return GameFlow(
        field,
        [
            (0, (), alpha),
            (0, ((0, ()),), alpha * number("own")),
            (0, ((1, ()),), alpha * number("across")),
            (1, (), lam),
            (1, ((0, ()),), lam * number("back")),
            (1, ((1, ()),), lam * number("alone")),
        ],
    )


FIELDS = (
    r"f{+own}\,\partial_\varphi f\,f{+across}\,\partial_\theta f\,g",
    r"g{+back}\,\partial_\varphi g\,f{+alone}\,\partial_\theta g\,g",
)
MOVES: Mapping[str, tuple[str, Move]] = {
    "simultaneous": (r"$\theta_{k+1}:=\theta_k+\lambda hg(\varphi_k,\theta_k)$", simultaneous),
    "alternating": (r"$\theta_{k+1}:=\theta_k+\lambda hg(\varphi_{k+1},\theta_k)$", alternating),
}


def in_own_time(kind: str, slots: Mapping[str, Slot]) -> Claim:
    """One step, after which either player is read at the time of its own rate."""
    told, move = MOVES[kind]

    def left(path: Any, field: Grad, h: Number, rates: Mapping[str, Number]) -> np.ndarray:
        reached = move(path(h * 0), path(h * 0), field, h, rates)
        read = vector([path(rates["alpha"] * h)[0], path(rates["lambda"] * h)[1]])
        return reached - read

    def by_taylor(says: Statement, settings: Settings) -> tuple[bool, str]:
        x, y = sympy.symbols("x y")
        f, g = (sympy.Function(name)(x, y) for name in "fg")
        moved = x + A * H * f if kind == "alternating" else x
        step = (x + A * H * f, y + L * H * g.subs(x, moved))
        own, across, back, alone = (says.expr(n) for n in ("own", "across", "back", "alone"))
        flow = (
            f + own * sympy.diff(f, x) * f + across * sympy.diff(f, y) * g,
            g + back * sympy.diff(g, x) * f + alone * sympy.diff(g, y) * g,
        )
        for now, new, rate, speed in zip((x, y), step, (A, L), flow, strict=True):
            turn = sympy.diff(speed, x) * flow[0] + sympy.diff(speed, y) * flow[1]
            gap = new - now - rate * H * speed - (rate * H) ** 2 / 2 * turn
            for n in range(3):
                if sympy.expand(gap.subs(H, 0).doit()) != 0:
                    return False, f"differs at h^{n}"
                gap = sympy.diff(gap, H)
        return True, "equal through h^2 for all f and g"

    def unscaled(
        says: Statement, field: VectorField, h: Number, rates: Mapping[str, Number]
    ) -> GameFlow:
        return drift(says, field, h, rates, scales=None)

    return Claim(
        says=Statement(
            Type.EXISTENCE,
            r"One step $\varphi_{k+1}:=\varphi_k+\alpha hf(\varphi_k,\theta_k)$, "
            rf"{told} is met up to {{order}} by the flow $\dot\varphi:={FIELDS[0]}$, "
            rf"$\dot\theta:={FIELDS[1]}$ from $(\varphi_k,\theta_k)$, where $\varphi$ is read at "
            r"the time $\alpha h$ and $\theta$ at $\lambda h$.",
            {"order": Order(3), **slots},
        ),
        checks=(
            in_one_step("on random games", unscaled, left, rates=RATES),
            exact("by Taylor's formula", Kind.SYMBOLIC, by_taylor),
        ),
    )


def in_common_time(kind: str, right: Mapping[str, Slot], printed: Mapping[str, Slot]) -> Claim:
    """Many steps, on one clock."""
    told, move = MOVES[kind]

    def left(path: Any, field: Grad, h: Number, rates: Mapping[str, Number]) -> np.ndarray:
        return (move(path(h * 0), path(h * 0), field, h, rates) - path(h)) / h

    def as_printed(
        says: Statement, field: VectorField, h: Number, rates: Mapping[str, Number]
    ) -> GameFlow:
        return drift(says.changed(**printed), field, h, rates)

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"The iterates $\varphi_{k+1}:=\varphi_k+\alpha hf(\varphi_k,\theta_k)$, "
            rf"{told} are {{order}}-close, {{when}}, at the times $t_k:=kh$ to "
            rf"$\dot\varphi:=\alpha({FIELDS[0]})$, $\dot\theta:=\lambda({FIELDS[1]})$, for "
            r"unequal rates and fields as of {losses}.",
            {"order": Order(2), "when": When.EVERY_STEP, **right}
            | {"coarse": Order(1), "losses": Losses.EVERY},
        ),
        misprint=printed,
        because=r"two players with unequal rates are read at different times of the printed flow "
        r"after one step already, and go on from there on no common flow.",
        counterexample=r"from one place with unequal rates the iterates are {coarse}-close to the "
        r"printed flow in the time of either rate.",
        checks=(
            in_one_step("in one short step", drift, left, rates=RATES, refutes=True),
            over_time("observed order", drift, move, rates=UNEQUAL, refutes=True),
            over_time(
                "observed order of the printed flow",
                as_printed,
                move,
                order="coarse",
                when=None,
                rates=UNEQUAL,
            ),
        ),
    )


OWN = {"own": Value(-A * H / 2), "across": Value(-A * H / 2)}
SIMULTANEOUS = {**OWN, "back": Value(-L * H / 2), "alone": Value(-L * H / 2)}
ALTERNATING = {**SIMULTANEOUS, "back": Value(-L * H / 2 * (1 - 2 * A / L))}


@claim("rosca2021.simultaneous-step", catalogue="I01 I02", where="simultaneous", printed=PRINTED)
def simultaneous_step() -> Claim:
    r"""At the time $\alpha h$ the flow has moved $\varphi$ by
    $\alpha hf+\frac{\alpha^2h^2}2(\partial_\varphi f\,f+\partial_\theta f\,g)$ without its
    corrections, and the step by $\alpha hf$; likewise $\theta$ at the time $\lambda h$.
    """
    return in_own_time("simultaneous", SIMULTANEOUS)


@claim("rosca2021.alternating-step", catalogue="I01 I02", where="alternating", printed=PRINTED)
def alternating_step() -> Claim:
    r"""The step of $\theta$ has $\alpha\lambda h^2\,\partial_\varphi g\,f$ beside that of the
    simultaneous game.
    """
    return in_own_time("alternating", ALTERNATING)


@claim("rosca2021.simultaneous-flow", catalogue="I02", where="simultaneous", printed=PRINTED)
def simultaneous_flow() -> Claim:
    r"""In a common time the players have the fields $\alpha f$ and $\lambda g$, and what is
    taken off is $\frac h2$ times their derivative along both: the other player's rate stands beside
    the interaction. With equal rates the two are one.
    """
    right = {**SIMULTANEOUS, "across": Value(-L * H / 2), "back": Value(-A * H / 2)}
    return in_common_time(
        "simultaneous", right, {name: SIMULTANEOUS[name] for name in ("across", "back")}
    )


@claim("rosca2021.alternating-flow", catalogue="I02", where="alternating", printed=PRINTED)
def alternating_flow() -> Claim:
    r"""As for the simultaneous game, with $\alpha\lambda h\,\partial_\varphi g\,f$ more in the
    field of $\theta$.
    """
    right = {**SIMULTANEOUS, "across": Value(-L * H / 2), "back": Value(A * H / 2)}
    return in_common_time(
        "alternating", right, {name: ALTERNATING[name] for name in ("across", "back")}
    )


COUNT = 3


def inner(
    z: np.ndarray, last: np.ndarray, field: Grad, h: Number, rates: Mapping[str, Number]
) -> np.ndarray:
    """phi moves three times, by alpha h/3 each, before theta does."""
    x, y = z
    for _ in range(COUNT):
        x = x + rates["alpha"] * h / COUNT * field(vector([x, y]))[0]
    return vector([x, y + rates["lambda"] * h * field(vector([x, y]))[1]])


@claim(
    "rosca2021.inner-updates",
    catalogue="I05",
    where="several updates of one player",
    printed=second_hand(r"self term $1/(2m)$", "claims-next, I05"),
)
def inner_updates() -> Claim:
    r"""$m$ updates by $\alpha h/m$ move $\varphi$ by
    $\alpha hf+\alpha^2h^2\frac{m-1}{2m}\partial_\varphi f\,f$, and the flow alone by
    $\frac{\alpha^2h^2}2\partial_\varphi f\,f$ more than $\alpha hf$: a step of a fraction $1/m$ is
    what is seen of the player itself. If $\alpha$ is the rate of a single update, the term has no
    $m$ and the speed has a factor $m$.
    """

    def counted(
        says: Statement, field: VectorField, h: Number, rates: Mapping[str, Number]
    ) -> GameFlow:
        return drift(says, field, h, {**rates, "m": h * 0 + COUNT})

    def left(path: Any, field: Grad, h: Number, rates: Mapping[str, Number]) -> np.ndarray:
        return (inner(path(h * 0), path(h * 0), field, h, rates) - path(h)) / h

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Where $\varphi$ moves $m$ times by $\alpha hf/m$ before $\theta$ moves by "
            r"$\lambda hg$, the iterates after both are {order}-close, {when}, at the times "
            rf"$t_k:=kh$ to $\dot\varphi:=\alpha({FIELDS[0]})$, "
            rf"$\dot\theta:=\lambda({FIELDS[1]})$, for fields as of {{losses}}.",
            {"order": Order(2), "when": When.EVERY_STEP, "losses": Losses.EVERY}
            | {"own": Value(-A * H / (2 * M)), "across": Value(-L * H / 2)}
            | {"back": Value(A * H / 2), "alone": Value(-L * H / 2)},
        ),
        checks=(
            in_one_step("in one short step", counted, left, rates=RATES),
            over_time("observed order", counted, inner, rates=UNEQUAL),
        ),
    )
