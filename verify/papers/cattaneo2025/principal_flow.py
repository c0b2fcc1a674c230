"""The principal flow of heavy ball on a quadratic: Cattaneo and Shigida (2025).

A mode of curvature lambda has the loss E = lambda x^2/2; z is step size times curvature. Their
abstract names a principal flow and Narayana polynomials; the formulas are worked out here.
"""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache
from itertools import combinations, pairwise

import sympy
from flint import acb, arb, fmpq, fmpq_series

from derive import heavy_ball
from derive.language.formula import BETA, K, Z
from derive.language.update_rule import Number
from derive.quadratics.principal_flow import principal_multiplier, radius_of_convergence
from verify.claims.checks.heavy_ball import memory_fades
from verify.claims.checks.identities import exact, noted
from verify.claims.checks.quadratics import (
    BETAS,
    COMPLEX,
    DISCRIMINANT,
    SQUARE_ROOTS,
    N,
    by_lifting,
    larger_eigenvalue,
    loss_over_a_step,
    multiplier,
    obeys_the_step,
    on_the_principal_flow,
    polynomial,
    same_function,
    series_terms,
    taylor,
)
from verify.claims.checks.stated import bounded, switches
from verify.claims.claim import LOST, Check, Claim, Evidence, Kind, Settings, claim, on
from verify.claims.equality import in_ring
from verify.claims.slots import Domain, Point, Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import heavy_ball_mode
from verify.running.numbers import BALL, evaluate, precision

ROOT = sympy.sqrt(DISCRIMINANT)
KAPPA = sympy.Mul(sympy.Rational(1, 2), 1 + BETA - Z + ROOT, evaluate=False)
THRESHOLD = (1 - sympy.sqrt(BETA)) ** 2
WORKED_OUT = "named in the abstract, worked out here"
FLOW, LOSS, ROWS = (
    f"{what}, {WORKED_OUT}" for what in ("principal flow", "modified loss", "Narayana polynomials")
)
LIMIT = {"relation": Relation.AT_MOST, "threshold": Value(THRESHOLD, "threshold")}
"""Until when a mode has a real, positive factor."""
FACTOR = r"With $\kappa_+$ the larger factor of a mode of heavy ball at $z:=h\lambda$"


def at_square(candidate: sympy.Expr, root: fmpq) -> fmpq:
    """The candidate at beta = root^2, its square root taken exactly."""
    own = sympy.Rational(int(root.p), int(root.q))
    return evaluate(candidate.subs(BETA, own**2), {})


def factors(z: fmpq, root: fmpq) -> tuple[fmpq, bool]:
    """The discriminant of the factors of a step at beta = root^2, and whether their sum is above 0;
    by running the rule."""
    step = heavy_ball_mode(z, root**2, fmpq(1)).matrix
    trace = step[0, 0] + step[1, 1]
    return trace**2 - 4 * step.det(), trace > 0


def until(strictly: bool = False) -> Check:
    """Up to the stated threshold, and not beyond, the factors are real and positive; with
    `strictly`, and differ."""

    def drawn(says: Statement, draw: random.Random) -> tuple[fmpq, fmpq]:
        root = fmpq(draw.randint(1, 39), 40)
        return at_square(says.expr("threshold"), root), root

    def holds(says: Statement, z: fmpq, root: fmpq) -> bool:
        gap, positive = factors(z, root)
        return positive and (gap > 0 if strictly else gap >= 0)

    return switches("factors of a step", holds, drawn)


@claim("cattaneo2025.principal-flow", catalogue="E10", where=FLOW, printed=LOST)
def heavy_ball_flow() -> Claim:
    r"""On the slow manifold heavy ball multiplies a mode by $\kappa_+$, the root of
    $\kappa^2-(1+\beta-z)\kappa+\beta$ that is 1 at $z=0$; $\dot x=r\lambda x$ multiplies it by
    $e^{rz}$ in the time $h$. So $rz=\log\kappa_+$.
    """
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"On a quadratic heavy ball, started on its slow manifold, lies on the flow that "
            r"multiplies the component of $\nabla E$ along each eigenvector, $z:=h\lambda$, by "
            r"{rate}, while $z{relation}{threshold}$.",
            {"rate": Value(sympy.log(KAPPA) / Z), **LIMIT},
        ),
        checks=(*(on("rate", check) for check in on_the_principal_flow(heavy_ball)), until()),
    )


