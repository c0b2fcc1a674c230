"""How an optimizer drifts along a manifold of minimizers under small noise in its gradient.

One kick n of the gradient at a minimizer moves the optimizer's limit by -e n along the manifold, e
the effective step, and on the way there its gradient is read at y_1, y_2, ..., each linear in n.
Read to second order in n, the limit also moves by half of

    -e P_L T[Q],   Q = sum over k of y_k y_k^T,   and by   -e^2 H^+ T[P_L n, P_L n],

with H the Hessian, T the third derivative of the loss and P_L the projector on H's kernel. On modes
of curvatures l1 and l2 the sum is Q = M(l1, l2) n1 n2, a rational function. With independent kicks
of covariance S this is the drift in every step, exact in the step size and in the parameters, to
the second order in the noise. The tangent part of S has no finite Q and needs none: T of two
tangent vectors is normal.

Source: Li, Wang and Arora (2022) and Katzenberger (1991) for the limit map; the kernel M is derived
here from the declared update rule.
"""

from __future__ import annotations

from functools import cache

import sympy
from sympy.polys.matrices import DomainMatrix

from derive.engine.front_door import why_not_linear
from derive.engine.linear_forms import NotLinear
from derive.language.formula import H
from derive.language.update_rule import Optimizer

CURVATURE = sympy.Symbol("lambda")
CURVATURES = sympy.symbols("lambda1 lambda2")
NOT_LINEAR = "the rule {} does not read one gradient a step, linearly in its memory."


@cache
def response(optimizer: Optimizer) -> tuple[sympy.Matrix, sympy.Matrix, sympy.Matrix]:
    """The matrices A, b, c of a step on one coordinate: y = c s, s <- A s + b (gradient at y).

    s is the position followed by the memory, all measured from a minimizer.

    Raises:
        NotLinear: the rule is not linear, or reads its gradient at several points in one step.

    >>> from derive import heavy_ball
    >>> response(heavy_ball)
    (Matrix([
    [1, beta],
    [0, beta]]), Matrix([
    [-h],
    [-h]]), Matrix([[1, 0]]))
    """
    state = [sympy.Dummy(name) for name in ("x", *optimizer.memory)]
    force = sympy.Dummy("gradient")
    parameters = {name: sympy.Symbol(name) for name in optimizer.parameters}
    parameters |= optimizer.arguments(lambda v: sympy.Rational(int(v.p), int(v.q)))
    places: list[sympy.Expr] = []

    def read(y: sympy.Expr) -> sympy.Expr:
        places.append(sympy.expand(y))
        return force

    if isinstance(reason := why_not_linear(optimizer), NotLinear):
        raise reason
    x, memory = optimizer.step(state[0], state[1:], read, H, parameters)
    if not places or any(place != places[0] for place in places):
        raise NotLinear(NOT_LINEAR.format(optimizer.name))
    rows = [sympy.expand(entry) for entry in (x, *memory)]
    matrix = sympy.Matrix([[row.coeff(s) for s in state] for row in rows])
    kick = sympy.Matrix([row.coeff(force) for row in rows])
    reading = sympy.Matrix([[places[0].coeff(s) for s in state]])
    written = [*(matrix * sympy.Matrix(state) + kick * force), (reading * sympy.Matrix(state))[0]]
    if any(sympy.expand(a - b) != 0 for a, b in zip(written, [*rows, places[0]], strict=True)):
        raise NotLinear(NOT_LINEAR.format(optimizer.name))
    return matrix, kick, reading


@cache
def effective_step(optimizer: Optimizer) -> sympy.Expr:
    """e: a kick n of the gradient moves the limit by -e n along the manifold.

    >>> from derive import heavy_ball
    >>> effective_step(heavy_ball)
    -h/(beta - 1)
    """
    matrix, kick, _ = response(optimizer)
    memory, forced = matrix[1:, 1:], kick[1:, :]
    settled = _solve(sympy.eye(memory.rows) - memory, forced) if memory.rows else forced
    return sympy.factor(-(kick[0] + (matrix[0, 1:] * settled)[0] if memory.rows else kick[0]))


