"""Schedule-free descent on a mode: Defazio et al. (2024), "The road less scheduled"."""

from __future__ import annotations

import random

import sympy
from flint import fmpq

from derive.language.formula import BETA
from derive.optimizers import schedule_free_sgd
from verify.claims.checks.stated import switches
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, claim, second_hand
from verify.claims.slots import Relation, Value
from verify.claims.statement import Statement, Type

STEP = sympy.Symbol("gamma")
Point = dict[str, fmpq]


def settles(says: Statement, curvature: fmpq, point: Point) -> bool:
    """Whether z shrinks in a step of the declared rule that comes so late that y stands."""
    beta, h = point["beta"], point["gamma"]
    late = {"beta": beta, "t": fmpq(10) ** 60}
    _, (z,) = schedule_free_sgd.step(1 - beta, (fmpq(1),), lambda at: curvature * at, h, late)
    return bool(abs(z) < 1 - fmpq(1, 10**40))


def value(says: Statement, draw: random.Random) -> tuple[fmpq, Point]:
    point = {"beta": fmpq(draw.randint(10, 90), 100), "gamma": fmpq(draw.randint(1, 30), 10)}
    return says.number("edge", **point), point


def from_the_start(says: Statement, settings: Settings) -> Evidence:
    """The declared rule from its first step on, just below and above the value.

    z changes its sign, and has a slow part beside that, so two steps are looked at. The weights
    c_t of early steps make it grow: it is late enough when beta c_t / (1 - beta) is below 1/400.
    """
    draw = random.Random(settings.seed)
    for _ in range(2):
        edge, point = value(says, draw)
        for factor, settled in ((0.995, True), (1.005, False)):
            curvature, beta, h = (float(v) for v in (edge, point["beta"], point["gamma"]))
            x, memory, sizes = 1.0, (1.0,), list[float]()
            for k in range(6000):
                x, memory = schedule_free_sgd.step(
                    x,
                    memory,
                    lambda at, c=curvature * factor: c * at,
                    h,
                    {"beta": beta, "t": k * h},
                )
                sizes.append(abs(memory[0]))
            change = max(sizes[-2:]) / max(sizes[3998:4000])
            if (change < 1) != settled:
                return Evidence(False, f"z changes by {change:.2g} at {factor} of it")
    return Evidence(True, "z shrinks below and grows above, from step 4000 to 6000")


@claim(
    "defazio2024.late-stability",
    catalogue="L02",
    where="schedule-free SGD on a mode",
    printed=second_hand(r"stable iff $\lambda<2/((1-\beta)\gamma)$", "claims-next, L02"),
)
def late_stability() -> Claim:
    r"""As $c=1/(t+1)$ fades, $y$ stands and $z$ is multiplied by $1-(1-\beta)\gamma\lambda$ in a
    step: only the part of $z$ in the point where the gradient is taken acts back on it.
    """
    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"On a mode of curvature $\lambda$, schedule-free descent with step $\gamma$ and the "
            r"weights $c_t$ of a plain average settles where $\lambda{relation}{edge}$, and only "
            r"there.",
            {"relation": Relation.BELOW, "edge": Value(2 / ((1 - BETA) * STEP), "threshold")},
        ),
        checks=(
            switches("a late step of the declared rule", settles, value, count=4),
            Check("from the first step on", Kind.SIMULATION, from_the_start),
        ),
    )
