"""The spectrum of momentum: Cowsik, Can and Glorioso (2022), and the stability of heavy ball.

Units: z is step size times curvature, the paper's eta lambda.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import sympy
from flint import acb, acb_mat, arb, fmpq, fmpq_mat

from derive import heavy_ball
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H, Z
from derive.quadratics.linearization import (
    KAPPA,
    characteristic_polynomial,
    mode_matrix,
    multipliers,
)
from derive.quadratics.stability import oscillation_interval, stability_limit
from verify.claims.checks.identities import exact
from verify.claims.checks.stability import (
    RATIONAL_BETAS,
    growth,
    radius_at_limit,
    step_matrix,
    symbolic,
)
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.running.numbers import Arithmetic, evaluate, precision

TRACE = 1 + BETA - Z
KAPPA_PLUS = sympy.Mul(
    sympy.Rational(1, 2), TRACE + sympy.sqrt(TRACE**2 - 4 * BETA), evaluate=False
)
MODE = (*MOMENTUM, sympy.Gt(Z, 0))
POSITIVE = (sympy.Gt(BETA, 0), sympy.Lt(BETA, 1), *STEP)
COMPLEX = Arithmetic("acb", acb)


def eigenvalue_enclosed() -> Check:
    """The candidate lies in the enclosure of an eigenvalue of the step matrix, real or complex."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        with precision(settings.digits):
            bound = arb(10) ** (10 - settings.digits)
            for _ in range(20):
                beta, z = fmpq(draw.randint(1, 98), 99), fmpq(draw.randint(1, 100), 101)
                found = evaluate(candidate, {"beta": acb(beta), "z": acb(z)}, COMPLEX)
                matrix = step_matrix(beta, z)
                entries = [[acb(matrix[i, j]) for j in range(2)] for i in range(2)]
                larger = max(
                    acb_mat(entries).eig(), key=lambda e: (float(e.real.mid()), float(e.imag.mid()))
                )
                gap = abs(found - larger)
                if not gap.contains(0):
                    return Evidence(
                        False, f"off by {gap.str(5, radius=False)} at beta = {beta}, z = {z}"
                    )
                if not gap < bound:
                    return Evidence(None, "the enclosure is too wide")
        return Evidence(True, "inside the eigenvalue's enclosure at 20 points")

    return Check("eigenvalues in ball arithmetic", Kind.BALL, judge)


