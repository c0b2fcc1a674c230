"""How a formula on a quadratic is checked: as a function, as a series, and by the declared step.

A mode of curvature lambda has the loss E = lambda x^2/2; z is step size times curvature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache

import sympy
from flint import acb, acb_mat, arb, arb_series, fmpq, fmpq_mat
from flint import ctx as flint_context

from derive import heavy_ball
from derive.engine.backward_error import slow_motion
from derive.language.coefficients import Coefficient, Ring
from derive.language.formula import BETA, Z
from derive.language.trees import LEAF, grow
from derive.language.update_rule import Number, Optimizer
from derive.quadratics.principal_flow import principal_flow, principal_series
from verify.claims.checks.identities import exact
from verify.claims.claim import Check, Evidence, Kind, Settings
from verify.claims.equality import written_out
from verify.running.numbers import COMPLEX, Arithmetic, evaluate, precision
from verify.running.recording import JUDGED, recorder

N = sympy.Symbol("n")
DISCRIMINANT = (1 + BETA - Z) ** 2 - 4 * BETA

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
        right = wanted()
        difference = read(candidate) - right
        if logarithm:
            for root in SQUARE_ROOTS:
                at = {Z: 0, BETA: sympy.Rational(int(root.p), int(root.q)) ** 2}
                if read(candidate).subs(at) != 0:
                    return False, f"not 0 at z = 0, beta = {root**2}"
            difference = difference.diff(Z)
        equal = vanishes(difference)
        if (log := recorder()) is not None:
            log.identity(read(JUDGED), right, equal)
        return equal, "difference 0" if equal else "the difference is not 0"

    return exact(name, Kind.SYMBOLIC, holds)


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


def on_the_principal_flow(optimizer: Optimizer) -> tuple[Check, ...]:
    """The candidate is the rate of the flow that the optimizer's iterates lie on."""
    return (
        same_function(
            "logarithm of the multiplier",
            exponent,
            lambda: exponent(principal_flow(optimizer)),
            logarithm=True,
        ),
        taylor(optimizer, exponent, flow=True),
        obeys_the_step(optimizer, flow_over_a_step),
    )


def larger_eigenvalue(beta: Number, z: Number) -> acb:
    """Of one step of heavy ball on (position, velocity), enclosed by FLINT from the matrix."""
    matrix = acb_mat([[1 - z, beta], [-z, beta]])
    return max(matrix.eig(), key=lambda e: (float(e.real.mid()), float(e.imag.mid())))


@lru_cache(maxsize=1024)
def polynomial(candidate: sympy.Expr, n: int) -> Coefficient:
    """The candidate at this n, its sum written out."""
    return Ring(("beta",)).from_expr(written_out(candidate.xreplace({N: sympy.Integer(n)})))


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
            equal = c == -wanted[n]
            if (log := recorder()) is not None:
                over = (1 - BETA) ** (2 * n - 1) * (n if logarithm else 1)
                if n > 1 or logarithm:
                    log.identity(JUDGED / over, -wanted[n].as_expr(), equal, n=n - 1)
            if not equal:
                return False, f"wrong at z^{n}"
        return True, f"equal for z ... z^{count}"

    return exact("power series of the multiplier", Kind.SYMBOLIC, holds)