@claim("cattaneo2025.principal-flow-slope", catalogue="E10", where=FLOW, printed=LOST)
def heavy_ball_slope() -> Claim:
    r"""Differentiate $\kappa^2-(1+\beta-z)\kappa+\beta=0$:
    $(2\kappa-(1+\beta-z))\kappa'=-\kappa$, so $-\kappa'/\kappa=1/(2\kappa-(1+\beta-z))$, and for
    $\kappa_+$ the bracket is the square root of the discriminant.
    """

    def enclosed(candidate: sympy.Expr, settings: Settings) -> Evidence:
        with precision(settings.digits):
            for root in SQUARE_ROOTS:
                for share in range(1, 10):
                    beta, z = acb(root**2), acb((1 - root) ** 2 * fmpq(share, 10))
                    slope = 1 / (2 * larger_eigenvalue(beta, z) - (1 + beta - z))
                    gap = slope - evaluate(candidate, {"z": z, "beta": beta}, COMPLEX)
                    if not gap.contains(0):
                        return Evidence(False, f"off at beta = {root**2}, z = {z.real.str(5)}")
                    if not abs(gap) < arb(10) ** (10 - settings.digits):
                        return Evidence(None, "the enclosure is too wide")
        return Evidence(True, "enclosed at 36 points below the threshold")

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"{FACTOR}, the derivative of $-\log\kappa_+$ by $z$ is {{slope}}, while "
            r"$z{relation}{threshold}$.",
            {"slope": Value(1 / ROOT), **LIMIT, "relation": Relation.BELOW},
        ),
        checks=(
            on(
                "slope",
                same_function(
                    "derivative of the multiplier's logarithm",
                    lambda candidate: candidate,
                    lambda: -sympy.log(principal_multiplier(heavy_ball)).diff(Z),
                ),
            ),
            on("slope", Check("slope of the enclosed eigenvalue", Kind.BALL, enclosed)),
            until(strictly=True),
        ),
    )


@cache
def factor_series(beta: fmpq, count: int, *, logarithm: bool) -> list[fmpq]:
    """The coefficients of -log kappa_+ or 1 - kappa_+ through z^count, by the quadratic formula."""
    with series_terms(count + 1):
        z: Number = fmpq_series([0, 1], prec=count + 1)
        scale = (1 - beta) ** 2  # z = scale y
        root = (z * z * scale - z * (2 + 2 * beta) + 1).sqrt() * (1 - beta)
        kappa = (root - z * scale + (1 + beta)) * fmpq(1, 2)
        found = -kappa.log() if logarithm else 1 - kappa
        return [found[n] / scale**n for n in range(count + 1)]


def coefficients(*, logarithm: bool) -> Check:
    """The stated coefficients are those of the factor from the stated n on, and not before."""

    def term(says: Statement, n: int, beta: fmpq) -> fmpq | None:
        try:
            row = polynomial(says.expr("row"), n).at({"beta": beta})
            return says.number("scale", n=fmpq(n), beta=beta) * row
        except (ZeroDivisionError, ValueError):
            return None

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        first = says.expr("first")
        if not first.is_Integer:
            return False, "no whole number"
        for beta in BETAS:
            right = factor_series(beta, 13, logarithm=logarithm)
            agree = [term(says, n, beta) == right[n + 1] for n in range(-1, 12)]
            if agree.index(True) != int(first) + 1 or not all(agree[int(first) + 1 :]):
                return False, f"wrong at beta = {beta}"
        return True, f"equal through z^12 for {len(BETAS)} beta"

    return exact("quadratic formula in power series", Kind.SERIES, holds)


