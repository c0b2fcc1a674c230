"""The high-resolution equations and their starts: Shi, Du, Jordan and Su (2022), (1.10), (1.11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy

from derive.language.formula import H
from verify.claims.checks.heavy_ball import QUARTIC
from verify.claims.checks.inertial import (
    HEAVY_BALL,
    NESTEROV,
    ROOT,
    Method,
    Opening,
    beside_equation,
    closeness,
    global_errors,
)
from verify.claims.checks.stated import measured, observed
from verify.claims.claim import Check, Claim, Settings, claim, second_hand
from verify.claims.slots import Instance, Number, Order, Slot, Value
from verify.claims.statement import Statement

NEAR = {"friction": Value(2 * ROOT), "force": Value(1 + ROOT * H)}
BENT = {**NEAR, "bend": Value(H)}
START = Value(-3 * H / 2)
PRINTED_START = Value(-2 * H / (1 + ROOT * H))


def with_right_start(name: str, terms: Mapping[str, Slot], method: Method, error: str) -> Claim:
    """The equation keeps its order once the start is right; the printed start loses it."""

    def coarse(where: str, **other: Slot) -> Check:
        def errors(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
            return global_errors(method, says.changed(**other))

        return observed(f"observed order {where}", errors, order="coarse", when=None)

    nothing = Value(sympy.Integer(0))
    low = {"force": Value(sympy.Integer(1)), "start": nothing}
    low |= {"bend": nothing} if "bend" in terms else {}

    def distance(says: Statement, settings: Settings) -> float:
        at = says["example"]
        steps = int(at["h"].q).bit_length() - 1
        other = says.changed(start=PRINTED_START)
        begin, halvings = Opening(place=at["x_0"]), range(steps, steps + 1)
        return global_errors(method, other, begin, halvings, at[r"\mu"])[0][0]

    example = Instance(QUARTIC, {"x_0": 1, r"\mu": "1/4", "h": "1/64"})
    says = closeness(name, terms, 2, START)
    return Claim(
        says=says.changed(coarse=Order(1), example=example, error=Number(error)),
        misprint={"start": PRINTED_START},
        because=r"the mean velocity of the first step is that at half a step, not at its begin. "
        r"From the printed start the iterates are {coarse}-close, no better than to the "
        r"low-resolution equation.",
        counterexample=r"{example}: from the printed start the largest distance up to the time of "
        r"a unit is {error}.",
        checks=(
            *beside_equation(method, refutes=True),
            measured("distance from the printed start", distance, number="error"),
            coarse("from the printed start", start=PRINTED_START),
            coarse("beside the low-resolution equation", **low),
        ),
    )


@claim(
    "shi2022.heavy-ball-equation",
    catalogue="G01",
    where="(1.10) and abstract",
    printed=second_hand(r"more accurate surrogates", "claims-next, G01"),
)
def heavy_ball_equation() -> Claim:
    r"""Multiplied by $1+\sqrt\mu\,h$ the method is
    $(x_{k+1}-2x_k+x_{k-1})+\sqrt\mu\,h(x_{k+1}-x_{k-1})=-(1+\sqrt\mu\,h)h^2\nabla f(x_k)$, whose
    two differences are even: what is left after division by $h^2$ is of order $h^2$. The first
    step gives $\dot X(0)+\frac h2\ddot X(0)=-\frac{2h}{1+\sqrt\mu\,h}\nabla f(x_0)+O(h^2)$ with
    $\ddot X(0)=-\nabla f(x_0)+O(h)$.
    """
    return with_right_start("heavy ball", NEAR, HEAVY_BALL, "0.005864")


@claim(
    "shi2022.nesterov-equation",
    catalogue="G02",
    where="(1.11) and abstract",
    printed=second_hand(r"more accurate surrogates", "claims-next, G01 and G02"),
)
def nesterov_equation() -> Claim:
    r"""Beside heavy ball the method has
    $-(1-\sqrt\mu\,h)h^2(\nabla f(x_k)-\nabla f(x_{k-1}))=-h^3\nabla^2f\,\dot X+O(h^4)$. Its first
    step is $x_0-(1+\alpha)h^2\nabla f(x_0)$, that of heavy ball, and so is its start.
    """
    return with_right_start("Nesterov's method", BENT, NESTEROV, "0.005657")
