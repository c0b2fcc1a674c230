"""Decoupled weight decay beside momentum: what a step past the memory does to the flow."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from flint import fmpq

from derive import heavy_ball
from derive.engine.backward_error import modified_flow
from derive.language.formula import BETA, H
from derive.language.trees import tree
from derive.optimizers.weight_decay import decoupled
from verify.claims.checks.batch_fields import BETAS
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.heavy_ball import ONE_MINUS, memory_fades
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stated import bounded
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, on
from verify.claims.slots import Order, Point, Slot, Value
from verify.claims.statement import Statement, Type
from verify.models.batch_runs import BatchField, BatchRun
from verify.running.families import bounded_polynomial, starting_point

Number = Any
SLOTS: dict[str, Slot] = {
    "force": Value(1 / ONE_MINUS),
    "own": Value(H * (1 + BETA) / (2 * ONE_MINUS**3)),
    "across": Value(H * (1 + BETA) / (2 * ONE_MINUS**2)),
    "back": Value(H / (2 * ONE_MINUS)),
    "decay": Value(H / 2),
}
"""The flow: what multiplies -grad E, and -HE grad E, -HE grad W, -HW grad E, -HW grad W."""


def decayed(says: Statement, h: Number, beta: fmpq) -> BatchField:
    """The flow of the slots; of what has none here, that of the whole statement."""

    def number(name: str) -> Number:
        formula = says if name in says.slots else Statement(Type.EQUALITY, "", SLOTS)
        return formula.number(name, h=h, beta=beta)

    field = BatchField(2, h * 0)
    for name, place in (("force", 0), ("", 1)):
        first = np.array([int(i == place) for i in range(2)])
        field.add("first", first, -number(name) if name else h * 0 - 1)
    places = {"own": (0, 0), "across": (0, 1), "back": (1, 0), "decay": (1, 1)}
    for name, place in places.items():
        second = np.array([[int((i, j) == place) for j in range(2)] for i in range(2)])
        field.add("second", second, -number(name))
    return field


def left_of(says: Statement, draw: random.Random, dimension: int, beta: fmpq, length: int) -> int:
    """The power of h that one step of the rule on its slow manifold has beyond the flow."""
    losses = tuple(bounded_polynomial(draw, dimension) for _ in range(2))
    start = starting_point(draw, dimension)
    run = BatchRun(decoupled(heavy_ball), losses, lambda k: 0, start, {"beta": beta}, fixed=1)
    return run.steady_residual(
        lambda h: decayed(says, h, beta),
        # v = x - (x before) + h grad W there
        lambda here, before, h, grads: [here - before + grads[1](before) * h],
        length=length,
    )


def decay_claim(text: str, slots: dict[str, Slot], wanted: str, t: str) -> Claim:
    """A statement on the flow with decoupled decay, whose slot `wanted` stands beside a tree."""

    def residual(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, power = random.Random(settings.seed), says["order"].power
        for dimension in (1, 2):
            for beta in (*BETAS, fmpq(-2, 3), fmpq(3, 10)):
                found = left_of(says, draw, dimension, beta, power + 1)
                if found != power:
                    return False, f"h^{found} is left at beta = {beta}"
        return True, f"begins at h^{power} for 5 beta, random losses in one and two variables"

    def lasts(says: Statement, point: Point, settings: Settings) -> bool:
        power = says["order"].power
        found = left_of(says, random.Random(settings.seed), 1, point["beta"], power + 1)
        return memory_fades(heavy_ball, point) and found == power

    return Claim(
        says=Statement(Type.EQUALITY, text, {**slots, "order": Order(3), "domain": FADING}),
        checks=(
            exact("exact residual", Kind.SERIES, residual),
            bounded("residual and fading memory", lasts),
            on(
                wanted,
                identical(
                    "two-colour trees",
                    lambda: -H * modified_flow(decoupled(heavy_ball), order=2)[tree(t)].as_expr(),
                ),
            ),
        ),
    )


@claim(
    "undertow.decoupled-decay-on-loss",
    catalogue="",
    where="decoupled weight decay",
    printed=OURS,
)
def decay_on_loss() -> Claim:
    r"""Decay acts once, at the step, while the loss is remembered: what the decay moves between a
    gradient and its use is $\frac{h\beta}{(1-\beta)^2}\nabla^2E\,\nabla W$, and the flow's own half
    step adds $\frac h{2(1-\beta)}$. Coupled decay has $\frac{1+\beta}{2(1-\beta)^3}$ here, as for
    the loss alone.
    """
    return decay_claim(
        r"Heavy ball whose decay $W$ is subtracted at the place before the step, past the "
        r"momentum, stays in a step on the flow $\dot x:=-{force}\nabla E-\nabla "
        r"W-{own}\nabla^2E\,\nabla E-{across}\nabla^2E\,\nabla W-{back}\nabla^2W\,\nabla "
        r"E-{decay}\nabla^2W\,\nabla W$ up to {order}, for {domain}.",
        SLOTS,
        "across",
        "[1[]]",
    )


@claim(
    "undertow.decoupled-decay-of-loss",
    catalogue="",
    where="decoupled weight decay",
    printed=OURS,
)
def decay_of_loss() -> Claim:
    r"""The decay has no memory: only the flow's own half step is left. So $\nabla^2E\,\nabla W$ and
    $\nabla^2W\,\nabla E$ carry different weights, and for a general $W$ no loss stands behind the
    flow at order $h$. For $W=\lambda\lVert x\rVert^2/2$ one does, because $\nabla^2E\,x$ is the
    gradient of $x\cdot\nabla E-E$.
    """
    return decay_claim(
        r"The flow that heavy ball with a decay $W$ past the momentum stays on in a step, up to "
        r"{order}, loses ${back}\nabla^2W\,\nabla E$ at order $h$, for {domain}.",
        {"back": SLOTS["back"]},
        "back",
        "1[[]]",
    )