def series_claim(what: str, name: str, row: sympy.Expr, first: int, *, logarithm: bool) -> Claim:
    """The coefficients of one of the two power series of the factor."""
    scale = 1 / (1 - BETA) ** (2 * N + 1) / (N + 1 if logarithm else 1)
    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"{FACTOR}, the coefficient of $z^{{n+1}}$ in ${what}$ is ${{scale}}$ times the "
            rf"{name} {{row}}, from $n={{first}}$ on.",
            {"row": Value(row), "scale": Value(scale), "first": Value(sympy.Integer(first))},
        ),
        checks=(
            on("row", by_lifting(logarithm=logarithm)),
            coefficients(logarithm=logarithm),
        ),
    )


@claim("cattaneo2025.principal-flow-series", catalogue="E10", where=FLOW, printed=LOST)
def heavy_ball_series() -> Claim:
    r"""The slope $((1+\beta-z)^2-4\beta)^{-1/2}$ is $((1-\beta)^2-2(1+\beta)z+z^2)^{-1/2}$. With
    $y=z/(1-\beta)^2$ it is $(1-2(1+\beta)y+(1-\beta)^2y^2)^{-1/2}/(1-\beta)$, the generating
    function of $\sum_k\binom nk^2\beta^k$. Integrate. The polynomials have the rows of A008459 as
    coefficients; they are the Narayana polynomials of type B.
    """
    row = sympy.Sum(sympy.binomial(N, K) ** 2 * BETA**K, (K, 0, N))
    return series_claim(r"-\log\kappa_+", "polynomial", row, 0, logarithm=True)


@claim("cattaneo2025.principal-flow-radius", catalogue="E10", where=FLOW, printed=LOST)
def heavy_ball_radius() -> Claim:
    r"""$\kappa_+$ branches where its discriminant vanishes, at $z=(1\pm\sqrt\beta)^2$, both simple
    zeros. It has no zero, since $\kappa_+\kappa_-=\beta$, so that the logarithm adds no singularity
    unless $\beta=0$. The radius is the nearer one: where the modes begin to oscillate. A square
    root there makes the coefficients fall like $n^{-3/2}$ on the circle, so that the series
    converges on it as well.
    """
    root = sympy.Symbol("s", positive=True)

    def branch_points(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        wanted = radius_of_convergence(heavy_ball)
        difference = in_ring((candidate - wanted).subs(BETA, root**2))
        return noted(candidate, wanted, not difference), f"difference {difference}"

    def nearest(says: Statement, settings: Settings) -> tuple[bool, str]:
        for r in SQUARE_ROOTS:
            radius = at_square(says.expr("threshold"), r)
            gap, _ = factors(radius, r)
            if gap != 0 or not 0 < radius < (1 - r**2) ** 2 / radius:
                return False, f"not the nearer zero at beta = {r**2}"
        return True, f"the nearer zero for {len(SQUARE_ROOTS)} beta"

    def falls(says: Statement, beta: fmpq, side: fmpq) -> bool:
        """Whether the terms on a circle around 0 fall faster than those of the harmonic series."""
        terms = factor_series(beta, 160, logarithm=True)
        with precision(60):
            radius = evaluate(says.expr("threshold"), {"beta": arb(beta)}, BALL)
            near, far = (abs(arb(terms[n])) * (radius * side) ** n for n in (80, 160))
            return bool(near > far * arb(2) ** arb("1.2"))

    def on_circles(says: Statement, settings: Settings) -> tuple[bool, str]:
        stated = says["relation"]
        for r in SQUARE_ROOTS:
            found = [falls(says, r**2, fmpq(n, 20)) for n in (19, 20, 21)]
            if found != [stated.admits(n, 20) for n in (19, 20, 21)]:
                return False, f"falls: {found} within, on and beyond the circle"
        return True, f"within, on and beyond the circle, {len(SQUARE_ROOTS)} beta"

    def followed(says: Statement, point: Point, settings: Settings) -> bool:
        fades = memory_fades(heavy_ball, point)
        inside, outside = (falls(says, point["beta"], side) for side in (fmpq(1), fmpq(21, 20)))
        return fades and inside and not outside

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            rf"{FACTOR}, the power series of $\log\kappa_+$ in $z$, and with it the flow that "
            rf"heavy "
            r"ball follows on the mode, converges for $|z|{relation}{threshold}$ and not beyond, "
            r"for {domain}.",
            {**LIMIT, "domain": Domain((sympy.Gt(BETA, 0), sympy.Lt(BETA, 1)))},
        ),
        checks=(
            on(
                "threshold",
                exact("branch points and zeros of the multiplier", Kind.SYMBOLIC, branch_points),
            ),
            exact("nearer zero of the discriminant", Kind.ENUMERATION, nearest),
            exact("growth of the coefficients", Kind.SERIES, on_circles),
            bounded("growth in the domain", followed),
        ),
    )


