"""What is left of the start-up of an optimizer: exactly at every step, and on a mode."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import heavy_ball
from derive.language.trees import Tree
from derive.language.update_rule import Optimizer
from verify.claims.checks.heavy_ball import RESIDUAL_BETAS
from verify.claims.checks.identities import exact
from verify.claims.claim import Check, Kind, Settings
from verify.running.families import bounded_polynomial, starting_point
from verify.running.losses import Loss
from verify.running.numbers import Arithmetic, PowerSeries, power_series
from verify.running.recording import recorder
from verify.running.residuals import advance
from verify.running.restating import SeriesRun, record_start_up
from verify.running.trajectories import iterates, vector

Number = Any

STEPS = 6


@dataclass(frozen=True)
class StartUpCase:
    """An optimizer on one loss in power series in h: what a candidate may use."""

    loss: Loss
    x0: np.ndarray
    h: PowerSeries
    beta: fmpq
    arithmetic: Arithmetic
    path: list[np.ndarray]

    def flow(
        self, weights: Mapping[Tree, Number], time: PowerSeries, start: np.ndarray | None = None
    ) -> np.ndarray:
        """Where the flow from x_0, or another start, is at this time."""
        begin = self.x0 if start is None else start
        return advance(self.loss, weights, begin, time, self.arithmetic)


def start_up(
    name: str,
    rest: Callable[[sympy.Expr, StartUpCase, int], np.ndarray],
    roots: Callable[[fmpq], list[list[fmpq]]],
    *,
    optimizer: Optimizer = heavy_ball,
    velocity: Callable[[sympy.Expr, fmpq, PowerSeries], Number] | None = None,
    refutes: bool = False,
) -> Check:
    """What is left at step k, exactly: its h^n term is a combination of the k-th powers of roots.

    Args:
        rest: an iterate minus what it is compared with, from the candidate and k.
        roots: for n = 1, 2, ... the roots, repeated for a factor k; of none, the term is 0.
        velocity: the first displacement v_0 is this multiple of grad E(x_0); default 0.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        length = len(roots(fmpq(0))) + 1
        arithmetic, h = power_series(length), PowerSeries.step(length)
        for dimension in (1, 2):
            loss = bounded_polynomial(draw, dimension)
            x0 = vector([arithmetic.convert(x) for x in starting_point(draw, dimension)])
            for beta in RESIDUAL_BETAS:
                first = velocity(candidate, beta, h) if velocity else fmpq(0)
                path = iterates(
                    optimizer,
                    loss,
                    list(x0),
                    h=h,
                    steps=STEPS,
                    parameters={"beta": arithmetic.convert(beta)},
                    arithmetic=arithmetic,
                    memory=lambda x, g, h, first=first: [g * first],
                )
                case = StartUpCase(loss, x0, h, beta, arithmetic, path)
                log = recorder()
                if log is not None:
                    log.flows.clear()
                left = [rest(candidate, case, k) for k in range(1, STEPS + 1)]
                wrong = _first_left(left, roots(beta))
                if log is not None:
                    behind = [loss.gradient_function(arithmetic)(x0) * first]
                    start = [x[0] for x in x0]
                    run = SeriesRun(optimizer, loss, start, {"beta": beta}, behind, x0, 0, length)
                    record_start_up(log, run, path, left, roots=[(), *roots(beta)], holds=not wrong)
                if wrong:
                    return False, f"h^{wrong} is left at beta = {beta} on E = {loss.text}"
        return True, f"exact for k = 1 ... {STEPS}, {len(RESIDUAL_BETAS)} beta, 2 losses"

    return exact(name, Kind.SERIES, holds, refutes=refutes)


def _first_left(left: list[np.ndarray], roots: list[list[fmpq]]) -> int:
    """The lowest power of h whose coefficients are not annihilated by its roots; 0 for none."""
    for n, known in enumerate(roots, 1):
        terms = [vector([entry[n] for entry in difference]) for difference in left]
        for root in known:
            terms = [b - a * root for a, b in pairwise(terms)]
        if any(entry for term in terms for entry in term):
            return n
    return 0


def cold_component(optimizer: Optimizer, beta: fmpq, length: int) -> PowerSeries:
    """The part of the cold start in the slow eigenvector of a mode, as a series in z.

    With trace T and determinant of the step written out, kappa solves k^2 - T k + det = 0 near 1
    and the part is (1 - z - kappa_-)/(kappa - kappa_-). Each pass fixes one more coefficient.
    """
    z = PowerSeries.step(length)
    trace, det = {
        "heavy-ball": (1 + beta - z, z * 0 + beta),
        "nesterov": ((1 - z) * (1 + beta), (1 - z) * beta),
    }[optimizer.name]
    kappa = part = z * 0 + 1
    for _ in range(length):
        kappa = kappa - (kappa * kappa - trace * kappa + det) / (1 - beta)
    for _ in range(length):
        part = part - (part * (kappa * 2 - trace) - (1 - z - trace + kappa)) / (1 - beta)
    return part
