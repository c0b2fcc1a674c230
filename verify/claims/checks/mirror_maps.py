"""Two-layer diagonal networks in balls: where gradient flow leads, and which potential that fits.

A coordinate is theta = w^T A w/2 with a symmetric matrix A. Gradient flow is w' = -dL/dtheta A w,
so that w = exp(A P) w(0) with the pull P, minus the integral of dL/dtheta. Nothing here knows a
mirror map: matrix exponentials are FLINT's.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

import sympy
from flint import arb, arb_mat, fmpq

from derive.networks.potentials import THETA
from verify.claims.checks.identities import noted
from verify.claims.claim import Candidate, Check, Evidence, Kind, Settings
from verify.claims.equality import apart
from verify.claims.slots import Choice
from verify.claims.statement import Statement
from verify.running.numbers import BALL, evaluate, precision

POINTS = 20


class Weights(Choice):
    """How a coordinate is made of its two weights."""

    PRODUCT = r"$\theta=u\odot v$"
    SQUARES = r"$\theta=w_+^2-w_-^2$"
    HALVES = r"$\theta=\frac12(w_+^2-w_-^2)$"


MATRICES: Mapping[Weights, tuple[tuple[int, int], tuple[int, int]]] = {
    Weights.PRODUCT: ((0, 1), (1, 0)),
    Weights.SQUARES: ((2, 0), (0, -2)),
    Weights.HALVES: ((1, 0), (0, -1)),
}


class Conserved(Choice):
    """What gradient flow does not change."""

    PRODUCT = "product of the two weights"
    SQUARES = "difference of the squared weights"

    def of(self, w: Sequence[arb]) -> arb:
        """Its absolute value."""
        return abs(w[0] * w[1] if self is Conserved.PRODUCT else w[0] ** 2 - w[1] ** 2)


def theta_of(network: Weights, w: Sequence[arb]) -> arb:
    """The coordinate."""
    rows = zip(w, MATRICES[network], strict=True)
    return sum((a * m * b / 2 for a, row in rows for m, b in zip(row, w, strict=True)), arb(0))


def moved(network: Weights, w: Sequence[arb], pull: arb) -> list[arb]:
    """The two weights after this pull."""
    m = arb_mat([[pull * a for a in row] for row in MATRICES[network]]).exp()
    return [m[i, 0] * w[0] + m[i, 1] * w[1] for i in range(2)]


def grown(network: Weights, start: Sequence[arb], pull: arb) -> arb:
    """The integral of P dtheta along the flow, by parts: P theta minus the integral of theta over
    P, which is a quarter of the growth of |w|^2."""
    w = moved(network, start, pull)
    squares = sum((a * a - b * b for a, b in zip(w, start, strict=True)), arb(0))
    return pull * theta_of(network, w) - squares / 4


def started(says: Statement, size: arb) -> list[arb]:
    """The weights of the start of scale alpha whose sizes the slots `first` and `second` say.

    Raises:
        ValueError: a size is negative.
    """
    sizes = [ball(says.expr(name), {"alpha": size}) for name in ("first", "second")]
    if any(found < 0 for found in sizes):
        raise ValueError("the size of a weight is not negative.")
    return sizes


def ball(expr: sympy.Expr, values: Mapping[str, arb]) -> arb:
    """The value in balls; one that holds everything where it is undefined."""
    try:
        return evaluate(sympy.sympify(expr), values, BALL)
    except (ValueError, ZeroDivisionError):
        return arb("nan")


@lru_cache(maxsize=64)
def slope_of(potential: sympy.Expr) -> sympy.Expr:
    """The gradient in the coordinate."""
    return sympy.diff(potential, THETA)


def drawn_ball(draw: random.Random, low: int, high: int) -> arb:
    """A rational number of [low, high]/8 with a denominator no power of 2."""
    return arb(fmpq(draw.randint(low * 7, high * 7), 56) + fmpq(1, 61))


def encloses(
    name: str,
    gaps: Callable[[Candidate, random.Random], Iterable[arb]],
    *,
    count: int = POINTS,
    refutes: bool = False,
) -> Check:
    """Balls that must hold 0, and be narrow; see `verify.claims.checks.identities.enclosed`."""

    def judge(candidate: Candidate, settings: Settings) -> Evidence:
        draw, widest = random.Random(settings.seed), arb(0)
        with precision(settings.digits):
            bound = arb(10) ** (10 - settings.digits)
            for gap in (gap for _ in range(count) for gap in gaps(candidate, draw)):
                if not gap.is_finite():
                    return Evidence(False, "undefined")
                if not gap.contains(0):
                    return Evidence(False, f"off by {gap.str(5, radius=False)}")
                widest = max(widest, gap.rad(), key=float)
        figure = f"0 enclosed {count} times, radius {float(widest):.0e}"
        return Evidence(True if widest < bound else None, figure)

    return Check(name, Kind.BALL, judge, refutes)


def mirror_flow(size: str, *, refutes: bool = False) -> Check:
    """Along the flow the gradient of the slot `potential` grows by the pull, times the slot `rate`
    where there is one; the potential, and from a start its gradient, is 0 at the origin.

    The slots are `network` and either the start, `first` and `second`, or what is `kept`; a start
    is any one then.

    Args:
        size: the name of the scale in which the potential is written.
    """

    def gaps(says: Statement, draw: random.Random) -> Iterable[arb]:
        network, pulls = says["network"], [drawn_ball(draw, -8, 8) for _ in range(2)]
        if "kept" in says.slots:
            start = [drawn_ball(draw, 4, 16), drawn_ball(draw, 20, 24)]
            scale = says["kept"].of(start)
            yield says["kept"].of(moved(network, start, pulls[0])) - scale
        else:
            scale = drawn_ball(draw, 2, 12)
            start = started(says, scale)
        slope = slope_of(says.expr("potential"))
        first, second = (
            ball(slope, {"theta": theta_of(network, moved(network, start, pull)), size: scale})
            for pull in pulls
        )
        rate = says.number("rate") if "rate" in says.slots else 1
        yield first - second - (pulls[0] - pulls[1]) * rate
        if "kept" not in says.slots:
            yield first - pulls[0] * rate
        yield ball(says.expr("potential"), {"theta": arb(0), size: scale})

    return encloses("gradient along the flow", gaps, refutes=refutes)


def stationary(size: str, *, refutes: bool = False) -> Check:
    """At the flow's limit the gradient of the slot `potential` is orthogonal to the null space of
    the data.

    Any point on the curve of pulls P = X^T nu is the limit for the right side y = X theta. The
    scales differ from coordinate to coordinate; a factor in front of the potential does not show.
    """

    def gaps(says: Statement, draw: random.Random) -> Iterable[arb]:
        network, slope = says["network"], slope_of(says.expr("potential"))
        row = [drawn_ball(draw, 1, 8), drawn_ball(draw, 1, 8)]
        nu, sizes = drawn_ball(draw, 1, 6), [drawn_ball(draw, 2, 12), drawn_ball(draw, 2, 12)]
        slopes = []
        for x, scale in zip(row, sizes, strict=True):
            w = moved(network, started(says, scale), nu * x)
            slopes.append(ball(slope, {"theta": theta_of(network, w), size: scale}))
        yield slopes[0] * row[1] - slopes[1] * row[0]

    return encloses("stationary at the flow's limit", gaps, refutes=refutes)


def structurally(name: str, derived: Callable[[], sympy.Expr], *, refutes: bool = False) -> Check:
    """The expanded difference to what is derived is 0."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        wanted = derived()
        if apart(candidate, wanted):
            noted(candidate, wanted, equal=False)
            return Evidence(False, lambda: f"difference {sympy.expand(candidate - wanted)}")
        difference = sympy.expand(candidate - wanted)
        equal = noted(candidate, wanted, difference == 0)
        return Evidence(equal, f"difference {difference}")

    return Check(name, Kind.SYMBOLIC, judge, refutes)
