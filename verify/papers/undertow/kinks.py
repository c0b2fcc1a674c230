"""Where the map of the averaged gradients has a kink: to which order its flow is then followed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from math import isqrt
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive.language.formula import BETA, H
from derive.optimizers import NONLINEAR
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, noted
from verify.claims.checks.stated import observed
from verify.claims.claim import OURS, Claim, Kind, Settings, claim
from verify.claims.equality import same
from verify.claims.slots import Instance, Order, Value
from verify.claims.statement import Statement, Type
from verify.papers.undertow.clipping import mapped_first
from verify.running.numbers import MPFR, precision, sqrt
from verify.running.orders import observed_order

ANY_MAP = NONLINEAR["lion-k"]
FROM, UNTIL = fmpq(3, 2), fmpq(2)
"""Where the clipped run begins, and its time; the threshold is 1."""
HALVINGS = range(6, 11)
Number = Any


def clipped_runs(beta: fmpq, digits: int) -> list[tuple[Number, Number, Number]]:
    """h, the iterate at the end, and the slow motion of the part that is not clipped, from 1."""
    found = []
    with precision(digits):
        for j in HALVINGS:
            h, b = MPFR.convert(fmpq(1, 2**j)), MPFR.convert(beta)
            x, memory = MPFR.convert(FROM), (MPFR.convert(fmpq(1)),)
            for _ in range(int(UNTIL * 2**j)):
                fields = (lambda at: at, lambda g: min(g, h * 0 + 1))  # noqa: B023
                x, memory = mapped_first.step(x, memory, fields, h, {"beta": b})
            middle = 1 + b - (1 - b) * h
            slow = (middle + sqrt(middle * middle - 4 * b)) / 2
            found.append((h, x, slow ** int((UNTIL - FROM + 1) * 2**j)))
    return found


@cache
def slow_share() -> list[sympy.Expr]:
    """The coefficients of h and h^2 of the slow mode's part in two steps 1, 1 - h of heavy ball."""
    slow, first, second = sympy.symbols("s first second")
    mode = 1 + first * H + second * H**2
    equation = sympy.expand(mode**2 - (1 + BETA - ONE_MINUS * H) * mode + BETA)
    known: dict[sympy.Symbol, sympy.Expr] = {}
    for unknown, power in ((first, 1), (second, 2)):
        known[unknown] = sympy.solve(equation.coeff(H, power).subs(known), unknown)[0]
    fast = BETA / slow
    rate = sympy.diff(((1 - H - fast) / (slow - fast)).subs(slow, mode.subs(known)), H)
    return [sympy.cancel(part.subs(H, 0)) for part in (rate, sympy.diff(rate, H) / 2)]


