r"""Whether iterates follow the flow that a statement's slots say: from where, and how closely.

The slots of a flow: `force` f and `weight` c in x' = -f grad(E + c |grad E|^2), or `force` f,
`pull`, `chain` and `fork` in x' = -f g + pull Hg + chain HHg + fork T[g, g], with g, H, T the
derivatives of E. It starts at x_0 + `shift` g + `bend` Hg.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from flint import fmpq

from derive.language.trees import LEAF, Tree
from verify.claims.checks.heavy_ball import PAIR, QUARTIC, loss_weights, memory_fades
from verify.claims.checks.linearized import Left, written_down
from verify.claims.checks.memory_rules import CHAIN, FORK, Rule
from verify.claims.checks.start_up import StartUpCase
from verify.claims.checks.stated import Errors, beside, bounded, drawn_loss, for_losses
from verify.claims.claim import Check, Settings
from verify.claims.slots import Point
from verify.claims.statement import Statement
from verify.running.convergence import ConvergenceStudy, Flow
from verify.running.families import bounded_polynomial, starting_point
from verify.running.flows import evaluate_field
from verify.running.losses import Loss, VectorField
from verify.running.numbers import MPFR, Arithmetic
from verify.running.residuals import SteadyStep, Weights, steady_residual

Number = Any
HALVINGS = range(5, 10)
"""Of the observed orders, up to the time 1."""
Values = Mapping[str, Number]


def letters(point: Values) -> Values:
    """A rule's parameters as formulas name them: the family's look-ahead gamma is the letter a."""
    return {**point, "a": point["gamma"]} if "gamma" in point else point


def slot_field(says: Statement, h: Number, point: Values) -> Weights:
    """The field with what stands in the slots."""

    def number(name: str) -> Number:
        return says.number(name, h=h, **letters(point))

    force: Number = number("force") if "force" in says.slots else 1
    if "weight" in says.slots:
        return loss_weights(number("weight"), force)
    weights: dict[Tree, Number] = {LEAF: force}
    for name, tree, sign in (("pull", PAIR, 1), ("chain", CHAIN, -1), ("fork", FORK, -1)):
        if name in says.slots:
            weights[tree] = number(name) * sign
    return weights


def slot_start(
    says: Statement,
    loss: VectorField,
    x0: np.ndarray,
    h: Number,
    point: Values,
    numbers: Arithmetic,
) -> np.ndarray:
    """Where the flow starts."""
    moved = {
        tree: says.number(name, h=h, **letters(point)) * sign
        for name, tree, sign in (("shift", LEAF, -1), ("bend", PAIR, 1))
        if name in says.slots
    }
    return x0 + evaluate_field(loss, moved, x0, numbers) if moved else x0


def slot_path(says: Statement, flow: Flow) -> list[np.ndarray]:
    """The flow at 0, h, 2h, ..."""
    start = slot_start(says, flow.loss, flow.x0, flow.h, flow.values, MPFR)
    return flow.steady(slot_field(says, flow.h, flow.values), start)


def slot_rest(says: Statement, case: StartUpCase, k: int) -> np.ndarray:
    """x_k minus the flow of the slots at the time kh, in power series."""
    point = {"beta": case.beta}
    start = slot_start(says, case.loss, case.x0, case.h, point, case.arithmetic)
    return case.path[k] - case.flow(slot_field(says, case.h, point), case.h * k, start)


@dataclass(frozen=True)
class Followed:
    """A rule beside the flow of a statement.

    Args:
        begins: the power of h at which the residual of a step begins; where there is a slot
            `single`, it begins exactly there.
        parameters: the rule's parameters from a point of the domain.
    """

    rule: Rule
    begins: int = 3
    field: Callable[[Statement, Number, Values], Weights] = slot_field
    parameters: Callable[[Point], Mapping[str, fmpq]] = dict

    def meets(self, says: Statement, loss: Loss, draw: random.Random, point: Values) -> bool:
        """A step from the flow stays on it, exactly, to the order at hand."""
        power = steady_residual(
            self.rule.optimizer,
            loss,
            starting_point(draw, loss.dimension),
            lambda h: self.field(says, h, point),
            parameters=point,
            length=self.begins + 1,
            memory=self.rule.recall(loss, point, self.begins + 1),
        )
        if "single" in says.slots:
            return bool(power == says["single"].power)
        return power >= self.begins

    def on_losses(self, *, refutes: bool = False) -> Check:
        """The residual on losses of each class, for every point of the rule's grid: a proof for
        these losses and starts."""
        check = for_losses(
            "exact residual",
            lambda says, loss, draw: all(
                self.meets(says, loss, draw, point) for point in self.rule.grid
            ),
            refutes=refutes,
        )

        def powers(says: Statement) -> int:
            return says["single"].power if "single" in says.slots else self.begins

        return written_down(check, self._at_random, powers, count=12)

    def _at_random(self, says: Statement, draw: random.Random) -> tuple[Left, Values]:
        """What is left of a step from the flow, at a point of the rule's grid."""
        loss, point = drawn_loss(says["losses"], draw), draw.choice(self.rule.grid)
        length = self.begins
        recall = self.rule.recall(loss, point, length)
        given = (
            self.rule.optimizer,
            loss,
            starting_point(draw, loss.dimension),
            point,
            length,
            recall,
        )

        def left(says: Statement) -> np.ndarray:
            _, _, stepped, after = SteadyStep(*given).along(lambda h: self.field(says, h, point))
            return stepped - after

        return left, letters(point)

    def in_domain(self, *, refutes: bool = False) -> Check:
        """At points of the domain the residual is as it is said and what a step leaves behind
        fades; beyond it is not so."""

        def lasts(says: Statement, point: Point, settings: Settings) -> bool:
            draw, given = random.Random(settings.seed), self.parameters(point)
            loss = bounded_polynomial(draw, 1)
            return memory_fades(self.rule.optimizer, given) and self.meets(says, loss, draw, given)

        return bounded("residual and fading memory", lasts, refutes=refutes)

    def errors(
        self,
        follow: Callable[[Statement, Flow], list[np.ndarray]] = slot_path,
        **changes: Any,
    ) -> Errors:
        """The distances of the iterates on the quartic from the flow, at the first of the rule's
        runs.

        Args:
            changes: what differs in the experiment, such as its memory or halvings.
        """
        run = ConvergenceStudy(
            self.rule.optimizer, QUARTIC, [fmpq(1)], self.rule.runs[0], 1, HALVINGS
        )
        return beside(replace(run, **changes), follow)
