"""How a stationary covariance is checked: the Lyapunov equation, solved exactly or summed in balls.

The gradient is lambda x + xi with xi of variance 1, independent at every step.
"""

from __future__ import annotations

import random

import sympy
from flint import arb, arb_mat, fmpq

from derive.language.formula import H
from derive.language.update_rule import Optimizer
from derive.quadratics.stationary_noise import stationary_variance
from verify.claims.checks.identities import Derived
from verify.claims.checks.stated import bounded
from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.claims.slots import Point
from verify.claims.statement import Statement
from verify.models.modes import Mode, ModeAt, kept, momentum_mode
from verify.running.numbers import BALL, evaluate, precision

LAMBDA = sympy.Symbol("lambda")
Entry = tuple[int, int]


def keeps(name: str, entry: Entry, mode: ModeAt = momentum_mode) -> Check:
    """One mode, or two, keep the stated covariance for z = h lambda in the domain, where they are
    stable, and are stable nowhere else."""

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        h, beta = fmpq(random.Random(settings.seed).randint(1, 9), 11), point["beta"]
        curvatures = {n.replace("z", "lambda"): z / h for n, z in point.items() if n[0] == "z"}
        modes = [mode(h, beta, curvature) for curvature in curvatures.values()]
        if not all(m.settles for m in modes):
            return False
        stated = says.number("value", h=h, beta=beta, **curvatures)
        return bool(stated == kept(modes[0], modes[-1])[entry])

    return bounded(name, holds, kind=Kind.ENUMERATION)


def answers_to_kicks(entry: Entry, mode: ModeAt = momentum_mode, *, refutes: bool = False) -> Check:
    """A formula is this entry of the sum over k of A^k a (B^k b)^T: how one mode, or two, answer
    the same unit of noise, over 2^16 steps in balls."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed + 1)
        with precision(settings.digits):
            for _ in range(5):
                h, beta = fmpq(draw.randint(1, 8), 40), fmpq(draw.randint(1, 18), 20)
                one, two = fmpq(draw.randint(3, 30), 10), fmpq(draw.randint(9, 90), 31)
                values = {"lambda": one, "lambda1": one, "lambda2": two, "h": h, "beta": beta}
                names = {str(symbol) for symbol in candidate.free_symbols}
                found = _answers(
                    mode(h, beta, one), mode(h, beta, two if "lambda2" in names else one)
                )
                stated = evaluate(candidate, {n: arb(v) for n, v in values.items()}, BALL)
                off = stated - found[entry]
                if not abs(off) < arb(10) ** (10 - settings.digits):
                    passed = False if abs(off) > arb(10) ** (11 - settings.digits) else None
                    return Evidence(passed, f"off by {off.str(3)}")
        return Evidence(True, "the sum over 2^16 steps, 5 points")

    return Check("answers to single kicks, summed in balls", Kind.BALL, judge, refutes)


def _answers(first: Mode, second: Mode) -> arb_mat:
    total = arb_mat(first.kick * second.kick.transpose())
    left, right = arb_mat(first.matrix), arb_mat(second.matrix).transpose()
    for _ in range(16):
        total = total + left * total * right
        left, right = left * left, right * right
    return total


def derived_variance(rule: Optimizer, entry: Entry, units: int) -> Derived:
    """An entry of the derived variance in the paper's units; `units` counts the positions in it."""
    return lambda: stationary_variance(rule)[entry].subs("z", H * LAMBDA) * H**units
