"""The flow of Adam through the step size: Cattaneo, Klusowski and Shigida (2024), "On the implicit
bias of Adam".
"""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import sympy
from flint import fmpq

from derive.engine.order_h import G, coefficient
from verify.claims.checks.averaged_past import (
    ADAM_INSIDE,
    ADAM_OUTSIDE,
    BETA1,
    BETA2,
    EPSILON,
    Defaults,
    MomentRule,
    R,
    age,
)
from verify.claims.checks.stated import bounded, measured, switches
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, claim, second_hand
from verify.claims.slots import Choice, Domain, Number, Relation, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import precision


class EpsilonPlace(Choice):
    """Where epsilon stands."""

    INSIDE = "inside the root"
    OUTSIDE = "outside the root"

    @property
    def adam(self) -> MomentRule:
        return ADAM_INSIDE if self is EpsilonPlace.INSIDE else ADAM_OUTSIDE


BRACKET = age(BETA1) - age(BETA2) + age(BETA2) * EPSILON / (R**2 + EPSILON)


def _at_place(by: str, weight: Any) -> Check:
    """A check of the Adam that has its epsilon where it is said to be."""
    of = {place: getattr(place.adam, by)(weight) for place in EpsilonPlace}
    return replace(
        of[EpsilonPlace.INSIDE],
        judge=lambda says, settings: of[says["place"]].judge(says, settings),
    )


@claim(
    "cattaneo2024.adam-flow",
    catalogue="E15",
    where="full batch, after transients",
    printed=second_hand(
        r"$\|v\|_{1,\varepsilon}=\sum\sqrt{v_i^2+\varepsilon}$", "the catalogue, E15"
    ),
)
def adam_flow() -> Claim:
    r"""A step ago the gradient was $g-hH\dot x$ with $\dot x=-g/\sqrt{g^2+\varepsilon}$. The mean
    ages $\beta/(1-\beta)$ of both averages change the quotient by $h$ times a multiple of
    $H\dot x=-\partial_j\lVert\nabla E\rVert_{1,\varepsilon}$, and half a step more comes from the
    discretization.
    """

    def weight(says: Statement, at: dict[str, Any]) -> float:
        root = float(at["r"] ** 2 + at["epsilon"]) ** 0.5
        return -float(says.number("bracket", **at)) / root

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The modified flow $F_0+hF_1+\dots$ of Adam with $\varepsilon$ {place} has, in "
            r"component $j$, $F_1=-\Bigl({bracket}\Bigr)\partial_j\lVert\nabla E\rVert"
            r"_{1,\varepsilon}/\sqrt{r^2+\varepsilon}$ with $r:=\lvert\partial_jE\rvert$, "
            r"$\lVert v\rVert_{1,\varepsilon}:=\sum_i\sqrt{v_i^2+\varepsilon}$.",
            {"place": EpsilonPlace.INSIDE, "bracket": Value(BRACKET / 2)},
        ),
        checks=(
            _at_place("by_running", weight),
            _at_place("by_engine", lambda says: -says.expr("bracket") / sympy.sqrt(R**2 + EPSILON)),
        ),
    )


Numbers = dict[str, fmpq]
TURN = EPSILON * (1 + BETA1) * (1 - BETA2) / (2 * (BETA2 - BETA1))


def size_of(says: Statement, at: fmpq) -> float:
    """The size r that belongs to a value of r, or of r^2 where epsilon is inside the root."""
    return float(at) ** (1 if says["place"] is EpsilonPlace.OUTSIDE else 0.5)


def drawn(says: Statement, draw: random.Random) -> tuple[fmpq, Numbers]:
    beta1 = fmpq(draw.randint(10, 50), 100)
    point = {"beta1": beta1, "beta2": beta1 + fmpq(draw.randint(10, 40), 100)}
    point |= {"epsilon": fmpq(draw.randint(1, 40), 10)}
    return says.number("turn", **point), point


def penalizes(says: Statement, at: fmpq, point: Numbers) -> bool:
    """Whether the engine's coefficient is above 0."""
    c = coefficient(says["place"].adam.rule)
    size = sympy.Rational(str(at))
    size = size if says["place"] is EpsilonPlace.OUTSIDE else sympy.sqrt(size)
    names = {"eps": "epsilon"}
    values = {
        s: sympy.Rational(str(point[names.get(str(s), str(s))])) for s in c.free_symbols - {G}
    }
    return bool(c.subs(values | {G: size}) > 0)


