"""The principal flow of heavy ball on a quadratic: Cattaneo and Shigida (2025).

A mode of curvature lambda has the loss E = lambda x^2/2; z is step size times curvature. Their
abstract names a principal flow and Narayana polynomials; the formulas are worked out here.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise

import sympy
from flint import acb, arb, fmpq, fmpq_series

from derive import heavy_ball
from derive.language.formula import BETA, MOMENTUM, Formula, K, Z
from derive.language.update_rule import Number
from derive.quadratics.principal_flow import principal_multiplier, radius_of_convergence
from verify.claims.checks.identities import exact
from verify.claims.checks.quadratics import (
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
    solves_the_quadratic,
    sums_to_the_eigenvalue,
    taylor,
)
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.claims.equality import in_ring
from verify.running.numbers import evaluate, precision
from verify.running.recording import recorder

ROOT = sympy.sqrt(DISCRIMINANT)
KAPPA = sympy.Mul(sympy.Rational(1, 2), 1 + BETA - Z + ROOT, evaluate=False)
THRESHOLD = (1 - sympy.sqrt(BETA)) ** 2
MODE = (*MOMENTUM, sympy.Gt(Z, 0), sympy.Lt(Z, THRESHOLD))
OURS = "named in the abstract, worked out here"
FLOW, LOSS, ROWS = (
    f"{what}, {OURS}" for what in ("principal flow", "modified loss", "Narayana polynomials")
)
ON_MANIFOLD = r"The start lies on the slow manifold: on each mode $x_{-1} = x_0/\kappa_+$."


@claim("cattaneo2025.principal-flow", catalogue="E10", where=FLOW)
def heavy_ball_flow() -> Claim:
    """On the slow manifold heavy ball multiplies a mode by κ₊, the root of κ² - (1+β-z)κ + β that
    is 1 at z = 0; x' = r λx multiplies it by exp(rz) in the time h. So rz = log κ₊.
    """
    return Claim(
        statement=(
            r"On a quadratic heavy ball lies exactly on the flow that multiplies the component of "
            r"$\nabla E$ along each eigenvector, $z = h\lambda$, by {formula}."
        ),
        printed=Formula("heavyBallPrincipalRate", sympy.log(KAPPA) / Z, given=MODE),
        checks=on_the_principal_flow(heavy_ball),
        expected=Verdict.CONFIRMED,
        condition=ON_MANIFOLD,
    )


@claim("cattaneo2025.principal-flow-slope", catalogue="E10", where=FLOW)
def heavy_ball_slope() -> Claim:
    """Differentiate κ² - (1+β-z)κ + β = 0: (2κ - (1+β-z)) κ' = -κ, so -κ'/κ = 1/(2κ - (1+β-z)),
    and for κ₊ the bracket is the square root of the discriminant.
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
        statement=(
            r"With $\kappa_+$ the larger factor of a mode of heavy ball, the derivative of "
            r"$-\log\kappa_+$ by $z$ is {formula}."
        ),
        printed=Formula("principalFlowSlope", 1 / ROOT, given=MODE),
        checks=(
            same_function(
                "derivative of the multiplier's logarithm",
                lambda candidate: candidate,
                lambda: -sympy.log(principal_multiplier(heavy_ball)).diff(Z),
            ),
            Check("slope of the enclosed eigenvalue", Kind.BALL, enclosed),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cattaneo2025.principal-flow-series", catalogue="E10", where=FLOW)
def heavy_ball_series() -> Claim:
    """The slope ((1+β-z)² - 4β)^(-1/2) is ((1-β)² - 2(1+β)z + z²)^(-1/2). With y = z/(1-β)² it is
    (1 - 2(1+β)y + (1-β)²y²)^(-1/2)/(1-β), the generating function of Σ C(n,k)² β^k. Integrate. The
    polynomials 1, 1+β, 1+4β+β², 1+9β+9β²+β³ have the rows of A008459 as coefficients; they are the
    Narayana polynomials of type B.
    """
    return Claim(
        statement=(
            r"Let $\kappa_+$ be the larger factor of a mode of heavy ball. The coefficient of "
            r"$z^{n+1}$ in $-\log\kappa_+$ is $1/((n+1)(1-\beta)^{2n+1})$ times {formula}."
        ),
        printed=Formula(
            "squaredBinomials",
            sympy.Sum(sympy.binomial(N, K) ** 2 * BETA**K, (K, 0, N)),
            given=(*MOMENTUM, sympy.Ge(N, 0)),
        ),
        checks=(
            by_lifting(logarithm=True),
            solves_the_quadratic(logarithm=True),
            sums_to_the_eigenvalue(logarithm=True),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"The series needs $|z| < (1-\sqrt\beta)^2$.",
    )


def at_square(candidate: sympy.Expr, root: fmpq) -> fmpq:
    """The candidate at beta = root^2, its square root taken exactly."""
    own = sympy.Rational(int(root.p), int(root.q))
    return evaluate(candidate.subs(BETA, own**2), {})


def identical_at_squares(derived: Callable[[], sympy.Expr]) -> Check:
    """Equality as rational functions of sqrt(beta)."""
    root = sympy.Symbol("s", positive=True)

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        wanted = derived()
        difference = in_ring((candidate - wanted).subs(BETA, root**2))
        if (log := recorder()) is not None:
            log.identity(candidate, wanted, not difference)
        return not difference, f"difference {difference}"

    return exact("branch points and zeros of the multiplier", Kind.SYMBOLIC, holds)


@claim("cattaneo2025.principal-flow-radius", catalogue="E10", where=FLOW)
def heavy_ball_radius() -> Claim:
    """κ₊ branches where its discriminant vanishes, at z = (1±√β)², both simple zeros. It has no
    zero, since κ₊κ₋ = β, so the logarithm adds no singularity; at β = 0 it adds z = 1, which is
    the same. The radius is the nearer one: where the modes begin to oscillate.
    """

    def nearest(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for root in SQUARE_ROOTS:
            beta, radius = root**2, at_square(candidate, root)
            trace = 1 + beta - radius
            other = (1 - beta) ** 2 / radius if radius else radius
            if trace**2 != 4 * beta or not 0 < radius < other:
                return False, f"not the nearer zero at beta = {beta}"
        return True, f"the nearer zero for {len(SQUARE_ROOTS)} beta"

    def growth(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        count = 400
        with series_terms(count + 1):
            for root in SQUARE_ROOTS:
                beta, radius = root**2, at_square(candidate, root)
                y: Number = fmpq_series([0, 1], prec=count + 1)  # z = (1-beta)^2 y
                square = y * y * (1 - beta) ** 2 - y * (2 + 2 * beta) + 1
                twice = square.sqrt() * (1 - beta) - y * (1 - beta) ** 2 + (1 + beta)
                last = arb(-(twice * fmpq(1, 2)).log()[count])
                below, above = (
                    last * (arb(radius) * side / (1 - beta) ** 2) ** count
                    for side in (fmpq(19, 20), fmpq(21, 20))
                )
                if not (below < arb(10) ** -6 and above > 1):
                    return False, f"z^{count} does not turn within 5 % at beta = {beta}"
        return True, f"z^{count} falls at 0.95, grows at 1.05 of it, {len(SQUARE_ROOTS)} beta"

    return Claim(
        statement=(
            r"With $\kappa_+$ the larger factor of a mode of heavy ball, the power series of "
            r"$\log\kappa_+$ in $z$, and with it the modified flow on the mode, converges for "
            r"$|z|$ below {formula}."
        ),
        printed=Formula("principalFlowRadius", THRESHOLD),
        checks=(
            identical_at_squares(lambda: radius_of_convergence(heavy_ball)),
            exact("nearer zero of the discriminant", Kind.ENUMERATION, nearest),
            exact("growth of the coefficients", Kind.SERIES, growth),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cattaneo2025.one-step-loss-on-a-mode", catalogue="E12", where=LOSS)
def one_step_loss() -> Claim:
    """On the slow manifold x_(k+1) = κ₊ x_k, and gradient descent on qλx²/2 multiplies by 1 - qz:
    q = (1-κ₊)/z. It tends to 1/(1-β) for small z, and to 1 for β = 0.
    """
    return Claim(
        statement=(
            r"On a mode of curvature $\lambda$ heavy ball is gradient descent on the loss "
            r"$q\lambda x^2/2$ where $q$ is {formula}."
        ),
        printed=Formula("oneStepCurvature", (1 - BETA + Z - ROOT) / (2 * Z), given=MODE),
        checks=(
            same_function(
                "principal multiplier", multiplier, lambda: principal_multiplier(heavy_ball)
            ),
            taylor(heavy_ball, multiplier, flow=False),
            obeys_the_step(heavy_ball, loss_over_a_step),
        ),
        expected=Verdict.CONFIRMED,
        condition=ON_MANIFOLD,
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


@claim("cattaneo2025.narayana-polynomials", catalogue="E12", where=ROWS)
def narayana() -> Claim:
    """u = 1-κ₊ satisfies u(1-β-u) = z(1-u). Lagrange's inversion gives
    [z^(n+1)] u = [u^n] ((1-u)/(1-β-u))^(n+1)/(n+1) = Σ C(n,k) C(n,k-1) β^k / (n (1-β)^(2n+1)) for
    n >= 1, and 1/(1-β) for n = 0. C(n,k) C(n,k-1)/n are the Narayana numbers: with k = 0 ... n row
    n of A090181, with k = 1 ... n row n of A001263; they count Dyck paths of 2n steps by peaks. So
    the polynomial at z^(n+1) is row n, and has the factor β: β, β+β², β+3β²+β³, ...
    """

    def counted(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for n in range(1, 6):
            counts = enumerate(paths_by_peaks(n))
            row = sympy.Add(*(count * BETA**peaks for peaks, count in counts))
            if polynomial(candidate, n) != in_ring(row):
                return False, f"other numbers of paths for n = {n}"
        return True, "all Dyck paths of up to 10 steps"

    return Claim(
        statement=(
            r"Let $\kappa_+$ be the larger factor of a mode of heavy ball. The coefficient of "
            r"$z^{n+1}$ in $1-\kappa_+$ is $1/(1-\beta)^{2n+1}$ times the Narayana polynomial "
            r"{formula}."
        ),
        printed=Formula(
            "narayanaPolynomial",
            sympy.Sum(sympy.binomial(N, K) * sympy.binomial(N, K - 1) * BETA**K, (K, 1, N)) / N,
            given=(*MOMENTUM, sympy.Ge(N, 1)),
        ),
        checks=(
            by_lifting(logarithm=False),
            solves_the_quadratic(logarithm=False),
            sums_to_the_eigenvalue(logarithm=False),
            exact("paths counted by peaks", Kind.ENUMERATION, counted),
        ),
        expected=Verdict.CONFIRMED,
        condition="For $n = 0$ the polynomial is 1.",
    )
