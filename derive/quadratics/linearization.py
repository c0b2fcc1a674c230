"""One quadratic mode: the matrix of a step, its eigenvalues kappa, and where they are stable.

On E = lambda x^2/2 an update rule is linear; everything depends on z = h lambda (step size times
curvature, a pure number) and the parameters.
"""

from __future__ import annotations

import sympy

from derive.engine.front_door import why_not_linear
from derive.engine.linear_forms import NotLinear
from derive.language.update_rule import BadInput, Optimizer

Z = sympy.Symbol("z")
KAPPA = sympy.Symbol("kappa")


class NotInClosedForm(BadInput):
    """What is asked for has no closed form of this kind."""


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
    matrix, _ = noisy_step(optimizer)
    return matrix


def noisy_step(optimizer: Optimizer) -> tuple[sympy.Matrix, sympy.Matrix]:
    """A and b of one step y <- A y + b xi on y = (x, memory), for the gradient z x + xi.

    Where a step takes several gradients, xi is the same in all of them.

    Raises:
        NotLinear: the rule is not linear.

    >>> from derive import heavy_ball
    >>> noisy_step(heavy_ball)[1]
    Matrix([
    [-1],
    [-1]])
    """
    if len(optimizer.fields) > 1:
        raise NotInClosedForm(
            f"{optimizer.name} takes the gradients of {', '.join(optimizer.fields)}; a mode with "
            "one curvature is known for one field only."
        )
    if isinstance(reason := why_not_linear(optimizer), NotLinear):
        raise reason
    noise = sympy.Dummy("xi")
    state = [sympy.Dummy(name) for name in ("x", *optimizer.memory)]
    parameters = {name: sympy.Symbol(name) for name in optimizer.parameters}
    parameters |= optimizer.arguments(lambda v: sympy.Rational(int(v.p), int(v.q)))
    x, memory = optimizer.step(
        state[0], list(state[1:]), lambda y: Z * y + noise, sympy.Integer(1), parameters
    )
    rows = [sympy.expand(entry) for entry in (x, *memory)]
    matrix, kick = (
        sympy.Matrix([[row.coeff(s) for s in symbols] for row in rows])
        for symbols in (state, [noise])
    )
    if any(
        sympy.expand(e) for e in matrix * sympy.Matrix(state) + kick * noise - sympy.Matrix(rows)
    ):
        raise NotLinear(f"the rule {optimizer.name} is not linear in its memory and gradients.")
    return matrix, kick


def characteristic_polynomial(optimizer: Optimizer) -> sympy.Poly:
    """det(kappa - step matrix) as a polynomial in kappa.

    >>> from derive import heavy_ball
    >>> characteristic_polynomial(heavy_ball).coeffs()
    [1, -beta + z - 1, beta]
    """
    return sympy.Poly(mode_matrix(optimizer).charpoly(KAPPA).as_expr(), KAPPA)


def multipliers(optimizer: Optimizer) -> tuple[sympy.Expr, sympy.Expr]:
    """kappa_plus and kappa_minus: a mode is multiplied by them at every step.

    Raises:
        NotInClosedForm: the rule has not one memory variable.
    """
    linear, constant = quadratic(optimizer)
    root = sympy.sqrt(linear**2 - 4 * constant)
    return (-linear + root) / 2, (-linear - root) / 2


def quadratic(optimizer: Optimizer) -> tuple[sympy.Expr, sympy.Expr]:
    """a and b of the characteristic polynomial kappa^2 + a kappa + b.

    Raises:
        NotInClosedForm: the rule has not one memory variable.
    """
    coefficients = characteristic_polynomial(optimizer).all_coeffs()
    if len(coefficients) != 3:
        raise NotInClosedForm(
            f"{optimizer.name} has {len(optimizer.memory)} memory variables; one is needed here."
        )
    _, linear, constant = coefficients
    return linear, constant
