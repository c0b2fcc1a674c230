"""Optimizers on a quadratic: the principal flows of Rosca et al. (2023) and of heavy ball.

A mode of curvature lambda has the loss E = lambda x^2/2; z is step size times curvature. What is
ours is said so: of Cattaneo and Shigida (2025) the abstract names a principal flow and Narayana
polynomials of heavy ball, and the formulas are worked out here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from itertools import combinations, pairwise

import sympy
from flint import acb, acb_mat, arb, arb_series, fmpq, fmpq_mat, fmpq_series
from flint import ctx as flint_context

from derive import gradient_descent, heavy_ball
from derive.backward_error import slow_motion
from derive.coefficients import Coefficient, Ring
from derive.formula import BETA, MOMENTUM, Formula, K, Z
from derive.principal_flow import (
    principal_flow,
    principal_multiplier,
    principal_series,
    radius_of_convergence,
)
from derive.trees import LEAF, grow
from derive.update_rule import Number, Optimizer
from verify.checks import exact, in_ring
from verify.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.numbers import Arithmetic, evaluate, precision

COMPLEX = Arithmetic("acb", acb)
N = sympy.Symbol("n")
DISCRIMINANT = (1 + BETA - Z) ** 2 - 4 * BETA
ROOT = sympy.sqrt(DISCRIMINANT)
KAPPA = sympy.Mul(sympy.Rational(1, 2), 1 + BETA - Z + ROOT, evaluate=False)
THRESHOLD = (1 - sympy.sqrt(BETA)) ** 2
MODE = (*MOMENTUM, sympy.Gt(Z, 0), sympy.Lt(Z, THRESHOLD))
OURS = "named in the abstract, worked out here"
FLOW, LOSS, ROWS = (
    f"{what}, {OURS}" for what in ("principal flow", "modified loss", "Narayana polynomials")
)
ON_MANIFOLD = r"The start lies on the slow manifold: on each mode $x_{-1} = x_0/\kappa_+$."

SQUARE_ROOTS = [fmpq(1, 5), fmpq(1, 2), fmpq(4, 5), fmpq(19, 20)]
"""Values of sqrt(beta), so that the threshold is rational."""
BETAS = [fmpq(n, 10) for n in range(1, 10)]
LONGEST = 8
"""Nodes of the tallest tree that a Taylor series is compared with."""

Read = Callable[[sympy.Expr], sympy.Expr]
"""What to make of a candidate before it is compared."""


def exponent(rate: sympy.Expr) -> sympy.Expr:
    """What x' = rate lambda x adds to log x in the time h."""
    return sympy.Mul(Z, rate)


def multiplier(curvature: sympy.Expr) -> sympy.Expr:
    """One step of gradient descent on curvature lambda x^2/2."""
    return 1 - sympy.Mul(Z, curvature)


@contextmanager
def series_terms(count: int) -> Iterator[None]:
    """FLINT's power series with this many terms."""
    before = flint_context.cap
    flint_context.cap = count
    try:
        yield
    finally:
        flint_context.cap = before


def vanishes(expr: sympy.Expr) -> bool:
    """Whether it is 0 in the field of rational functions of beta, z and the root; exact.

    An expression with any other root is not in the field and not 0.
    """
    own = sympy.Symbol("R")

    def is_the_root(e: sympy.Expr) -> bool:
        return e.is_Pow and e.exp.is_Rational and e.exp.q == 2

    def opened(e: sympy.Expr) -> sympy.Expr:
        same = sympy.expand(e.base - DISCRIMINANT) == 0
        return own ** (2 * e.exp) if same else e

    try:
        value = Ring(("R", "beta", "z")).from_expr(expr.replace(is_the_root, opened))
    except ValueError:
        return False
    numerator = Coefficient(value.ring, value.numerator, value.ring.unit).as_expr()
    return sympy.rem(numerator, sympy.expand(own**2 - DISCRIMINANT), own) == 0