@claim("undertow.kink-bends", catalogue="F01 L03", where="where the map bends", printed=OURS)
def kink_bends() -> Claim:
    r"""While the average still holds clipped gradients, a field in powers of $h$ is wrong by $O(h)$
    for $O(1)$ steps. When $x$ reaches $\tau=1$ here, $m=\tau$, which is $h/(1-\beta)$ less than on
    the slow manifold inside. What is missing in an average of gradients moves $x$ by
    $h\beta/(1-\beta)$ times it, in all.
    """

    def errors(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
        found = [float(abs(x - y)) for _, x, y in clipped_runs(fmpq(1, 2), settings.digits)]
        return list(zip(found, found, strict=True))

    def left(says: Statement, settings: Settings) -> tuple[bool, str]:
        for beta in (fmpq(1, 2), fmpq(2, 3)):
            runs = clipped_runs(beta, settings.digits)
            gap = MPFR.convert(says.number("gap", beta=beta))
            seen = observed_order([float(abs(x - y - gap * h * h * y)) for h, x, y in runs])
            if not seen.supports(3):
                return False, f"what is left has the order {seen} at beta = {beta}"
        return True, "what is left has the order 3"

    def amplitude(says: Statement, settings: Settings) -> tuple[bool, str]:
        flat, found = slow_share()
        equal = noted(says.expr("gap"), found, same(found, says.expr("gap")))
        return equal and flat == 0, f"{flat} in h, {found} in h^2"

    return Claim(
        says=Statement(
            Type.EXISTENCE,
            r"Where a component of the gradient passes a value at which $\nabla^2K$ jumps, a flow "
            r"in powers of $h$ can be {order}-close to $x_{k+1}:=x_k-hm_{k+1}$, "
            r"$m_{k+1}:=\beta m_k+(1-\beta)\nabla K(\nabla E)$, and no closer: on $E:=x^2/2$ with "
            r"$\nabla K:=\max(-\tau,\min(g,\tau))$, $\tau:=x_j$ an iterate, the later iterates are "
            r"$x_k=y{+gap}h^2y$ up to higher powers, $y$ the slow motion from $\tau$ at $kh-jh$.",
            {"order": Order(2), "gap": Value(BETA / ONE_MINUS**2)},
        ),
        checks=(
            observed("observed order", errors, when=None),
            exact("what the stated gap leaves", Kind.ORDER, left),
            exact("slow part of the state at the threshold", Kind.SYMBOLIC, amplitude),
        ),
    )


def farther(start: Any, kappa: Callable[[Any], Any], j: int, size: Callable[[Any], fmpq]) -> fmpq:
    """The larger size of the last two points at steps of 2^-j, until the time 1."""
    x, memory, h = start, (start * 0,), fmpq(1, 2**j)
    found = [fmpq(0)]
    for _ in range(2**j - 2):
        x, memory = ANY_MAP.step(x, memory, (lambda at: at, kappa), h, {"beta1": 0, "beta2": 0})
        found = [*found[-1:], size(x)]
    return max(found)


def sign(g: fmpq) -> fmpq:
    return fmpq((g > 0) - (g < 0))


def polar(a: np.ndarray) -> np.ndarray:
    """The orthogonal factor of a matrix with two rational singular values above 0."""
    (p, q), (r, s) = a
    turn = sign(p * s - q * r)
    sums = a + np.array([[s, -r], [-q, p]]) * turn
    square = sums[0, 0] ** 2 + sums[0, 1] ** 2
    return sums / fmpq(isqrt(int(square.p)), isqrt(int(square.q)))


def smaller(a: np.ndarray) -> fmpq:
    """The smaller singular value of a matrix whose larger one was 1 less the time."""
    (p, q), (r, s) = a
    turn = sign(p * s - q * r)
    total, rest = (
        fmpq(isqrt(int(n.p)), isqrt(int(n.q)))
        for n in (
            (p + turn * s) ** 2 + (q - turn * r) ** 2,
            (p - turn * s) ** 2 + (q + turn * r) ** 2,
        )
    )
    return abs(total - rest) / 2


TURN = np.array([[fmpq(3, 5), fmpq(-4, 5)], [fmpq(4, 5), fmpq(3, 5)]])
OTHER = np.array([[fmpq(5, 13), fmpq(12, 13)], [fmpq(-12, 13), fmpq(5, 13)]])


def jumping(
    run: Callable[[fmpq, int], fmpq], what: str, on: str, start: Instance, name: str
) -> Claim:
    """A claim that iterates go on jumping at a distance from where the flow rests."""

    def exactly(says: Statement, settings: Settings) -> tuple[bool, str]:
        for j in range(3, 9):
            found = run(says["start"][name], j) * 2**j
            if not says.equals("gap", found):
                return False, f"{found} h at h = 1/{2**j}"
        return True, "at 6 steps"

    def errors(says: Statement, settings: Settings) -> Sequence[tuple[float, float]]:
        found = [float(run(says["start"][name], j)) for j in range(3, 9)]
        return list(zip(found, found, strict=True))

    def by_remainder(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The start is a whole number of steps and a part of one, which is left, or the rest."""
        begins = (says["start"][name] * 2**j for j in range(3, 9))
        parts = [fmpq(int(b.p) % int(b.q), int(b.q)) for b in begins]
        gaps = {max(part, 1 - part) for part in parts}
        return gaps == {says.number("gap")}, f"{gaps}"

    return Claim(
        says=Statement(
            Type.EXISTENCE,
            rf"Where {what}, a flow in powers of $h$ can be {{order}}-close to "
            rf"$x_{{k+1}}:=x_k-h\nabla K(\nabla E)$, and no closer: {on} from {{start}}, with "
            r"steps $h:=2^{-n}$, two points are met in turn in the end, the farther of them at "
            r"${gap}h$ from where the flow rests.",
            {"order": Order(1), "start": start, "gap": Value(sympy.Rational(2, 3))},
        ),
        checks=(
            exact("runs in rational numbers", Kind.ENUMERATION, exactly),
            observed("observed order", errors, when=None),
            exact("what remains of a step", Kind.ENUMERATION, by_remainder),
        ),
    )


@claim("undertow.kink-jumps", catalogue="F01", where="where the map jumps", printed=OURS)
def kink_jumps() -> Claim:
    r"""$\nabla K=\operatorname{sign}$ steps by $h$ whatever the gradient is, and over the minimum;
    how far depends on the part of a step in $x_0/h$, which no series in $h$ knows.
    """
    return jumping(
        lambda start, j: farther(start, sign, j, abs),
        r"a component of the gradient comes to a value at which $\nabla K$ jumps",
        r"with $K:=\lVert g\rVert_1$ on $E:=x^2/2$",
        Instance(None, {"x_0": "1/3"}),
        "x_0",
    )


@claim("undertow.rank-loss", catalogue="F01", where="where a matrix loses rank", printed=OURS)
def rank_loss() -> Claim:
    r"""$\nabla K$ of the nuclear norm is the orthogonal factor of a matrix. It jumps where a
    singular value passes through 0: this one steps over it by $h$ and back, as a component does
    under the sign. Before that $x$ keeps its singular vectors, and the flow is met exactly.
    """

    def run(start: fmpq, j: int) -> fmpq:
        values = np.array([[fmpq(1), fmpq(0)], [fmpq(0), start]])
        return farther(TURN @ values @ OTHER, polar, j, smaller)

    return jumping(
        run,
        r"the matrix $\nabla E$ loses rank and $K$ is the nuclear norm, as in Muon",
        r"on $E:=\lVert x\rVert^2/2$, the Frobenius norm, with a larger singular value that does "
        r"not vanish and a smaller one",
        Instance(None, {r"\sigma": "1/3"}),
        r"\sigma",
    )
