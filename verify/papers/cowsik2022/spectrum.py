"""The spectrum of momentum: Cowsik, Can and Glorioso (2022), and the stability of heavy ball.

Units: z is step size times curvature, the paper's eta lambda.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import sympy
from flint import acb, arb, fmpq, fmpq_mat

from derive import heavy_ball
from derive.language.formula import BETA, H, Z
from derive.quadratics.linearization import (
    KAPPA,
    characteristic_polynomial,
    mode_matrix,
    multipliers,
)
from derive.quadratics.stability import oscillation_interval, stability_limit
from verify.claims.checks.identities import exact, marked, noted
from verify.claims.checks.stability import eigenvalues, forgets, oscillates, symbolic
from verify.claims.checks.stated import switches
from verify.claims.claim import LOST, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import heavy_ball_mode, momentum_mode
from verify.running.numbers import COMPLEX, evaluate, precision

TRACE = 1 + BETA - Z
ROOT = sympy.sqrt(TRACE**2 - 4 * BETA)
LARGER, SMALLER = (
    sympy.Mul(sympy.Rational(1, 2), TRACE + sign * ROOT, evaluate=False) for sign in (1, -1)
)
ONE, ZERO = sympy.Integer(1), sympy.Integer(0)


def points(draw: random.Random) -> tuple[fmpq, fmpq]:
    """A momentum and a z of either sign."""
    return fmpq(draw.randint(-98, 98), 99), fmpq(draw.randint(-100, 300), 101)


def at_points(
    name: str, kind: Kind, holds: Callable[[Statement, fmpq, fmpq], bool], count: int = 20
) -> Check:
    """It holds at random momenta and z."""

    def judge(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        with precision(settings.digits):
            for beta, z in (points(draw) for _ in range(count)):
                if not holds(says, beta, z):
                    return False, f"wrong at beta = {beta}, z = {z}"
        return True, f"at {count} points"

    return exact(name, kind, judge)


@claim("cowsik2022.jacobian", catalogue="B01", where="equation (139)", printed=LOST)
def jacobian_determinant() -> Claim:
    r"""On a mode of curvature $\lambda$ the gradient is $\lambda x$. In (position, velocity) one
    step has the matrix $[[1-z,\beta],[-z,\beta]]$, $z=h\lambda$. The paper's momentum is the
    velocity over $h$, a change of basis that keeps trace and determinant.
    """

    def holds(says: Statement, beta: fmpq, z: fmpq) -> bool:
        h = fmpq(3, 7)
        found = (heavy_ball_mode(h, beta, z / h), momentum_mode(h, beta, z / h))
        told = (says.number("trace", beta=beta, z=z), says.number("determinant", beta=beta, z=z))
        return all(told == (m.matrix[0, 0] + m.matrix[1, 1], m.matrix.det()) for m in found)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The Jacobian $J$ of momentum SGD on a mode has $\det J={determinant}$ and "
            r"$\mathrm{Tr}\,J={trace}$, $z:=h\lambda$.",
            {"determinant": Value(BETA), "trace": Value(TRACE)},
        ),
        checks=(
            on("determinant", symbolic("declared step", lambda: mode_matrix(heavy_ball).det())),
            on("trace", symbolic("trace of it", lambda: mode_matrix(heavy_ball).trace())),
            at_points("the rule run on unit vectors", Kind.ENUMERATION, holds),
        ),
    )


@claim("cowsik2022.eigenvalues", catalogue="B02", where="equations (8), (141), (142)", printed=LOST)
def both_eigenvalues() -> Claim:
    r"""The characteristic polynomial is $\kappa^2-(1+\beta-z)\kappa+\beta$ with $z=h\lambda$; solve
    the quadratic.
    """

    def holds(says: Statement, beta: fmpq, z: fmpq) -> bool:
        values = {"beta": acb(beta), "z": acb(z)}
        told = [evaluate(says.expr(slot), values, COMPLEX) for slot in ("larger", "smaller")]
        found = eigenvalues(heavy_ball_mode(fmpq(1), beta, z).matrix)
        near = arb(10) ** -12
        return any(
            all(abs(a - b) < near for a, b in zip(told, order, strict=True))
            for order in (found, found[::-1])
        )

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"A step of momentum SGD multiplies a mode by $\kappa_+={larger}$ or "
            r"$\kappa_-={smaller}$, $z:=h\lambda$.",
            {"larger": Value(LARGER), "smaller": Value(SMALLER)},
        ),
        checks=(
            on("larger", symbolic("a root", lambda: multipliers(heavy_ball)[0])),
            on("smaller", symbolic("the other root", lambda: multipliers(heavy_ball)[1])),
            at_points("eigenvalues in ball arithmetic", Kind.BALL, holds),
        ),
    )


@claim("cowsik2022.product", catalogue="B02", where="after equation (8)", printed=LOST)
def eigenvalue_product() -> Claim:
    r"""The product of the roots of $\kappa^2-(1+\beta-z)\kappa+\beta$ is its constant term."""

    def holds(says: Statement, beta: fmpq, z: fmpq) -> bool:
        first, second = eigenvalues(heavy_ball_mode(fmpq(1), beta, z).matrix)
        return abs(first * second - acb(says.number("product", beta=beta))) < arb(10) ** -12

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The two multipliers of a mode have $\kappa_+\kappa_-={product}$.",
            {"product": Value(BETA)},
        ),
        checks=(
            on(
                "product",
                symbolic("product of the roots", lambda: sympy.prod(multipliers(heavy_ball))),
            ),
            at_points("product of enclosed eigenvalues", Kind.BALL, holds),
        ),
    )


@claim("cowsik2022.zero-modes", catalogue="B03", where="section 3.3", printed=LOST)
def mixed_mode() -> Claim:
    r"""At $\lambda=0$ the quadratic is $(\kappa-1)(\kappa-\beta)$: translations along the valley
    stay ($\kappa=1$), and the mixed mode decays by $\beta$ a step.
    """

    def holds(says: Statement, beta: fmpq, _: fmpq) -> bool:
        pure, mixed = (says.number(slot, beta=beta) for slot in ("pure", "mixed"))
        polynomial = heavy_ball_mode(fmpq(1), beta, fmpq(0)).matrix.charpoly()
        return [*polynomial] == [pure * mixed, -pure - mixed, 1]

    def other_root() -> sympy.Expr:
        flat = characteristic_polynomial(heavy_ball).as_expr().subs(Z, 0)
        quotient, rest = sympy.div(flat, KAPPA - 1, KAPPA)
        if rest != 0:
            raise ArithmeticError(f"1 is no root: {rest} is left")
        return KAPPA - quotient

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"On a flat direction the multipliers are $\kappa_+={pure}$ and $\kappa_-={mixed}$.",
            {"mixed": Value(BETA), "pure": Value(ONE)},
        ),
        checks=(
            on("mixed", symbolic("the other root at curvature 0", other_root)),
            at_points("characteristic polynomial of the step", Kind.ENUMERATION, holds),
        ),
    )


def bound_of(slot: str) -> Callable[[Statement, random.Random], tuple[fmpq, fmpq]]:
    """The bound in a slot at the square of a random rational, and that momentum."""

    def value(says: Statement, draw: random.Random) -> tuple[fmpq, fmpq]:
        beta = fmpq(draw.randint(1, 19), 20) ** 2
        return says.number(slot, beta=beta), beta

    return value


@claim("cowsik2022.oscillation-threshold", catalogue="B04", where="section 3.3", printed=LOST)
def oscillation_threshold() -> Claim:
    r"""The multipliers are complex where the discriminant $(1+\beta-z)^2-4\beta$ is negative:
    $|1+\beta-z|<2\sqrt\beta$. Then $|\kappa|^2$ is their product $\beta$.
    """

    def complex_at(says: Statement, z: fmpq, beta: fmpq) -> bool:
        return oscillates(fmpq(1), beta, z)

    def modulus(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(10):
            root, share = fmpq(draw.randint(1, 19), 20), fmpq(draw.randint(-9, 9), 10)
            z = 1 + root**2 + 2 * root * share
            both = eigenvalues(heavy_ball_mode(fmpq(1), root**2, z).matrix)
            told = says.number("modulus", beta=root**2)
            if not all(abs(abs(e) - arb(told)) < arb(10) ** -12 for e in both):
                return False, f"another modulus at beta = {root**2}, z = {z}"
        return True, "within 1e-12 at 10 points"

    def end(place: int) -> Callable[[], sympy.Expr]:
        return lambda: oscillation_interval(heavy_ball)[place]

    root = sympy.sqrt(BETA)
    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"The multipliers of a mode are complex where $z{above}{low}$ and $z{below}{high}$, "
            r"$z:=h\lambda$, and then $|\kappa_\pm|={modulus}$.",
            {
                "low": Value((1 - root) ** 2, "threshold"),
                "above": Relation.ABOVE,
                "high": Value((1 + root) ** 2, "threshold"),
                "below": Relation.BELOW,
                "modulus": Value(root),
            },
        ),
        checks=(
            on("low", symbolic("smaller root of the discriminant", end(0))),
            on("high", symbolic("larger root of the discriminant", end(1))),
            switches("lower end", complex_at, bound_of("low"), relation="above"),
            switches("upper end", complex_at, bound_of("high"), relation="below"),
            exact("modulus of enclosed eigenvalues", Kind.BALL, modulus),
        ),
    )


@claim("cowsik2022.stability", catalogue="B05", where="equations (144), (145)", printed=LOST)
def stability() -> Claim:
    r"""Jury's conditions for $\kappa^2-(1+\beta-z)\kappa+\beta$: $|\beta|<1$, $z>0$ and
    $2(1+\beta)-z>0$. $\beta=0$ gives gradient descent's $2$.
    """

    def fades(says: Statement, size: fmpq, draw: random.Random) -> bool:
        """For a momentum of either sign, with a z that is stable where any is."""
        return all(forgets(beta, fmpq(4, 5) * abs(1 + beta)) for beta in (size, -size))

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"Momentum SGD forgets every start on a mode where $z{below}{high}$, $z{above}{low}$ "
            r"and $|\beta|{fading}{unit}$, $z:=h\lambda$.",
            {
                "high": Value(sympy.Mul(2, 1 + BETA, evaluate=False), "threshold"),
                "below": Relation.BELOW,
                "low": Value(ZERO, "threshold"),
                "above": Relation.ABOVE,
                "unit": Value(ONE, "threshold"),
                "fading": Relation.BELOW,
            },
        ),
        checks=(
            on("high", symbolic("Jury's conditions", lambda: stability_limit(heavy_ball))),
            switches(
                "powers of the step matrix, upper end",
                lambda says, z, beta: forgets(beta, z),
                bound_of("high"),
                relation="below",
            ),
            switches(
                "powers of the step matrix, lower end",
                lambda says, z, beta: forgets(beta, z),
                bound_of("low"),
                relation="above",
                count=3,
            ),
            switches(
                "powers of the step matrix, momentum",
                fades,
                lambda says, draw: (says.number("unit"), draw),
                relation="fading",
                count=1,
            ),
        ),
    )


def kernel(slot: str, drawn: Callable[[random.Random], tuple[fmpq, fmpq, fmpq, fmpq]]) -> Check:
    """(pi, w) = (what is said, 1) is an eigenvector of the step (139).

    Args:
        drawn: h, beta, a curvature and its multiplier.
    """

    def holds(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(20):
            h, beta, curvature, kappa = drawn(draw)
            at = {"kappa": kappa, "h": h, "beta": beta}
            step = momentum_mode(h, beta, curvature).matrix
            state = fmpq_mat([[fmpq(1)], [says.number(slot, **at)]])
            written = {name: sympy.Rational(str(c)) for name, c in at.items()}
            one, other = (sympy.Rational(str(c)) for c in step.entries()[:2])
            row = one + other * marked(says).expr(slot)
            equal = step * state == state * kappa
            if not noted(row, written["kappa"], equal, **written):
                return False, f"no eigenvector at beta = {beta}, h lambda = {h * curvature}"
        return True, "eigenvector at 20 points"

    return exact(f"step (139) in exact arithmetic, {slot}", Kind.ENUMERATION, holds)


def curved(draw: random.Random) -> tuple[fmpq, fmpq, fmpq, fmpq]:
    """The momentum at which kappa is a multiplier: kappa^2 - (1+beta-z) kappa + beta = 0."""
    kappa, h = fmpq(draw.randint(1, 19), 20), fmpq(draw.randint(1, 9), 40)
    curvature = fmpq(draw.randint(1, 30), 7)
    return h, kappa * (1 - kappa - h * curvature) / (1 - kappa), curvature, kappa


def flat(draw: random.Random, *, pure: bool) -> tuple[fmpq, fmpq, fmpq, fmpq]:
    h, beta = fmpq(draw.randint(1, 9), 40), fmpq(draw.randint(1, 19), 20)
    return h, beta, fmpq(0), fmpq(1) if pure else beta


def eigenvector_of(multiplier: sympy.Expr) -> sympy.Expr:
    """pi/w from the derived eigenvector (x, velocity); pi is the velocity over h."""
    matrix = mode_matrix(heavy_ball)
    return sympy.cancel((multiplier - matrix[0, 0]) / matrix[0, 1]) / H


@claim("cowsik2022.eigenvectors", catalogue="B01 B02", where="equations (139), (140)", printed=LOST)
def eigenvectors() -> Claim:
    r"""The second row of the Jacobian is $w'=w+h\pi'$; with $\pi'=\kappa\pi$ and $w'=\kappa w$ it
    says $(\kappa-1)w=h\kappa\pi$. The first row then is the characteristic equation.
    """

    def derived(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        kappa, _ = multipliers(heavy_ball)
        gap = candidate.subs(KAPPA, kappa) - eigenvector_of(kappa)
        at = {BETA: sympy.Rational(1, 9), Z: sympy.Rational(1, 7)}
        return sympy.simplify(gap.subs(at)) == 0, "eigenvector of the derived step"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The eigenvector $(\pi,w)$ to the multiplier $\kappa$ has $\pi={quotient}\,w$.",
            {"quotient": Value((KAPPA - 1) / (H * KAPPA))},
        ),
        checks=(
            on("quotient", exact("eigenvector of the derived step", Kind.SYMBOLIC, derived)),
            kernel("quotient", curved),
        ),
    )


@claim("cowsik2022.mixed-eigenvector", catalogue="B03", where="section 3.3", printed=LOST)
def mixed_eigenvector() -> Claim:
    r"""The eigenvectors to $\kappa=\beta$ and to $\kappa=1$, at curvature 0: put them into
    $(\kappa-1)/(h\kappa)$.
    """
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"On a flat direction the mixed mode has $\pi={mixed}\,w$, the pure one has "
            r"$\pi={pure}$.",
            {"mixed": Value((BETA - 1) / (H * BETA)), "pure": Value(ZERO)},
        ),
        checks=(
            on(
                "mixed",
                symbolic("eigenvector of the step", lambda: eigenvector_of(BETA).subs(Z, 0)),
            ),
            kernel("mixed", lambda draw: flat(draw, pure=False)),
            kernel("pure", lambda draw: flat(draw, pure=True)),
        ),
    )