def same_function(
    name: str, read: Read, wanted: Callable[[], sympy.Expr], *, logarithm: bool = False
) -> Check:
    """Equality of algebraic functions of beta and z, or of their logarithms; exact.

    Logarithms are equal where their derivatives by z are and both are 0 at z = 0.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        difference = read(candidate) - wanted()
        if logarithm:
            for root in SQUARE_ROOTS:
                at = {Z: 0, BETA: sympy.Rational(int(root.p), int(root.q)) ** 2}
                if read(candidate).subs(at) != 0:
                    return False, f"not 0 at z = 0, beta = {root**2}"
            difference = difference.diff(Z)
        equal = vanishes(difference)
        return equal, "difference 0" if equal else "the difference is not 0"

    return exact(name, Kind.SYMBOLIC, holds)


@cache
def tall_trees(optimizer: Optimizer, flow: bool) -> list[Coefficient]:
    """What the B-series has at z, z^2, ...: its tall trees, with the sign of f = -grad E."""
    motion, t, found = slow_motion(optimizer, LONGEST), LEAF, list[Coefficient]()
    series = motion.modified_flow if flow else motion.one_step_map
    for n in range(1, LONGEST + 1):
        found.append(series[t] * (-1) ** n)
        t = grow((t,))
    return found


def taylor(optimizer: Optimizer, read: Read, *, flow: bool) -> Check:
    """The Taylor coefficients of the candidate, in balls, hold those of the B-series."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        with precision(settings.digits), series_terms(LONGEST + 1):
            for beta in BETAS:
                scale = (1 - beta) ** 2  # z = scale y keeps the coefficients of y near 1
                z: Number = arb_series([0, scale], prec=LONGEST + 1)
                values = {"z": z, "beta": arb(beta)}
                try:
                    found = z * 0 + evaluate(read(candidate), values, Arithmetic("series", arb))
                except ValueError:
                    return Evidence(False, "it is not a power series in z")
                for n, c in enumerate(tall_trees(optimizer, flow), 1):
                    wanted = c.at(dict.fromkeys(optimizer.parameters, beta)) * scale**n
                    if not (found[n] - wanted).contains(0):
                        return Evidence(False, f"wrong at z^{n}, beta = {beta}")
                    if not found[n].rad() < arb(10) ** (10 - settings.digits):
                        return Evidence(None, "the enclosure is too wide")
        return Evidence(True, f"z ... z^{LONGEST} enclosed for {len(BETAS)} beta")

    return Check("Taylor coefficients against the B-series", Kind.SERIES, judge)


@cache
def axes() -> list[fmpq_mat]:
    """Rational projectors u u^T on three orthogonal axes that are not the coordinate axes."""
    turn = fmpq_mat([[3, 4, 0], [-4, 3, 0], [0, 0, 5]]) * fmpq(1, 5)
    turn = turn * (fmpq_mat([[13, 0, 0], [0, 5, 12], [0, -12, 5]]) * fmpq(1, 13))
    columns = [fmpq_mat([[turn[i, j]] for i in range(3)]) for j in range(3)]
    return [u * u.transpose() for u in columns]


def on_axes(values: list[Number]) -> acb_mat:
    """The symmetric matrix with these eigenvalues on the three axes."""
    total = acb_mat(3, 3)
    for value, projector in zip(values, axes(), strict=True):
        total += acb_mat(projector) * acb(value)
    return total