ZERO = 1e-12
"""What a term at the zero is below; 1e-8 beside it, it is far above."""
RANGE = Domain((BETA1 > -1, BETA1 < 1, BETA2 > BETA1, BETA2 < 1))


def turns(says: Statement, point: Numbers, settings: Settings) -> bool:
    """Whether a step's term has one sign at half of where it turns and the other at twice that."""
    at = says.number("turn", **point, epsilon=fmpq(1))
    if at <= 0:
        return False
    with precision(70):
        sizes = (fmpq(*size_of(says, at * n).as_integer_ratio()) for n in (fmpq(1, 2), fmpq(2)))
        values = {**point, "eps": fmpq(1)}
        low, high = (says["place"].adam.term(values, size, fmpq(7, 3))[0] for size in sizes)
    return float(low) < 0 < float(high)


def by_run(says: Statement, settings: Settings) -> Evidence:
    """The sign of the term of a step on both sides of where it is said to change."""
    draw, near = random.Random(settings.seed), fmpq(1, 10**8)
    with precision(70):
        for _ in range(2):
            at, point = drawn(says, draw)
            if at <= 0:
                return Evidence(False, f"{at} is no size")
            values = {"beta1": point["beta1"], "beta2": point["beta2"], "eps": point["epsilon"]}
            for side in (-1, 0, 1):
                size = fmpq(*size_of(says, at).as_integer_ratio()) * (1 + side * near)
                term, _ = says["place"].adam.term(values, size, fmpq(7, 3))
                if (float(term) < -ZERO) != says["relation"].admits(side, 0):
                    return Evidence(False, f"another sign at r = {float(size):.6g}")
    return Evidence(True, "it changes within 1e-8 of there")


def turning(place: EpsilonPlace, written: str, size: str) -> Claim:
    """Below which size of a component Adam penalizes it.

    Args:
        written: what is compared, r or its square.
    """

    def at_defaults(says: Statement, settings: Settings) -> float:
        return size_of(says, says.number("turn", **says["betas"].numbers, epsilon=fmpq(1)))

    unit = r"\varepsilon" if place is EpsilonPlace.OUTSIDE else r"\sqrt\varepsilon"
    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"The term in $h$ of Adam with $\varepsilon$ {place} penalizes the size "
            rf"$r:=\lvert\partial_jE\rvert$ of a component where ${written}$ {{relation}} "
            rf"${{turn}}$, for {{domain}}, and impedes its reduction beyond; with {{betas}} this "
            rf"is at $r={{size}}{unit}$.",
            {"place": place, "relation": Relation.BELOW, "turn": Value(TURN, "threshold")}
            | {"domain": RANGE}
            | {"betas": Defaults.USUAL, "size": Number(size)},
        ),
        checks=(
            switches("sign of the engine's term", penalizes, drawn, kind=Kind.SYMBOLIC, count=2),
            Check("sign of one step's term", Kind.SIMULATION, by_run),
            bounded("signs on both sides", turns, kind=Kind.SIMULATION, count=2),
            measured("at the defaults", at_defaults, number="size"),
        ),
    )


SAYS = second_hand("impede its reduction (the latter case being typical)", "claims-next, F04")


@claim("cattaneo2024.penalized-outside", catalogue="F04", where="abstract", printed=SAYS)
def penalized_outside() -> Claim:
    r"""The bracket $\frac{1+\beta_1}{1-\beta_1}-\frac{1+\beta_2}{1-\beta_2}\frac r{r+\varepsilon}$
    falls with $r$ and has one zero where $\beta_1<\beta_2$.
    """
    return turning(EpsilonPlace.OUTSIDE, "r", "0.0096")


@claim("cattaneo2024.penalized-inside", catalogue="F04", where="abstract", printed=SAYS)
def penalized_inside() -> Claim:
    r"""The same with $r^2$ in the place of $r$ and $\varepsilon$ inside the root."""
    return turning(EpsilonPlace.INSIDE, "r^2", "0.098")
