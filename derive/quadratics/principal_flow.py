"""The principal flow: on a quadratic the modified flow of an optimizer sums up to a logarithm.

On a mode of curvature lambda, with z = h lambda, a step on the slow manifold multiplies x by the
principal multiplier kappa(z), the root of the characteristic polynomial that is 1 at z = 0. In a
game lambda is an eigenvalue of the field's derivative and may be complex. Hence

    x_(k+1) = kappa(z) x_k,     h x' = log(kappa(z)) x,     x' = log(kappa(z))/z dE/dx,

and these are the sums over the tall trees t_n (n nodes in a line) of the series in
`derive.engine.backward_error`: kappa = 1 + sum_n a(t_n) (-z)^n and log kappa = sum_n b(t_n) (-z)^n.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import comb
from typing import Any

import sympy
from flint import arb, arb_poly, fmpq, fmpq_poly
from flint import ctx as flint_context

from derive.engine.linear_memory import linear_method
from derive.language.coefficients import Coefficient, Polynomial, Ring
from derive.language.update_rule import BadInput, Optimizer
from derive.quadratics.linearization import KAPPA, NotInClosedForm, Z, characteristic_polynomial
from derive.quadratics.ranges import sign_of, size, square_root

Series = list[Coefficient]


@dataclass(frozen=True)
class PrincipalSeries:
    """Taylor coefficients in z: `multiplier[n]` of kappa, `logarithm[n]` of log kappa."""

    multiplier: tuple[Coefficient, ...]
    logarithm: tuple[Coefficient, ...]


@dataclass(frozen=True)
class _Branch:
    """The irreducible factor P of the characteristic polynomial with P(1, 0) = 0, monic in kappa.

    `terms[i, j]` stands before kappa^i z^j; `whole` is P up to a factor, over `kappa`, `z` and the
    parameters.
    """

    ring: Ring
    terms: dict[tuple[int, int], Coefficient]
    whole: Polynomial

    @property
    def degrees(self) -> tuple[int, int]:
        """In kappa and in z."""
        return max(i for i, _ in self.terms), max(j for _, j in self.terms)

    def row(self, i: int) -> Series:
        """The coefficients of kappa^i by power of z."""
        zero = self.ring.number(0)
        return [self.terms.get((i, j), zero) for j in range(self.degrees[1] + 1)]

    def expr(self, i: int, sign: int = 1) -> sympy.Expr:
        """Plus or minus the coefficient of kappa^i, factored."""
        total = sympy.Add(*(c.as_expr() * Z**j * sign for j, c in enumerate(self.row(i))))
        return Ring(("z", *self.ring.parameters)).from_expr(total).as_expr()


@lru_cache(maxsize=64)
def _branch(optimizer: Optimizer) -> _Branch:
    taken = {"kappa", "z"} & {*optimizer.parameters, *optimizer.memory}
    if taken:
        raise BadInput(f"{optimizer.name} uses the name {min(taken)} itself; choose another name.")
    linear_method(optimizer)  # refuses what is not linear, and a memory that never fades
    wide = Ring(("kappa", "z", *optimizer.parameters))
    polynomial = wide.from_expr(characteristic_polynomial(optimizer).as_expr()).reduced.numerator
    _, factors = polynomial.factor()
    (whole,) = (part for part, _ in factors if part.subs({"kappa": 1, "z": 0}) == 0)
    narrow = Ring(optimizer.parameters)
    expr = Coefficient(wide, whole, wide.unit).as_expr()
    terms = {
        (int(i), int(j)): narrow.from_expr(sympy.sympify(c))
        for (i, j), c in sympy.Poly(expr, KAPPA, Z).terms()
    }
    leading = terms[max(i for i, _ in terms), 0]
    return _Branch(narrow, {power: c / leading for power, c in terms.items()}, whole)


def principal_polynomial(optimizer: Optimizer) -> sympy.Poly:
    """The irreducible polynomial in kappa and z whose root with kappa(0) = 1 is the multiplier.

    A factor of the characteristic polynomial: a memory that does not act on x falls out.

    Raises:
        NotLinear: the update rule is not linear in its memory and gradients.
        NoSlowManifold: the memory has an eigenvalue 1.

    >>> from derive import heavy_ball
    >>> principal_polynomial(heavy_ball).as_expr().coeff(KAPPA, 1)
    -beta + z - 1
    """
    terms = _branch(optimizer).terms
    monomials = (sympy.expand(c.as_expr()) * KAPPA**i * Z**j for (i, j), c in terms.items())
    return sympy.Poly(sympy.Add(*monomials), KAPPA, Z)


def principal_multiplier(optimizer: Optimizer) -> sympy.Expr:
    """kappa(z) in closed form, where its polynomial is linear or quadratic in kappa.

    The branch of the square root is that of a memory that fades: kappa(0) = 1.

    Raises:
        NotInClosedForm: the degree in kappa is above 2, as for two velocities; at values of the
            parameters where the polynomial factors there may be a closed form again.
        NotLinear, NoSlowManifold: as for `principal_polynomial`.

    >>> from derive import extragradient, heavy_ball
    >>> principal_multiplier(extragradient)
    z**2 - z + 1
    >>> principal_multiplier(heavy_ball)
    (beta - z + sqrt(-4*beta + (beta - z + 1)**2) + 1)/2
    """
    branch = _branch(optimizer)
    degree, _ = branch.degrees
    if degree == 1:
        return branch.expr(0, sign=-1)
    if degree > 2:
        raise NotInClosedForm(
            f"the multiplier of {optimizer.name} solves an equation of degree {degree}; "
            "use principal_polynomial and principal_series."
        )
    trace, product = branch.expr(1, sign=-1), branch.expr(0)
    root = sympy.sqrt(trace**2 - 4 * product)
    side = -1 if sign_of(1 - branch.row(0)[0], optimizer) < 0 else 1
    return sympy.Mul(sympy.Rational(1, 2), trace + side * root, evaluate=False)


def principal_flow(optimizer: Optimizer) -> sympy.Expr:
    """log(kappa(z))/z: the flow on a quadratic is x' = this times dE/dx, mode by mode.

    It is complex where kappa is: then only Re x(kh) is met by the iterates. Errors are those of
    `principal_multiplier`.

    >>> from derive import gradient_descent
    >>> principal_flow(gradient_descent)
    log(1 - z)/z
    """
    return sympy.log(principal_multiplier(optimizer)) / Z


def principal_series(optimizer: Optimizer, *, order: int) -> PrincipalSeries:
    """The Taylor coefficients of kappa and of log kappa, exact in the parameters, for any degree.

    Hensel lifting: with p = P_kappa(1, 0), kappa = 1 + p w and z = p^2 y the equation P = 0 becomes
    w = -(polynomial in w and y without constant and without w), so that one coefficient follows
    from those before it and the z^n coefficients have the denominator p^(2n-1).

    Args:
        order: the largest power of z, at least 1.
    Raises:
        BadInput: order below 1.
        NotLinear, NoSlowManifold: as for `principal_polynomial`.

    >>> from derive import heavy_ball
    >>> principal_series(heavy_ball, order=3).multiplier[3]
    -beta*(1 + beta)/(1 - beta)**5
    >>> principal_series(heavy_ball, order=3).logarithm[3]
    -(1 + 4*beta + beta**2)/(3*(1 - beta)**5)
    """
    if order < 1:
        raise BadInput(f"order = {order} is too small: an order is a power of z, at least 1.")
    branch = _branch(optimizer)
    zero, one = branch.ring.number(0), branch.ring.number(1)
    degree, _ = branch.degrees
    shifted: dict[tuple[int, int], Coefficient] = {}
    for (i, j), c in branch.terms.items():
        for m in range(i + 1):
            shifted[m, j] = shifted.get((m, j), zero) + c * comb(i, m)
    pole = shifted.pop((1, 0))
    scaled = {
        (i, j): c * pole ** max(i + 2 * j - 2, 0) for (i, j), c in shifted.items() if c and i + j
    }
    powers = [[zero] * (order + 1) for _ in range(degree + 1)]  # powers[i] holds w^i
    powers[0][0] = one
    w, logarithm = powers[1], [zero] * (order + 1)
    for n in range(1, order + 1):
        for i in range(2, degree + 1):
            powers[i][n] = sum((w[m] * powers[i - 1][n - m] for m in range(1, n)), zero)
        w[n] = -sum((c * powers[i][n - j] for (i, j), c in scaled.items() if j <= n), zero)
        # kappa (log kappa)' = kappa'
        known = sum((logarithm[j] * w[n - j] * j for j in range(1, n)), zero)
        logarithm[n] = w[n] - known * pole / n
    unscale = [one, *((pole ** (2 * n - 1)).inverse() for n in range(1, order + 1))]
    return PrincipalSeries(
        (one, *(w[n] * unscale[n] for n in range(1, order + 1))),
        (zero, *(logarithm[n] * unscale[n] for n in range(1, order + 1))),
    )


def radius_of_convergence(optimizer: Optimizer) -> sympy.Expr:
    """How far in z the Taylor series of log kappa converges, and with it the modified flow.

    The distance from 0 to the nearest branch point of kappa or zero of kappa on this branch.
    Closed forms are known where P is linear in kappa and at most quadratic in z (a zero), or
    quadratic in kappa and linear in z. Where P is linear in z only, and the parameters are
    numbers, the radius is an algebraic number. With symbols, the closed form holds wherever P
    stays irreducible; where it factors (no momentum, say) give that value with `at`: the radius
    may jump up.

    Raises:
        NotInClosedForm: another degree, or a parameter whose range is not declared.
        NotLinear, NoSlowManifold: as for `principal_polynomial`.
    Source:
        Flajolet, Sedgewick, Analytic Combinatorics (2009), Proposition IV.5, for higher degrees.

    >>> from derive import extragradient, heavy_ball
    >>> radius_of_convergence(heavy_ball)
    (1 - sqrt(beta))**2
    >>> radius_of_convergence(extragradient)
    1
    """
    branch = _branch(optimizer)
    degree, depth = branch.degrees
    if degree == 1 and depth <= 2:
        return _nearest_zero(branch, optimizer)
    if degree == 2 and depth == 1:
        return _nearest_branch_point(branch, optimizer)
    if depth == 1 and not optimizer.parameters:
        return _singular_inversion(branch, optimizer)
    if depth == 1:
        names = ", ".join(optimizer.parameters)
        raise NotInClosedForm(
            f"the radius of {optimizer.name} has no closed form; give {names} a number."
        )
    raise NotInClosedForm(
        f"the multiplier of {optimizer.name} has degree {degree} in kappa and {depth} in z; a "
        "radius is known for degree 1 in one of them (and then at most 2 in z)."
    )


def _nearest_zero(branch: _Branch, optimizer: Optimizer) -> sympy.Expr:
    """kappa = 1 + a z + b z^2: the smaller |zero| is 2/| |a| + sqrt(a^2 - 4 b) |, real or not."""
    _, a, b, *_ = [-c for c in branch.row(0)] + [branch.ring.number(0)] * 2
    if not a and not b:
        return sympy.oo
    root, real = square_root(a * a - 4 * b, optimizer)
    below = size(a, optimizer) + root
    return 2 / (below if real else sympy.Abs(below))


def _nearest_branch_point(branch: _Branch, optimizer: Optimizer) -> sympy.Expr:
    """kappa^2 - T kappa + D, T = 1 + b - t z, D = b - d z: the discriminant is
    c^2 - 2 B z + t^2 z^2, c = 1 - b, and its smaller |zero| is c^2/|sqrt(u) + sqrt(w)|^2 with
    2 u = B + c t, 2 w = B - c t, for any signs of u and w.

    For 0 <= b < 1 no zero of kappa lies nearer. At a zero z of D the roots are 0 and
    T = 1 - (t-d) z, so that kappa, the larger one, vanishes only if (t-d) z >= 1. But then D lies
    between 0 and b where (t-d) z is 1, T equals D there, T^2 - 4 D = D (D-4) <= 0, and a branch
    point has been passed.
    """
    (_, t), (b, minus_d) = branch.row(1), branch.row(0)
    c = 1 - b
    if sign_of(b, optimizer) < 0 or sign_of(c, optimizer) <= 0 or (b and not sign_of(b, optimizer)):
        raise NotInClosedForm(
            f"whether the memory of {optimizer.name} fades without changing sign, 0 <= {b!r} < 1, "
            "does not follow from the ranges of its parameters; declare them or give numbers."
        )
    middle = t * (1 + b) + 2 * minus_d
    u, w = (middle + c * t) / 2, (middle - c * t) / 2
    u, w = (u, w) if u else (w, u)
    root, real = square_root(w / u, optimizer)
    head = c * c / u
    if isinstance(root, sympy.Pow) and isinstance(root.base, sympy.Symbol):
        return _in_the_root(head, root.base, optimizer)
    below = 1 + root if real else sympy.Abs(1 + root)
    return size(head, optimizer) * below**-2


def _in_the_root(head: Coefficient, name: sympy.Symbol, optimizer: Optimizer) -> sympy.Expr:
    """|head|/(1 + sqrt(name))^2 in lowest terms, as a rational function of sqrt(name)."""
    # for the moment the name stands for its own square root
    reduced = head.ring.from_expr(head.as_expr().subs(name, name**2))
    reduced = reduced / (1 + head.ring.from_expr(name)) ** 2
    sign = sign_of(head, optimizer)
    result = (reduced * sign).as_expr() if sign else sympy.Abs(reduced.as_expr())
    return result.subs(name, sympy.sqrt(name))


def _singular_inversion(branch: _Branch, optimizer: Optimizer) -> sympy.Expr:
    """With u = 1 - kappa, P = 0 reads u = z G(u). Where G = g + sum_i r_i/(p_i - u), r_i > 0,
    0 < p_i <= 1, its Taylor coefficients are positive, and so are those of u and -log(1 - u). Hence
    the radius is tau/G(tau), tau the least positive solution of G(tau) = tau G'(tau): the smallest
    positive branch point. Then u < tau < 1, so that kappa has no zero inside.
    """
    one_minus = fmpq_poly([1, -1])
    columns = [[branch.row(i)[j].at({}) for i in range(branch.degrees[0] + 1)] for j in (0, 1)]
    a, b = (fmpq_poly(column)(one_minus) for column in columns)
    a = a.right_shift(1)  # u a + z b = 0, so that G = -b/a
    b = b if a[0] * b[0] < 0 else -b
    slope = b.derivative() * a - b * a.derivative()
    stationary = fmpq_poly([0, 1]) * slope - b * a
    for bits in (64, 128, 256, 512, 1024, 2048):
        with flint_context.workprec(bits):
            poles = _real_roots(a)
            weights = [_at(b, p) / _at(a.derivative(), p) for p in poles]
            signs = [size > 0 for size in (*poles, *weights)]
            signs += [p < 1 or (a(fmpq(1)) == 0 and p.contains(1)) for p in poles]
            if len(poles) < a.degree() or not all(signs):
                continue
            tau = min((r for r in _real_roots(stationary) if r > 0), key=arb.mid)
            radius = _the_root_in(-tau * _at(a, tau) / _at(b, tau), branch)
            if radius is not None:
                return radius
    raise NotInClosedForm(
        f"the memory of {optimizer.name} does not act with positive weights that fade without "
        "changing sign at these values; its radius is not known."
    )


def _at(polynomial: fmpq_poly, point: arb) -> arb:
    return arb_poly(polynomial)(point)


def _real_roots(polynomial: fmpq_poly) -> list[arb]:
    """Enclosures of the real roots, each counted once, in rising order."""
    roots: Any = polynomial.complex_roots()
    return sorted((root.real for root, _ in roots if root.imag == 0), key=arb.mid)


def _the_root_in(ball: arb, branch: _Branch) -> sympy.Expr | None:
    """The one zero of P's discriminant that this ball holds; None where it holds several."""
    discriminant = branch.whole.discriminant("kappa").to_dict()
    by_power = {int(powers[1]): fmpq(c) for powers, c in discriminant.items()}
    polynomial = fmpq_poly([by_power.get(j, 0) for j in range(max(by_power) + 1)])
    found = [
        (part, index)
        for part, _ in polynomial.factor()[1]
        for index, root in enumerate(_real_roots(part))
        if root.overlaps(ball)
    ]
    if len(found) != 1:
        return None
    ((part, index),) = found
    coefficients = [sympy.Rational(int(c.p), int(c.q)) for c in reversed(part.coeffs())]
    return sympy.rootof(sympy.Poly(coefficients, Z), index)