@cache
def kernel(optimizer: Optimizer) -> sympy.Expr:
    """M(lambda1, lambda2) with Q = M n1 n2 for a kick (n1, n2) on two modes, not both flat.

    The same number times the covariance of the kicks is the stationary covariance of the points
    where the gradient is read.

    >>> from derive import gradient_descent
    >>> kernel(gradient_descent)
    -h/(h*lambda1*lambda2 - lambda1 - lambda2)
    """
    matrix, kick, reading = response(optimizer)
    first, second = (matrix + curvature * kick * reading for curvature in CURVATURES)
    pair = sympy.kronecker_product(first, second)
    kicks, readings = (sympy.kronecker_product(v, v) for v in (kick, reading))
    return sympy.factor((readings * _solve(sympy.eye(pair.rows) - pair, kicks))[0])


@cache
def label_noise_slope(optimizer: Optimizer) -> sympy.Expr:
    """r'(lambda) of the spectral regularizer R = sum over modes of r(lambda), r'(0) = 1/2.

    Under label noise of covariance c H the drift is -(c/2) e^2 P_L grad R in every step, without
    diffusion: Q = M(lambda, lambda) c lambda on each mode, and P_L T[f(H)] = P_L grad tr F(H)
    for F' = f.

    >>> from derive import heavy_ball
    >>> label_noise_slope(heavy_ball)
    (-beta - 1)/(-2*beta + h*lambda - 2)
    """
    diagonal = kernel(optimizer).subs(dict.fromkeys(CURVATURES, CURVATURE))
    return sympy.cancel(CURVATURE * diagonal / effective_step(optimizer))


def label_noise_regularizer(optimizer: Optimizer) -> sympy.Expr:
    """r(lambda), the integral of `label_noise_slope` from 0.

    Raises:
        NotLinear: the slope's denominator has no linear factors over the rational functions.

    >>> from derive import gradient_descent
    >>> label_noise_regularizer(gradient_descent)
    -log(-h*lambda/2 + 1)/h
    """
    top, bottom = sympy.fraction(sympy.together(label_noise_slope(optimizer)))
    whole, rest = sympy.div(sympy.Poly(top, CURVATURE), sympy.Poly(bottom, CURVATURE))
    total = sympy.integrate(whole.as_expr(), CURVATURE)
    for factor, power in sympy.factor_list(bottom, CURVATURE)[1]:
        if power > 1 or sympy.degree(factor, CURVATURE) > 1:
            raise NotLinear(f"the regularizer of {optimizer.name} is no sum of logarithms.")
        slope, start = sympy.Poly(factor, CURVATURE).all_coeffs()
        at_root = {CURVATURE: -start / slope}
        weight = rest.as_expr().subs(at_root) / sympy.diff(bottom, CURVATURE).subs(at_root)
        total += sympy.factor(weight) * sympy.log(1 + sympy.cancel(slope / start) * CURVATURE)
    return total


def _solve(matrix: sympy.Matrix, right: sympy.Matrix) -> sympy.Matrix:
    """The solution over the field of rational functions of the symbols."""
    system, column = (DomainMatrix.from_Matrix(m).to_field() for m in (matrix, right))
    return DomainMatrix.lu_solve(*system.unify(column)).to_Matrix()


def powers(time: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr]:
    """(a, b) with time ~ h^a (1-beta)^b as beta -> 1, of a product of such powers.

    >>> beta = sympy.Symbol("beta")
    >>> powers((1 - beta) ** 2 / H**2 * 5)
    (-2, 2)
    """
    rest = sympy.Dummy("q")
    written = time.subs(sympy.Symbol("beta"), 1 - rest)
    of_step, of_rest = (
        sympy.cancel(symbol * sympy.diff(written, symbol) / written).subs(rest, 0)
        for symbol in (H, rest)
    )
    return of_step, of_rest


def matched_exponent(
    first: tuple[sympy.Expr, sympy.Expr], second: tuple[sympy.Expr, sympy.Expr]
) -> sympy.Expr:
    """gamma at which two times h^a (1-beta)^b are of one order when 1-beta ~ h^gamma.

    The larger of the two is then least if one falls and the other rises with 1-beta.

    >>> matched_exponent((0, -1), (-2, 2))
    2/3
    """
    return sympy.Rational(1) * (first[0] - second[0]) / (second[1] - first[1])