def obeys_the_step(
    optimizer: Optimizer, one_step: Callable[[sympy.Expr, list[Number], Number], acb_mat]
) -> Check:
    """The candidate's map over one step is met by x+ - x = beta (x - x-) - h grad E, in balls.

    On a quadratic with three eigenvalues, off the coordinate axes, one beyond the threshold. Below
    it the map must decay more slowly than sqrt(beta) a step, or it is the other solution.
    """

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        with precision(settings.digits):
            bound = arb(10) ** (10 - settings.digits)
            for root in SQUARE_ROOTS if optimizer.parameters else [fmpq(0)]:
                beta, shares = root**2, (fmpq(1, 3), fmpq(4, 5), fmpq(3, 2))
                z = [share * (1 - root) ** 2 for share in shares]
                forward = one_step(candidate, [acb(value) for value in z], acb(beta))
                left = forward + on_axes(z) - on_axes([1 + beta] * 3)
                try:
                    gaps = (left + forward.inv() * acb(beta) if root else left).entries()
                except ZeroDivisionError:
                    return Evidence(False, f"a step cannot be undone at beta = {beta}")
                if not all(gap.contains(0) for gap in gaps):
                    return Evidence(False, f"the update is not met at beta = {beta}")
                if not all(abs(gap) < bound for gap in gaps):
                    return Evidence(None, "the enclosure is too wide")
                kappas = [(forward * acb_mat(p)).trace() for p in axes()[:2]]
                if not all(kappa.real > root for kappa in kappas):
                    return Evidence(False, f"this is the fast solution at beta = {beta}")
        return Evidence(True, "met on three modes in a rotated basis")

    return Check("update rule in ball arithmetic", Kind.BALL, judge)


def flow_over_a_step(candidate: sympy.Expr, z: list[Number], beta: Number) -> acb_mat:
    """exp(h J) for the field x' = J x, J = sum over the axes of candidate lambda u u^T."""
    rates = [evaluate(candidate, {"z": value, "beta": beta}, COMPLEX) for value in z]
    return on_axes([rate * value for rate, value in zip(rates, z, strict=True)]).exp()


def loss_over_a_step(candidate: sympy.Expr, z: list[Number], beta: Number) -> acb_mat:
    """x - h grad E for the loss with the curvature candidate lambda on each axis."""
    factors = [evaluate(candidate, {"z": value, "beta": beta}, COMPLEX) for value in z]
    return on_axes([1 - factor * value for factor, value in zip(factors, z, strict=True)])


def larger_eigenvalue(beta: Number, z: Number) -> acb:
    """Of one step of heavy ball on (position, velocity), enclosed by FLINT from the matrix."""
    matrix = acb_mat([[1 - z, beta], [-z, beta]])
    return max(matrix.eig(), key=lambda e: (float(e.real.mid()), float(e.imag.mid())))


