"""Gradient flow on the diagonal network theta = w_+^2 - w_-^2: Lyu, Wang, Wang and Zhu (2023).

Their letters for w_+ and w_- are u and v; L is the mean square error of a linear model.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import sympy
from flint import arb, fmpq

from derive.networks.potentials import THETA, hyperentropy, mirror_map
from verify.claims.checks.mirror_maps import (
    Conserved,
    Weights,
    ball,
    drawn_ball,
    encloses,
    mirror_flow,
    moved,
    structurally,
    theta_of,
)
from verify.claims.checks.stated import measured
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, claim, on, second_hand
from verify.claims.slots import Instance, Number, Value
from verify.claims.statement import Statement, Type
from verify.models.network_conventions import CONVENTIONS

XI = sympy.Symbol("xi", positive=True)
LYU = CONVENTIONS["lyu2023"]
KEPT = {"kept": Conserved.PRODUCT, "network": Weights.SQUARES}


@claim(
    "lyu2023.hyperentropy",
    catalogue="C01 E28",
    where="Proposition 2, the potential",
    printed=second_hand(
        r"$Q_\xi=\frac14\sum[\theta\,\mathrm{arcsinh}\frac\theta{2\xi}",
        "the catalogue of published statements, E28",
    ),
)
def lyu_potential() -> Claim:
    r"""$w_+'=-2w_+g$ and $w_-'=2w_-g$ keep $\xi=|w_+w_-|$: from $\theta=0$ it is
    $\theta=2\xi\sinh(4P)$ and $P=\mathrm{arcsinh}(\theta/2\xi)/4$; integrate. Another start adds a
    constant to the pull.
    """
    root = sympy.sqrt(4 * XI**2 + THETA**2)
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"With $\xi$ the absolute value of the {kept}, which stays, gradient flow on {network} "
            r"is mirror flow with the sum over the coordinates of $Q={potential}$, which vanishes "
            r"at the origin.",
            {
                **KEPT,
                "potential": Value((THETA * sympy.asinh(THETA / (2 * XI)) - root + 2 * XI) / 4),
            },
        ),
        checks=(
            on(
                "potential",
                structurally("integral of the mirror map", lambda: hyperentropy(THETA, XI, LYU)),
            ),
            mirror_flow("xi"),
        ),
    )


CURVE = {"slope": Value(sympy.asinh(THETA / (2 * XI)) / 4)}
"""The derivative of the potential."""
LINEAR = -CURVE["slope"].expr


def from_start() -> sympy.Expr:
    """Minus the mirror map at the start: the linear term of its Bregman divergence."""
    return -mirror_map(THETA, XI, LYU)


def gradients(says: Statement, draw: random.Random, pulls: Sequence[arb]) -> list[arb]:
    """The gradient of what is minimized, for random starts and these pulls, one a coordinate."""
    found = []
    for pull in pulls:
        start = [drawn_ball(draw, 4, 16), drawn_ball(draw, 20, 24)]
        begun, theta = (
            {"theta": theta_of(says["network"], w), "xi": says["kept"].of(w), "alpha": arb(0)}
            for w in (start, moved(says["network"], start, pull))
        )
        found.append(ball(says.expr("slope"), theta) + ball(says.expr("linear"), begun))
    return found


def in_row_space(says: Statement, draw: random.Random) -> Iterable[arb]:
    """At the end of gradient flow the gradient is along the row, and is not 0."""
    nu, row = drawn_ball(draw, 2, 4), [drawn_ball(draw, 1, 8), drawn_ball(draw, 1, 8)]
    first, second = gradients(says, draw, [nu * x for x in row])
    yield arb("nan") if first.contains(0) else first * row[1] - second * row[0]


@claim(
    "lyu2023.linear-term",
    catalogue="E28",
    where="Proposition 2",
    printed=second_hand(
        r"$R_j=\frac14\mathrm{arcsinh}(\theta_j(0)/2\xi_j)$",
        "the catalogue of published statements, E28",
    ),
)
def linear_term() -> Claim:
    r"""From any start the flow is $\theta=2\xi\sinh(a+4P)$ with $\sinh(a)=\theta(0)/2\xi$. So
    $\mathrm{arcsinh}(\theta/2\xi)/4-\mathrm{arcsinh}(\theta(0)/2\xi)/4=P$ lies in the row space of
    the data: $Q_\xi(\theta)+\theta^TR$ is stationary for $R$ minus the gradient of $Q_\xi$ at the
    start. The printed sign is right where $u_0^2=v_0^2$, or for $Q_\xi-\theta^TR$.
    """

    def along(says: Statement, draw: random.Random) -> Iterable[arb]:
        pull = drawn_ball(draw, -6, 6)
        (gradient,) = gradients(says, draw, [pull])
        yield gradient - pull

    def entry(says: Statement, name: str) -> arb:
        """Of the printed gradient at the start, where there has been no pull."""
        example = says["example"]
        here = {"theta": arb(example[name]), "xi": arb(example[r"\xi"])}
        return 2 * ball(says.expr("slope"), here)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"With $\xi$ the absolute value of the {kept}, which stays, gradient flow on {network} "
            r"minimizes, if it ends at an interpolator, $\sum_jQ(\theta_j)+\theta^TR$ among all "
            r"interpolators, where $Q'={slope}$ and $R_j={linear}$ at the start; the gradient of "
            r"this sum is $-\int\nabla L$ along the way.",
            {
                **KEPT,
                "linear": Value(LINEAR),
                **CURVE,
                "example": Instance(None, {r"\theta_1": 2, r"\theta_2": 0, r"\xi": 1}),
                "near": Number("0.4407"),
                "far": Number("0.0000"),
            },
        ),
        misprint={"linear": Value(-LINEAR)},
        because=r"the gradient of the potential at the start is subtracted, not added.",
        counterexample=r"one row with two equal entries and a start that fits, {example}: the flow "
        r"stays there, but the entries of the printed gradient are {near} and {far}, so that it is "
        r"not along the row.",
        checks=(
            on("linear", structurally("Bregman divergence", from_start, refutes=True)),
            encloses("gradient along the flow", along),
            encloses("stationary at the end of the flow", in_row_space, refutes=True),
            measured("first entry", lambda says, _: entry(says, r"\theta_1"), number="near"),
            measured("second entry", lambda says, _: entry(says, r"\theta_2"), number="far"),
        ),
    )


@claim(
    "lyu2023.potential-root",
    catalogue="E30",
    where="Proposition 4, the potential",
    printed=second_hand(
        r"the potential's root $\sqrt{4\bar\xi^2+\bar\theta_{\alpha;j}}$", "claims-next, E30"
    ),
)
def potential_root() -> Claim:
    r"""On the flow $\theta=2\xi\sinh(a+4P)$, so that $\sqrt{4\xi^2+\theta^2}=2\xi\cosh(a+4P)$, and
    the derivative of the potential is $P+a/4$. The potential does not change with the sign of
    $\theta$.
    """

    def whole(root: sympy.Expr) -> sympy.Expr:
        return (THETA * sympy.asinh(THETA / (2 * XI)) - root + 2 * XI) / 4

    def derived() -> sympy.Expr:
        """What the integral of the mirror map has beside the product."""
        return sympy.expand(4 * (whole(sympy.Integer(0)) - hyperentropy(THETA, XI, LYU)))

    def along(says: Statement, settings: Settings) -> Evidence:
        potential = Value(whole(says.expr("root")))
        return mirror_flow("xi").judge(says.changed(potential=potential), settings)

    def under(says: Statement, settings: Settings) -> fmpq:
        at = says["example"]
        return 4 * at[r"\xi"] ** 2 + at[r"\theta"]

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"With $\xi$ the absolute value of the {kept}, gradient flow on {network} is mirror "
            r"flow with the sum over the coordinates of $Q:=(\theta A-R+2\xi)/4$, "
            r"$\sinh A:=\theta/2\xi$, where the root is $R={root}$.",
            {
                **KEPT,
                "root": Value(sympy.sqrt(4 * XI**2 + THETA**2)),
                "example": Instance(None, {r"\theta": -5, r"\xi": 1}),
                "left": Number("-1"),
            },
        ),
        misprint={"root": Value(sympy.sqrt(4 * XI**2 + THETA))},
        because=r"$\theta$ stands in the root without its square.",
        counterexample=r"{example}: under the printed root stands {left}.",
        checks=(
            on("root", structurally("integral of the mirror map", derived)),
            Check("gradient along the flow", Kind.BALL, along, refutes=True),
            measured("under the printed root", under, number="left"),
        ),
    )
