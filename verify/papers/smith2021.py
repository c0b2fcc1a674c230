"""The loss that random shuffling follows: Smith, Dherin, Barrett and De (2021)."""

from __future__ import annotations

import random

import sympy
from flint import fmpq

from derive.batches import averages
from derive.language.formula import H
from verify.claims.checks.averaging import NOTATION, SAMPLING
from verify.claims.checks.heavy_ball import value
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import Claim, Kind, Settings, claim, on, second_hand
from verify.claims.slots import Batches, Order, Value
from verify.claims.statement import Statement, Type
from verify.models.batch_sequences import all_sequences, average
from verify.models.cubic_batches import CubicBatches, draw_line, path
from verify.running.flows import evaluate_taylor
from verify.running.numbers import PowerSeries, power_series
from verify.running.tape import Node, record

S, F = sympy.symbols("S F")
LENGTH = 4


def flow_of_loss(line: CubicBatches, candidate: sympy.Expr, steps: int) -> PowerSeries:
    """The flow of -grad(E + candidate) from x = 0 over the time steps h, in powers of h.

    The candidate is linear in S and F.
    """
    h = PowerSeries.step(LENGTH)
    full, noise = (value(candidate.subs({S: i, F: 1 - i}), h=h) + h * 0 for i in (1, 0))
    mean = line.mean

    def compute(nodes: list[Node]) -> list[Node]:
        x, on_full, on_noise = nodes

        def gradient(row: tuple[fmpq, ...]) -> Node:
            return x * x * row[2] + x * row[1] + row[0]

        def slope(row: tuple[fmpq, ...]) -> Node:
            return x * row[2] * 2 + row[1]

        g, curvature = gradient(mean.slopes[0]), slope(mean.slopes[0])
        spread = sum(((gradient(row) - g) * (slope(row) - curvature) for row in line.slopes), x * 0)
        return [-(g + on_full * g * curvature * 2 + on_noise * spread * fmpq(2, len(line.slopes)))]

    arithmetic = power_series(LENGTH)
    (row,) = record(3, compute).taylor([h * 0], [full, noise], LENGTH, arithmetic)
    return evaluate_taylor([row], h * steps)[0]


def left_over(candidate: sympy.Expr, sampling: str, draw: random.Random) -> int:
    """The lowest power of h in the mean iterate after as many steps as there are batches, 2, 3 or
    4, less the flow."""
    powers = []
    for size in (2, 3, 4):
        line = draw_line(draw, size)
        sequences = all_sequences(sampling, size, size)
        ends = [path(line, sequence, fmpq(0), LENGTH)[-1] for sequence in sequences]
        left = average(ends) - flow_of_loss(line, candidate, size)
        powers.append(next((n for n in range(LENGTH) if left[n] != 0), LENGTH))
    return min(powers)


@claim(
    "smith2021.modified-loss",
    catalogue="E07",
    where="modified loss of random shuffling",
    printed=second_hand(
        r"mean over epoch orderings $\mathbb E\omega_m=\omega(m\epsilon)+O(m^3\epsilon^3)$",
        "the catalogue of published statements, E07",
    ),
)
def modified_loss() -> Claim:
    r"""The mean over the orders of one epoch: the pairs of steps $j<k$ contribute $h^2H_kg_j$. Over
    all orders each pair of different batches is met as often as any other, so the mean is
    $h^2m(m-1)/2\,Hg$ minus $h^2m/4\,\nabla F$. The flow of $E+h/4(S+F)$ over the time $mh$ gives
    $-mh(h/2\,Hg+h/4\,\nabla F)+m^2h^2/2\,Hg$: the same.
    """

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        term, power = says.expr("term"), says["order"].power
        corners = [term.subs({S: i, F: j}) for i, j in ((0, 0), (1, 1), (1, 0), (0, 1))]
        if corners[0] != 0 or sympy.expand(corners[1] - corners[2] - corners[3]) != 0:
            return False, "not linear in S and F"
        for drawn, sampling in SAMPLING.items():
            found = left_over(term, sampling, random.Random(settings.seed))
            if (found == power) != (drawn is says["batches"]):
                return False, f"h^{found} is left for batches {drawn.plain}"
        return True, f"begins at h^{power} for 2, 3, 4 batches drawn so, and not else"

    def pairs() -> sympy.Expr:
        """The mean over an epoch, the same for every number of batches."""
        felt = [averages.mean_path_regularizer(averages.RESHUFFLED, 7, k)(0) for k in range(7)]
        return H / 4 * (S + sympy.Rational(str(sum(felt[1:], felt[0]) / 7)) * F)

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"Without momentum, with $m$ batches {batches}, the mean of the iterate after an epoch "
            r"of $m$ steps is, to {order}, where the gradient flow of $E{+term}$ from the same "
            rf"point is at the time $mh$, {NOTATION}.",
            {
                "term": Value(H / 4 * (S + F), "limit"),
                "batches": Batches.RESHUFFLED,
                "order": Order(3),
            },
        ),
        checks=(
            on("term", identical("pairs of steps in one epoch", pairs)),
            exact("mean over all orders against the flow", Kind.SERIES, holds),
        ),
    )
