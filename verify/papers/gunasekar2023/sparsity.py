"""From which scale on a start finds sparse solutions: the slides of Gunasekar (2023).

theta = w_+^2 - w_-^2 from w_+- = alpha.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache

import mpmath
import numpy as np
import sympy

from verify.claims.checks.diagonal_runs import real
from verify.claims.checks.stated import measured, tends
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, claim, on, read
from verify.claims.slots import Instance, Number, Order, Value
from verify.claims.statement import Statement, Type

D, EPS = sympy.symbols("d epsilon")


def excess(columns: int, share: mpmath.mpf, log_inverse: mpmath.mpf) -> mpmath.mpf:
    """(|theta|_1 - M)/M on the row (1, s, ..., s) and label 1, at alpha = e^-log_inverse."""
    a, others = mpmath.exp(-2 * log_inverse), columns - 1

    def missing(z: mpmath.mpf) -> mpmath.mpf:
        return 2 * a * (mpmath.sinh(z) + others * share * mpmath.sinh(share * z)) - 1

    top = mpmath.asinh(1 / (2 * a))
    z = mpmath.findroot(missing, (top - mpmath.log(columns) - 1, top), solver="anderson")
    return (1 - share) * others * 2 * a * mpmath.sinh(share * z)


@cache
def worst_excess(columns: int, log_inverse: int) -> mpmath.mpf:
    """The largest one over all s, by a search that narrows to it."""

    def at(t: mpmath.mpf) -> mpmath.mpf:
        return excess(columns, 1 - t / (2 * log_inverse), mpmath.mpf(log_inverse))

    with mpmath.workdps(30):
        low, high = mpmath.mpf("0.5"), mpmath.mpf(6)
        for _ in range(32):
            third = (high - low) / 3
            low, high = (
                (low + third, high) if at(low + third) < at(high - third) else (low, high - third)
            )
        return at((low + high) / 2)


@claim(
    "gunasekar2023.alpha-for-sparsity",
    catalogue="C09",
    where="sparse recovery, twice",
    printed=read(r"\text{if } \alpha \leq \exp(-\tilde{O}(\epsilon)) \Rightarrow"),
)
def alpha_for_sparsity() -> Claim:
    r"""Row $(1,s,\dots,s)$, $y=1$, with $s=1-t/(2\Lambda)$ and $\Lambda=\ln(1/\alpha)$.
    Stationarity gives $\theta_j/\theta_1=\alpha^{2(1-s)}=e^{-t}$, so the $\ell_1$ norm exceeds 1 by
    $\frac t{2\Lambda}\cdot\frac{d-1}{d-1+e^t}$. The maximum over $t$ is at $t=1+W((d-1)/e)$ and is
    $W((d-1)/e)/(2\Lambda)$. An excess of $\epsilon$ thus asks $\ln(1/\alpha)\ge
    W((d-1)/e)/(2\epsilon)$; $\log(de)/(2\epsilon)$ is enough for all data, to the same order.
    """
    grown = sympy.LambertW((D - 1) * sympy.exp(-1)) / (2 * EPS)

    def differences(says: Statement, settings: Settings) -> Sequence[float]:
        """log(1/alpha) over the formula at the excess that it leaves, minus 1."""
        columns, found = random.Random(settings.seed).randint(2, 9), []
        for log_inverse in (125, 250, 500, 1000, 2000):
            with mpmath.workdps(30):
                told = says.expr("grown").subs(D, columns)
                left = worst_excess(columns, log_inverse)
                value = sympy.N(told.subs(EPS, sympy.Float(str(left), 30)), 25)
                found.append(float(log_inverse / mpmath.mpf(str(value)) - 1))
        return found

    def maximum(candidate: sympy.Expr, settings: Settings) -> Evidence:
        """2 epsilon times it is the value, and 1 more the place, of the maximum over t."""
        draw = random.Random(settings.seed)
        for _ in range(5):
            d, eps = draw.randint(2, 50), draw.uniform(0.01, 1)
            v = 2 * eps * real(candidate, d=d, epsilon=eps)
            value = (1 + v) * (d - 1) / (d - 1 + np.exp(1 + v))
            slope = (d - 1 + np.exp(1 + v)) - (1 + v) * np.exp(1 + v)
            if not (abs(value - v) < 1e-9 and abs(slope) < 1e-9 * d):
                return Evidence(False, f"{v:.6f} is not the maximum over t at d = {d}")
        return Evidence(True, "value and place of the maximum over t, 5 d")

    def norm(says: Statement, settings: Settings) -> float:
        example = says["example"]
        delta, inverse = (mpmath.mpf(str(float(example[n]))) for n in (r"\delta", r"\Lambda"))
        with mpmath.workdps(30):
            return float(1 + excess(2, 1 - delta, inverse))

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"The least $-\log\alpha$ from which on every row of $d$ entries, the largest of them "
            r"one and the others alike, leads to an $\ell_1$ norm within a relative $\epsilon$ of "
            r"the least is {grown}, up to a relative {error} as $\epsilon$ falls.",
            {
                "grown": Value(grown, "limit"),
                "error": Order(1, "epsilon"),
                "example": Instance(None, {r"\delta": "1/50", r"\Lambda": 10}),
                "norm": Number("1.00814"),
            },
        ),
        misprint={"grown": Value(EPS, "limit")},
        because=r"$\epsilon$ stands in the exponent where its inverse belongs.",
        counterexample=r"one row with the entries one and $s:=1-\delta$, label one, "
        r"$\alpha:=e^{-\Lambda}$, {example}: the norm is {norm} times the least, although $\alpha$ "
        r"is far below what is printed for this excess.",
        checks=(
            tends("solved instances", differences),
            on("grown", Check("maximum over t", Kind.ENUMERATION, maximum, refutes=True)),
            measured("norm of the example", norm, number="norm"),
        ),
    )
