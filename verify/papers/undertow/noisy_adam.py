"""Adam whose second moment is filled by the noise of the gradient: what it penalizes then."""

from __future__ import annotations

from functools import cache
from itertools import accumulate

import numpy as np
import sympy
from flint import fmpq

from derive.batches.averaged_readout import G, H, Q, S, mean_step
from verify.claims.checks.averaged_past import BETA1, age
from verify.claims.checks.identities import exact, noted
from verify.claims.checks.stated import measured
from verify.claims.claim import OURS, Claim, Kind, Settings, claim
from verify.claims.slots import Number, Value
from verify.claims.statement import Statement, Type
from verify.models.batch_sequences import settle

RUNS, PAST = 2500, 300
"""How many histories are drawn at a time, and how long they are."""


@cache
def drawn(beta1: float, beta2: float, seed: int) -> float:
    """c of the mean step at a fixed point, where g = 1/50, H = 1 and the noise is normal."""
    draw, slope, found = np.random.default_rng(seed), 0.02, list[float]()
    for _ in range(2):
        kicks = draw.standard_normal((PAST, RUNS))
        for noise in (kicks, -kicks):
            m, v = np.full(RUNS, slope), np.full(RUNS, 1 + slope**2)
            steps = np.empty_like(noise)
            for k, kick in enumerate(noise):  # the oldest first
                m = beta1 * m + (1 - beta1) * (slope + kick)
                v = beta2 * v + (1 - beta2) * (slope + kick) ** 2
                steps[k] = m / np.sqrt(v)
            moved = np.cumsum(steps[-2::-1], axis=0)  # over h, in the last 1, 2, ... steps
            ages = np.arange(1, PAST)[:, None]
            first = (1 - beta1) * beta1**ages / np.sqrt(v)
            second = (1 - beta2) * beta2**ages * (slope + noise[-2::-1]) * m / v**1.5
            found.append(float(np.mean(((first - second) * moved).sum(axis=0))))
    return 0.5 + sum(found) / len(found) / slope


@claim("undertow.adam-under-noise", catalogue="F04", where="where noise fills v", printed=OURS)
def adam_under_noise() -> Claim:
    r"""With $v=s$ Adam is an average of gradients over $\sqrt s$, with
    $c=\frac{1+\beta_1}{2(1-\beta_1)}$. But $v$ holds $2\xi_jHhD_j$ too, $\xi_j$ being noise that
    moved $x$ by $hD_j$ later: its mean is $2hH\sqrt s$, however long ago, which takes $1$ off $c$.
    And the noise of $m$ has moved $x$ in the last steps, where $v$ has $2gHhD_j$: the covariance of
    $m$ and $D_j$ takes off $\frac{\beta_1}{1+\beta_1}$.
    """

    def summed(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The two covariances for noise 1, 2, ... steps old, and where they tend."""
        for beta in (fmpq(1, 3), fmpq(9, 10), fmpq(0)):
            weights = [(1 - beta) * beta**j for j in range(4)]
            moves = list(accumulate(weights))  # what a kick has moved x by, j steps later
            apart = [weights[0] ** 2 / (1 - beta**2) * beta**n for n in range(1, 5)]  # of m and m
            both = [settle(part, [beta]) for part in (moves, list(accumulate(apart)))]
            c = fmpq(1, 2) + beta / (1 - beta) - sum(both, fmpq(0))
            if not says.equals("weight", c, beta1=beta):
                return False, f"{c} at beta_1 = {beta}"
        return True, "both sums at 3 momenta"

    def by_noise(says: Statement, settings: Settings) -> tuple[bool, str]:
        """What a little noise adds to the mean step where a large epsilon stands inside the root:
        it lowers 1/(epsilon + s) in the age, and adds the covariances."""
        beta1, beta2, size = sympy.symbols("beta1 beta2 epsilon", positive=True)
        found = mean_step(lambda m, v: m / sympy.sqrt(v + size), [(G, beta1), (G**2, beta2)])
        part = sympy.diff(sympy.diff(found.memory, S).subs({S: 0, Q: 0}), G).subs(G, 0)
        limit = sympy.cancel(part * size**2 / H).subs(beta2, 1)
        mean = beta1 / (1 - beta1)
        wanted = 2 * mean + sympy.Rational(1, 2) - limit
        left = sympy.cancel(says.expr("weight").subs(BETA1, beta1) - wanted)
        return noted(says.expr("weight"), wanted, left == 0), f"difference {left}"

    def by_runs(says: Statement, settings: Settings) -> tuple[bool, str]:
        found = drawn(0.5, 0.97, settings.seed)
        told = float(says.number("weight", beta1=fmpq(1, 2)))
        return abs(found - told) < 0.3, f"{found:.2f} against {told:.2f}, to 0.3"

    def at_usual(says: Statement, settings: Settings) -> fmpq:
        return says.number("weight", beta1=fmpq(9, 10))

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Where noise of the constant variance $s$ fills the second moment of Adam, to first "
            r"order in $g$ and as $\beta_2$ grows to its bound, the mean of a step at a fixed "
            r"point is through $h^2$ that of the flow of $-(g+chHg/\sqrt s)/\sqrt s$, with "
            r"$c={weight}$, which is ${usual}$ at $\beta_1:=0.9$.",
            {
                "weight": Value(age(BETA1) / 2 - (1 + 2 * BETA1) / (1 + BETA1)),
                "usual": Number("8.03"),
            },
        ),
        checks=(
            exact("covariances of the past", Kind.ENUMERATION, summed),
            exact("mean step under a little noise", Kind.SYMBOLIC, by_noise),
            exact("histories that are drawn", Kind.SIMULATION, by_runs),
            measured("at the usual momentum", at_usual, number="usual"),
        ),
    )
