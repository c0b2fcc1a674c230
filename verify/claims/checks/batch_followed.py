"""Whether iterates on a fixed sequence of batches follow the flow of a statement: on which losses,
for which momenta, how closely and when.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from flint import fmpq

from derive.language.update_rule import Optimizer
from verify.claims.checks.batch_fields import BETAS, HALVINGS, MORE, STEPS, run_of, sequences
from verify.claims.checks.heavy_ball import memory_fades
from verify.claims.checks.stated import bounded, for_losses, halved, observed
from verify.claims.claim import Check, Settings
from verify.claims.slots import Point
from verify.claims.statement import Statement
from verify.models.batch_runs import BatchField, BatchRun
from verify.running.families import bounded_polynomial, starting_point
from verify.running.losses import Loss
from verify.running.numbers import MPFR, precision

Number = Any
Stated = Callable[[Statement, BatchRun, int, Number, Number], BatchField]
"""The field on [kh, (k+1)h] from the slots, the run, k, h and beta."""


@lru_cache(maxsize=64)
def two_batches(loss: Loss) -> tuple[Loss, Loss]:
    """A loss and another one of its class, as the losses of two batches."""

    def other(x: Sequence[Number]) -> Number:
        return loss.value(x) * fmpq(3, 2) + sum(x[1:], start=x[0]) / 5

    return loss, Loss(loss.dimension, other, f"3/2 ({loss.text}) + the sum of x over 5")


@lru_cache(maxsize=64)
def gentle(loss: Loss) -> Loss:
    """A quarter of a loss: the order shows at larger steps."""
    return Loss(loss.dimension, lambda x: loss.value(x) / 4, f"a quarter of {loss.text}")


def gentler(run: BatchRun) -> BatchRun:
    """The run on a quarter of its losses."""
    mild = tuple(gentle(loss) for loss in run.losses if isinstance(loss, Loss))
    return replace(run, losses=mild)


@dataclass(frozen=True)
class BatchFollowed:
    """A rule on batches beside the flow of a statement.

    Args:
        begins: the power of h at which x_k - x(kh) begins.
        betas: the momenta of the exact checks on losses.
    """

    rule: Optimizer
    field: Stated
    begins: int = 3
    betas: Sequence[fmpq] = BETAS

    def meets(
        self,
        says: Statement,
        losses: tuple[Loss, Loss],
        draw: random.Random,
        batch: Callable[[int], int],
        beta: fmpq,
    ) -> bool:
        """The first steps agree with the flow, exactly, to the order at hand."""
        given = {name: beta if name == "beta" else fmpq(1, 3) for name in self.rule.parameters}
        start = starting_point(draw, losses[0].dimension)
        run = BatchRun(self.rule, losses, batch, start, given)
        power = run.residual(
            lambda k, h: self.field(says, run, k, h, beta),
            length=self.begins + 1,
            steps=STEPS,
        )
        return power >= self.begins

    def on_losses(self, *, refutes: bool = False) -> Check:
        """On batch losses of each class, for a random, a cyclic and a block sequence."""

        def holds(says: Statement, loss: Loss, draw: random.Random) -> bool:
            return all(
                self.meets(says, two_batches(loss), draw, batch, beta)
                for _, batch in sequences(draw)
                for beta in self.betas
            )

        return for_losses("exact residual on batches", holds, refutes=refutes)

    def in_domain(self) -> Check:
        """At momenta of the domain, and not beyond; what a step leaves behind fades."""

        def lasts(says: Statement, point: Point, settings: Settings) -> bool:
            draw, beta = random.Random(settings.seed), point["beta"]
            losses = two_batches(bounded_polynomial(draw, 1))
            fades = memory_fades(self.rule, point)
            return fades and self.meets(says, losses, draw, lambda k: k % 2, beta)

        return bounded("residual and fading memory", lasts)

    def order(self, name: str = "observed order", slot: str = "order") -> Check:
        """The distance up to the time 1 on a cyclic sequence; the step is halved further as long as
        the order is not decided. The momentum is 1/2."""

        def errors(says: Statement, settings: Settings) -> list[tuple[float, float]]:
            draw, beta = random.Random(settings.seed), fmpq(1, 2)
            run = run_of(self.rule, draw, 2, lambda k: k % 2, beta)
            run = gentler(run)
            with precision(settings.digits):
                number = MPFR.convert(beta)

            def distances(halvings: range) -> list[tuple[float, float]]:
                return run.distances(
                    lambda k, h: self.field(says, run, k, h, number),
                    halvings=halvings,
                    digits=settings.digits,
                )

            return halved(distances, HALVINGS.start, MORE)

        return observed(name, errors, order=slot)