@claim("cattaneo2025.one-step-loss-on-a-mode", catalogue="E12", where=LOSS, printed=LOST)
def one_step_loss() -> Claim:
    r"""On the slow manifold $x_{k+1}=\kappa_+x_k$, and gradient descent on $q\lambda x^2/2$
    multiplies by $1-qz$: $q=(1-\kappa_+)/z$. It tends to $1/(1-\beta)$ for small $z$, and to 1 for
    $\beta=0$.
    """
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"On a mode of curvature $\lambda$ heavy ball, started on its slow manifold, is "
            r"gradient descent with the curvature $q\lambda$, $q={factor}$ at $z:=h\lambda$, while "
            r"$z{relation}{threshold}$.",
            {"factor": Value((1 - BETA + Z - ROOT) / (2 * Z)), **LIMIT},
        ),
        checks=(
            on(
                "factor",
                same_function(
                    "principal multiplier", multiplier, lambda: principal_multiplier(heavy_ball)
                ),
            ),
            on("factor", taylor(heavy_ball, multiplier, flow=False)),
            on("factor", obeys_the_step(heavy_ball, loss_over_a_step)),
            until(),
        ),
    )


def paths_by_peaks(length: int) -> list[int]:
    """Of the paths of `length` steps up and as many down that stay above 0: how many have 0, 1, ...
    peaks, by enumerating them all."""
    counts = [0] * (length + 1)
    for ups in combinations(range(2 * length), length):
        steps = [1 if i in ups else -1 for i in range(2 * length)]
        if all(sum(steps[:i]) >= 0 for i in range(2 * length)):
            peaks = sum(a > b for a, b in pairwise(steps))
            counts[peaks] += 1
    return counts


@claim("cattaneo2025.narayana-polynomials", catalogue="E12", where=ROWS, printed=LOST)
def narayana() -> Claim:
    r"""$u=1-\kappa_+$ satisfies $u(1-\beta-u)=z(1-u)$. Lagrange's inversion gives
    $[z^{n+1}]u=[u^n]((1-u)/(1-\beta-u))^{n+1}/(n+1)
    =\sum_k\binom nk\binom n{k-1}\beta^k/(n(1-\beta)^{2n+1})$ for $n\ge1$, and $1/(1-\beta)$ for
    $n=0$. The coefficients are the Narayana numbers, rows of A001263; they count Dyck paths of $2n$
    steps by peaks. So the polynomial has the factor $\beta$: $\beta$, $\beta+\beta^2$,
    $\beta+3\beta^2+\beta^3$, ...
    """

    def counted(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for n in range(1, 6):
            counts = enumerate(paths_by_peaks(n))
            row = sympy.Add(*(count * BETA**peaks for peaks, count in counts))
            if polynomial(candidate, n) != in_ring(row):
                return False, f"other numbers of paths for n = {n}"
        return True, "all Dyck paths of up to 10 steps"

    row = sympy.Sum(sympy.binomial(N, K) * sympy.binomial(N, K - 1) * BETA**K, (K, 1, N)) / N
    found = series_claim(r"-\kappa_+", "Narayana polynomial", row, 1, logarithm=False)
    paths = on("row", exact("paths counted by peaks", Kind.ENUMERATION, counted))
    return replace(found, checks=(*found.checks, paths))
