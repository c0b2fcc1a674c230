"""One quadratic mode: the matrix of a step, its eigenvalues kappa, and where they are stable.

On E = lambda x^2/2 an update rule is linear; everything depends on z = h lambda (step size times
curvature, a pure number) and the parameters.
"""

from __future__ import annotations

import sympy

from derive.linear_memory import NotLinear
from derive.update_rule import Optimizer

Z = sympy.Symbol("z")
KAPPA = sympy.Symbol("kappa")


def mode_matrix(optimizer: Optimizer) -> sympy.Matrix:
    """The matrix of one step on (x, memory) for the gradient z x and step size 1.

    Memory that holds gradients is thereby measured in units of h times a gradient.

    Raises:
        NotLinear: the rule is not linear.

    >>> from derive import heavy_ball
    >>> mode_matrix(heavy_ball)
    Matrix([
    [1 - z, beta],
    [   -z, beta]])
    """
    state = [sympy.Dummy(name) for name in ("x", *optimizer.memory)]
    parameters = {name: sympy.Symbol(name) for name in optimizer.parameters}
    parameters |= optimizer.arguments(lambda v: sympy.Rational(int(v.p), int(v.q)))
    x, memory = optimizer.step(
        state[0], list(state[1:]), lambda y: Z * y, sympy.Integer(1), parameters
    )
    rows = [sympy.expand(entry) for entry in (x, *memory)]
    matrix = sympy.Matrix([[row.coeff(s) for s in state] for row in rows])
    if any(sympy.expand(e) != 0 for e in matrix * sympy.Matrix(state) - sympy.Matrix(rows)):
        raise NotLinear(f"the rule {optimizer.name} is not linear in its memory and gradients.")
    return matrix


def characteristic_polynomial(optimizer: Optimizer) -> sympy.Poly:
    """det(kappa - step matrix) as a polynomial in kappa.

    >>> from derive import heavy_ball
    >>> characteristic_polynomial(heavy_ball).coeffs()
    [1, -beta + z - 1, beta]
    """
    return sympy.Poly(mode_matrix(optimizer).charpoly(KAPPA).as_expr(), KAPPA)


def multipliers(optimizer: Optimizer) -> tuple[sympy.Expr, sympy.Expr]:
    """kappa_plus and kappa_minus: a mode is multiplied by them at every step.

    For rules with one memory variable, whose characteristic polynomial is a quadratic.
    """
    _, linear, constant = characteristic_polynomial(optimizer).all_coeffs()
    root = sympy.sqrt(linear**2 - 4 * constant)
    return (-linear + root) / 2, (-linear - root) / 2


def oscillation_interval(optimizer: Optimizer) -> tuple[sympy.Expr, ...]:
    """The ends of the interval of z on which the multipliers are complex, in rising order.

    For rules with one memory variable; the discriminant's roots in z.
    """
    _, linear, constant = characteristic_polynomial(optimizer).all_coeffs()
    root = sympy.Symbol("s", nonnegative=True)
    beta = sympy.Symbol("beta")
    discriminant = sympy.expand((linear**2 - 4 * constant).subs(beta, root**2))
    ends = sympy.roots(sympy.Poly(discriminant, Z), multiple=True)
    ordered = sorted(
        (sympy.factor(end) for end in ends), key=lambda end: end.subs(root, sympy.Rational(1, 2))
    )
    return tuple(end.subs(root, sympy.sqrt(beta)) for end in ordered)


def stability_limit(optimizer: Optimizer) -> sympy.Expr:
    """The z below which a convex mode decays: 0 < z < limit.

    For rules with one memory variable. A quadratic kappa^2 + a kappa + b has both roots inside the
    unit circle exactly when |b| < 1, 1 + a + b > 0 and 1 - a + b > 0 (Jury's conditions); here b
    does not depend on z, 1 + a + b = z, and the last condition gives the limit.

    >>> from derive import heavy_ball
    >>> stability_limit(heavy_ball)
    2*beta + 2
    """
    _, linear, constant = characteristic_polynomial(optimizer).all_coeffs()
    (limit,) = sympy.solve(1 - linear + constant, Z)
    return limit