def turns_complex(rising: bool) -> Check:
    """Just inside the candidate end the eigenvalues are complex, just outside they are real."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        for root in range(1, 20):
            beta = fmpq(root, 20) ** 2
            end = evaluate(
                candidate.subs(sympy.sqrt(BETA), sympy.Rational(root, 20)), {"beta": beta}
            )
            for side in (fmpq(999, 1000), fmpq(1001, 1000)):
                matrix = step_matrix(beta, end * side)
                trace = matrix[0, 0] + matrix[1, 1]
                complex_pair = trace**2 - 4 * matrix.det() < 0
                if complex_pair != ((side > 1) == rising):
                    return Evidence(False, f"no change at beta = {beta}")
        return Evidence(True, "the discriminant changes sign within 0.1 %, 19 beta")

    return Check("sign of the discriminant", Kind.ENUMERATION, judge)


@claim("cowsik2022.jacobian", catalogue="B01", where="equation (139)")
def jacobian_determinant() -> Claim:
    """On a mode of curvature λ the gradient is λ x. In (position, velocity) one step is linear with
    the matrix [[1-z, β], [-z, β]], z = ηλ; its determinant is β, its trace 1+β-z. The paper's
    momentum is the velocity over η, a change of basis that keeps both.
    """
    return Claim(
        statement=(
            r"The Jacobian of momentum SGD on a mode has trace $1+\beta-z$ and determinant "
            r"{formula}."
        ),
        printed=Formula("jacobianDeterminant", BETA),
        checks=(
            symbolic("determinant of the declared step", lambda: mode_matrix(heavy_ball).det()),
            exact(
                "determinant in exact arithmetic",
                Kind.ENUMERATION,
                lambda candidate, _: (
                    all(
                        step_matrix(b, fmpq(n, 7)).det() == evaluate(candidate, {"beta": b})
                        for b in RATIONAL_BETAS
                        for n in range(1, 15)
                    ),
                    "19 beta times 14 z",
                ),
            ),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.eigenvalues", catalogue="B02", where="equations (8), (141), (142)")
def eigenvalues() -> Claim:
    """The characteristic polynomial is κ² - (1+β-z)κ + β with z = ηλ; solve the quadratic. The
    product of the two roots is the constant term β.
    """
    return Claim(
        statement=(
            r"At every step a mode is multiplied by one of two factors with product $\beta$, "
            r"the larger being {formula}."
        ),
        printed=Formula("kappaPlus", KAPPA_PLUS, given=MODE),
        checks=(
            symbolic("roots of the characteristic polynomial", lambda: multipliers(heavy_ball)[0]),
            eigenvalue_enclosed(),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.product", catalogue="B02", where="after equation (8)")
def eigenvalue_product() -> Claim:
    """The product of the roots of κ² - (1+β-z)κ + β is its constant term."""

    def holds(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        with precision(settings.digits):
            for _ in range(20):
                beta, z = fmpq(draw.randint(1, 98), 99), fmpq(draw.randint(1, 100), 101)
                matrix = step_matrix(beta, z)
                entries = [[acb(matrix[i, j]) for j in range(2)] for i in range(2)]
                first, second = acb_mat(entries).eig()
                if not (first * second - acb(evaluate(candidate, {"beta": beta}))).contains(0):
                    return Evidence(False, f"off at beta = {beta}, z = {z}")
        return Evidence(True, "enclosed at 20 points")

    return Claim(
        statement="The product of the two factors of a mode is {formula}.",
        printed=Formula("kappaProduct", BETA),
        checks=(
            symbolic("product of the roots", lambda: sympy.prod(multipliers(heavy_ball))),
            Check("product of enclosed eigenvalues", Kind.BALL, holds),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.zero-modes", catalogue="B03", where="section 3.3, longitudinal motion")
def mixed_mode() -> Claim:
    """At λ = 0 the quadratic is (κ-1)(κ-β): translations along the valley stay (κ = 1), and the
    mixed mode decays by β a step.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for beta in RATIONAL_BETAS:
            matrix = step_matrix(beta, fmpq(0))
            kappa = evaluate(candidate, {"beta": beta})
            shifted = fmpq_mat(
                [[matrix[0, 0] - kappa, matrix[0, 1]], [matrix[1, 0], matrix[1, 1] - kappa]]
            )
            if shifted.det() != 0 or kappa == 1:
                return False, f"not the decaying eigenvalue at beta = {beta}"
        return True, "eigenvalue other than 1 for 19 beta"

    def other_root() -> sympy.Expr:
        flat = characteristic_polynomial(heavy_ball).as_expr().subs(Z, 0)
        quotient, rest = sympy.div(flat, KAPPA - 1, KAPPA)
        if rest != 0:
            raise ArithmeticError(f"1 is no root: {rest} is left")
        return KAPPA - quotient

    return Claim(
        statement="On a flat direction the factors are 1 and {formula}.",
        printed=Formula("mixedMode", BETA),
        checks=(
            symbolic("the other root at curvature 0", other_root),
            exact("eigenvalue in exact arithmetic", Kind.ENUMERATION, holds),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.oscillation-threshold", catalogue="B04", where="section 3.3, transverse motion")
def oscillation_threshold() -> Claim:
    """The factors are complex where the discriminant (1+β-z)² - 4β is negative: |1+β-z| < 2√β,
    that is (1-√β)² < z < (1+√β)². Then |κ|² is their product β.
    """
    return Claim(
        statement=r"The factors are complex for $z$ below $(1+\sqrt\beta)^2$ and above {formula}.",
        printed=Formula("oscillationThreshold", (1 - sympy.sqrt(BETA)) ** 2),
        checks=(
            symbolic(
                "smaller root of the discriminant", lambda: oscillation_interval(heavy_ball)[0]
            ),
            turns_complex(rising=True),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.stability", catalogue="B05 A28", where="equations (144), (145)")
def stability() -> Claim:
    """Jury's conditions for κ² - (1+β-z)κ + β: β < 1, z > 0 and 2(1+β) - z > 0. The same limit is
    the
    stability bound of heavy ball in Ghosh et al. (2023), section 6, and β = 0 gives gradient
    descent's 2.
    """
    return Claim(
        statement=r"Heavy ball is stable on a mode exactly for $z > 0$ below {formula}.",
        printed=Formula("stabilityLimit", sympy.Mul(2, 1 + BETA, evaluate=False)),
        checks=(
            symbolic("Jury's conditions", lambda: stability_limit(heavy_ball)),
            Check("spectral radius in ball arithmetic", Kind.BALL, radius_at_limit),
            exact("growth of matrix powers", Kind.SIMULATION, growth),
        ),
        expected=Verdict.CONFIRMED,
    )


def in_the_kernel(name: str, curvature: Callable[[random.Random], fmpq]) -> Check:
    """(pi, w) = (candidate, 1) is an eigenvector of the Jacobian (139) to the multiplier kappa."""

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(20):
            kappa, h = fmpq(draw.randint(1, 19), 20), fmpq(draw.randint(1, 9), 40)
            own = curvature(draw)
            # the beta at which kappa is a multiplier: kappa^2 - (1+beta-z) kappa + beta = 0
            beta = kappa * (1 - kappa - h * own) / (1 - kappa)
            ratio = evaluate(candidate, {"kappa": kappa, "h": h, "beta": beta})
            momentum = beta * ratio - own
            if (momentum, h * beta * ratio + 1 - h * own) != (kappa * ratio, kappa):
                return False, f"no eigenvector at beta = {beta}, h lambda = {h * own}"
        return True, "eigenvector at 20 points"

    return exact(name, Kind.ENUMERATION, holds)


def eigenvector_of(multiplier: sympy.Expr) -> sympy.Expr:
    """pi/w from the derived eigenvector (x, velocity); pi is the velocity over h."""
    matrix = mode_matrix(heavy_ball)
    return sympy.cancel((multiplier - matrix[0, 0]) / matrix[0, 1]) / H


@claim("cowsik2022.eigenvectors", catalogue="B01 B02", where="equations (139), (140)")
def eigenvectors() -> Claim:
    """The second row of the Jacobian is w' = w + h π'; with π' = κπ and w' = κw it says
    (κ-1) w = hκ π. The first row then is the characteristic equation.
    """

    def derived(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        kappa, _ = multipliers(heavy_ball)
        gap = candidate.subs(KAPPA, kappa) - eigenvector_of(kappa)
        at = {BETA: sympy.Rational(1, 9), Z: sympy.Rational(1, 7)}
        return sympy.simplify(gap.subs(at)) == 0, "eigenvector of the derived step"

    return Claim(
        statement=(
            r"The eigenvector $(\pi, w)$ of a mode with the multiplier $\kappa$ has the quotient "
            r"$\pi/w$ = {formula}."
        ),
        printed=Formula("eigenvector", (KAPPA - 1) / (H * KAPPA), given=STEP),
        checks=(
            exact("eigenvector of the derived step", Kind.SYMBOLIC, derived),
            in_the_kernel(
                "Jacobian (139) in exact arithmetic", lambda d: fmpq(d.randint(1, 30), 7)
            ),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("cowsik2022.mixed-eigenvector", catalogue="B03", where="section 3.3, longitudinal motion")
def mixed_eigenvector() -> Claim:
    """The eigenvector of κ = β, at curvature 0: put κ = β into (κ-1)/(hκ). The eigenvector of κ = 1
    has no momentum.
    """
    return Claim(
        statement=(
            r"On a flat direction the mixed mode has $\pi/w$ = {formula}, the pure one $\pi = 0$."
        ),
        printed=Formula("mixedEigenvector", (BETA - 1) / (H * BETA), given=POSITIVE),
        checks=(
            symbolic("eigenvector of the derived step", lambda: eigenvector_of(BETA).subs(Z, 0)),
            in_the_kernel("Jacobian (139) in exact arithmetic", lambda _: fmpq(0)),
        ),
        expected=Verdict.CONFIRMED,
    )