@claim("rosca2023.principal-flow", catalogue="E09", where="principal flow, as recalled")
def gradient_descent_flow() -> Claim:
    """Gradient descent multiplies a mode by 1-z at every step, and x' = r λx multiplies it by
    exp(rz) in the time h. So rz = log(1-z); on a quadratic nothing else is needed. The series
    -1 - z/2 - z²/3 - ... is that of the modified flow on tall trees; it converges for |z| < 1.
    Beyond z = 1 the iterates change sign, the logarithm is complex, and so is the path between.
    """
    return Claim(
        statement=(
            r"On a quadratic the iterates of gradient descent lie exactly on the flow that "
            r"multiplies the component of $\nabla E$ along each eigenvector, $z = h\lambda$, by "
            r"{formula}."
        ),
        printed=Formula(
            "principalFlowRate", sympy.log(1 - Z) / Z, given=(sympy.Gt(Z, 0), sympy.Lt(Z, 1))
        ),
        checks=(
            same_function(
                "logarithm of the multiplier",
                exponent,
                lambda: exponent(principal_flow(gradient_descent)),
                logarithm=True,
            ),
            taylor(gradient_descent, exponent, flow=True),
            obeys_the_step(gradient_descent, flow_over_a_step),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"For $z > 1$ the flow is complex, and real again at the times $kh$.",
    )


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
        checks=(
            same_function(
                "logarithm of the multiplier",
                exponent,
                lambda: exponent(principal_flow(heavy_ball)),
                logarithm=True,
            ),
            taylor(heavy_ball, exponent, flow=True),
            obeys_the_step(heavy_ball, flow_over_a_step),
        ),
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


@lru_cache(maxsize=1024)
def polynomial(candidate: sympy.Expr, n: int) -> Coefficient:
    """The candidate at this n, its sum written out."""
    return Ring(("beta",)).from_expr(sympy.sympify(candidate.subs(N, n).doit()))


def coefficients(candidate: sympy.Expr, count: int, *, logarithm: bool) -> list[Coefficient]:
    """Of z, ..., z^count in -log kappa or 1 - kappa, with the candidate for the polynomials."""
    ring, found = Ring(("beta",)), list[Coefficient]()
    beta = ring.parameter("beta")
    for n in range(count):
        row = polynomial(candidate, n) if n or logarithm else ring.number(1)
        found.append(row / (1 - beta) ** (2 * n + 1) / (n + 1 if logarithm else 1))
    return found


def by_lifting(*, logarithm: bool, count: int = 12) -> Check:
    """The polynomials are those of the lifted series of the declared step, exactly."""

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        series = principal_series(heavy_ball, order=count)
        wanted = series.logarithm if logarithm else series.multiplier
        for n, c in enumerate(coefficients(candidate, count, logarithm=logarithm), 1):
            if c != -wanted[n]:
                return False, f"wrong at z^{n}"
        return True, f"equal for z ... z^{count}"

    return exact("power series of the multiplier", Kind.SYMBOLIC, holds)


def solves_the_quadratic(*, logarithm: bool, count: int = 24) -> Check:
    """The sum of the candidate's terms is a power series solution of the recurrence, exactly."""

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        terms = coefficients(candidate, count, logarithm=logarithm)
        with series_terms(count + 1):
            z: Number = fmpq_series([0, 1], prec=count + 1)
            for beta in BETAS:
                at = [fmpq(0), *(c.at({"beta": beta}) for c in terms)]
                total: Number = fmpq_series(at, prec=count + 1)
                kappa = (-total).exp() if logarithm else 1 - total
                left = kappa * kappa + (z - (1 + beta)) * kappa + beta
                wrong = [n for n in range(count + 1) if left[n] != 0]
                if wrong:
                    return False, f"z^{wrong[0]} is left at beta = {beta}"
        return True, f"nothing is left through z^{count} for {len(BETAS)} beta"

    return exact("recurrence on a mode, as a power series", Kind.SERIES, holds)


def sums_to_the_eigenvalue(*, logarithm: bool) -> Check:
    """Partial sums at z = threshold/16, with a bound of the rest, hold the step's eigenvalue.

    Both families of polynomials are at most (1 + sqrt(beta))^(2n), so that the z^n term is at most
    16^-n there.
    """

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        with precision(settings.digits):
            count = math.ceil(settings.digits / math.log10(16))
            terms = coefficients(candidate, count, logarithm=logarithm)
            rest = arb(0, 1) * (arb(16) ** -count)
            for root in SQUARE_ROOTS:
                beta, z = root**2, (1 - root) ** 2 / 16
                total = sum((c.at({"beta": beta}) * z ** (n + 1) for n, c in enumerate(terms)))
                kappa = (-(total + rest)).exp() if logarithm else 1 - (total + rest)
                gap = kappa - larger_eigenvalue(acb(beta), acb(z))
                if not gap.contains(0):
                    return Evidence(False, f"off by {abs(gap).str(5)} at beta = {beta}")
        return Evidence(True, f"{count} terms enclose it for {len(SQUARE_ROOTS)} beta")

    return Check("partial sums and eigenvalue in balls", Kind.BALL, judge)


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
    return evaluate(sympy.sympify(candidate.subs(BETA, own**2)), {})


def identical_at_squares(derived: Callable[[], sympy.Expr]) -> Check:
    """Equality as rational functions of sqrt(beta)."""
    root = sympy.Symbol("s", positive=True)

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        difference = in_ring((candidate - derived()).subs(BETA, root**2))
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
