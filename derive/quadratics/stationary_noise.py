"""The covariance that noise in the gradient keeps up around a minimum, exact at any step size.

On E = x^T H x/2 the gradient is H x + xi, xi independent at every step with mean 0 and covariance
Sigma. In two eigendirections of H a step is y_i <- A(z_i) y_i + b(z_i) h xi_i, z_i = h lambda_i, so
that the stationary covariance of the two states solves the discrete Lyapunov equation

    S_12 = A(z_1) S_12 A(z_2)^T + b(z_1) b(z_2)^T Sigma_12 .

Source: Mandt, Hoffman, Blei, Stochastic gradient descent as approximate Bayesian inference (2017),
for the continuous-time limit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import sympy
from flint import fmpq, fmpq_mat
from sympy.polys.matrices import DomainMatrix
from sympy.polys.matrices.exceptions import DMNonInvertibleMatrixError

from derive.language.coefficients import Coefficient, Exact, Ring, exact
from derive.language.update_rule import BadInput, Optimizer
from derive.language.writing import latex, plain
from derive.quadratics.linearization import Z, noisy_step
from derive.quadratics.stability import stability_conditions

Z1, Z2 = sympy.symbols("z1 z2")
_SUM, _PRODUCT, _GAP = sympy.symbols("s p d")
"""z1 + z2, z1 z2 and (z1 - z2)^2."""


@lru_cache(maxsize=32)
def stationary_covariance(optimizer: Optimizer) -> sympy.ImmutableMatrix:
    """E[y_1 y_2^T] of the states (x, memory) of two modes, for unit noise and step size 1.

    With step size h and noise Sigma_12 in the two gradients, cov(x_1, x_2) is h^2 Sigma_12 times
    entry (0, 0). A memory in units of h times a gradient has a factor h as x has, one in units
    of a gradient (PyTorch's buffer) has none. Both modes the same (z1 = z2) gives the variance. It
    holds where both modes decay. Two memories take half a minute with symbols, a second with
    numbers.

    Raises:
        NotLinear: the rule is not linear.
        BadInput: the rule does not settle where the gradient is noise.

    >>> from derive import heavy_ball
    >>> from derive.language.writing import plain
    >>> top, bottom = sympy.fraction(stationary_covariance(heavy_ball)[1, 1])
    >>> plain(top)
    '(1 - beta)*(z1 + z2)'
    """
    matrix, kick = noisy_step(optimizer)
    first, second = ((matrix.subs(Z, z), kick.subs(Z, z)) for z in (Z1, Z2))
    size = matrix.rows
    left = sympy.eye(size**2) - sympy.kronecker_product(first[0], second[0])
    right = sympy.kronecker_product(first[1], second[1])
    field = sympy.QQ.frac_field(Z1, Z2, *(sympy.Symbol(name) for name in optimizer.parameters))
    try:
        solved = (
            DomainMatrix.from_Matrix(left)
            .convert_to(field)
            .lu_solve(DomainMatrix.from_Matrix(right).convert_to(field))
        )
    except DMNonInvertibleMatrixError:
        raise BadInput(f"{optimizer.name} has no stationary covariance.") from None
    return _factored(solved.to_Matrix().reshape(size, size), ("z1", "z2", *optimizer.parameters))


def stationary_variance(optimizer: Optimizer) -> sympy.ImmutableMatrix:
    """E[y y^T] of the state (x, memory) of one mode, for unit noise and step size 1.

    >>> from derive import heavy_ball
    >>> from derive.language.writing import plain
    >>> plain(stationary_variance(heavy_ball)[0, 0])
    '(1 + beta)/(z*(1 - beta)*(2 + 2*beta - z))'
    """
    same = stationary_covariance(optimizer).subs({Z1: Z, Z2: Z})
    return _factored(same, ("z", *optimizer.parameters))


def _factored(matrix: sympy.Matrix, names: tuple[str, ...]) -> sympy.ImmutableMatrix:
    return sympy.ImmutableMatrix(matrix.applyfunc(lambda e: Ring(names).from_expr(e).as_expr()))


Powers = tuple[int, int, int]
"""Exponents of p = z1 z2, of d = (z1 - z2)^2, and 0 or 1 of s = z1 + z2."""


@dataclass(frozen=True)
class CovarianceEquation:
    r"""The linear equation for S = cov(x) in matrix form, H and Sigma commuting or not.

    Each side is a sum of terms c h^n M(S) or c h^n M(Sigma), with M built from p: S -> H S H,
    d: S -> [[S, H], H] and s: S -> {H, S} = H S + S H. The coefficient of {H, S} is 1.

    Attributes:
        left: c by the powers of p, d, s, acting on S.
        right: the same, acting on Sigma.
    """

    left: Mapping[Powers, Coefficient]
    right: Mapping[Powers, Coefficient]

    @property
    def latex(self) -> str:
        return _written(self.left, "S", -1) + "=" + _written(self.right, r"\Sigma", 1)


def position_covariance(
    optimizer: Optimizer, hessian: fmpq_mat, noise: fmpq_mat, *, h: Exact
) -> fmpq_mat:
    """The stationary covariance of x for one Hessian, noise covariance and step size, exactly.

    Args:
        optimizer: a rule with all parameters given, as `heavy_ball.at(beta="9/10")`.
        hessian, noise: symmetric matrices of the same size.
    Raises:
        BadInput: the matrices do not fit, a parameter is not given, or a mode does not decay.

    >>> from derive import heavy_ball
    >>> one = fmpq_mat([[fmpq(1)]])
    >>> position_covariance(heavy_ball.at(beta="1/2"), one, one, h=1)
    [3/2]
    """
    size = hessian.nrows()
    if optimizer.parameters:
        raise BadInput(f"{optimizer.name} needs a value for {', '.join(optimizer.parameters)}.")
    if not (hessian == hessian.transpose() and noise == noise.transpose()):
        raise BadInput("the Hessian and the noise covariance must be symmetric.")
    if noise.nrows() != size:
        raise BadInput(f"the noise has {noise.nrows()} dimensions, the Hessian {size}.")
    scaled = hessian * exact(h)
    for condition in stability_conditions(optimizer):
        if not _positive_definite(_at(condition, scaled)):
            raise BadInput(
                f"h = {h}: some mode does not decay, as z = h times an eigenvalue of the Hessian "
                f"violates {plain(condition)} > 0."
            )
    equation = covariance_equation(optimizer)

    def act(side: Mapping[Powers, Coefficient], on: fmpq_mat) -> fmpq_mat:
        terms = (_apply(powers, scaled, on) * c.at({}) for powers, c in side.items())
        return sum(terms, start=on * 0)

    units = [_unit(size, i, j) for i, j in product(range(size), repeat=2)]
    columns = [act(equation.left, unit).entries() for unit in units]
    matrix = fmpq_mat(size**2, size**2, [c[i] for i in range(size**2) for c in columns])
    right = act(equation.right, noise * exact(h) ** 2)
    solved = matrix.solve(fmpq_mat(size**2, 1, right.entries()))
    return fmpq_mat(size, size, solved.entries())


def _at(polynomial: sympy.Expr, z: fmpq_mat) -> fmpq_mat:
    """A polynomial in z of a matrix."""
    n = z.nrows()
    one = fmpq_mat(n, n, [int(i == j) for i, j in product(range(n), repeat=2)])
    value = one * 0
    for c in sympy.Poly(polynomial, Z).all_coeffs():
        value = value * z + one * fmpq(int(c.p), int(c.q))
    return value


def _positive_definite(matrix: fmpq_mat) -> bool:
    """Sylvester's criterion: all leading minors are positive."""
    size = matrix.nrows()
    corners = (range(n) for n in range(1, size + 1))
    return all(fmpq_mat([[matrix[i, j] for j in c] for i in c]).det() > 0 for c in corners)


@lru_cache
def covariance_equation(optimizer: Optimizer) -> CovarianceEquation:
    """The equation for the stationary covariance of x, for any symmetric H and Sigma.

    The covariance of two modes is N/D, symmetric polynomials in z1 and z2; D S = h^2 N Sigma in
    the eigenbasis of H is an equation between matrices in every basis.

    Raises:
        NotLinear, BadInput: as for `stationary_covariance`.

    >>> from derive import gradient_descent
    >>> print(covariance_equation(gradient_descent).latex)
    \\{H,S\\}-hHSH=h\\Sigma
    """
    ring = Ring(optimizer.parameters)
    top, bottom = sympy.fraction(sympy.cancel(stationary_covariance(optimizer)[0, 0]))
    left, right = (_in_invariants(side, ring) for side in (bottom, top))
    scale = left[0, 0, 1].inverse()
    return CovarianceEquation(
        *({powers: c * scale for powers, c in side.items()} for side in (left, right))
    )


def small_step_limit(
    equation: CovarianceEquation, *, momentum: str = "beta"
) -> tuple[CovarianceEquation, CovarianceEquation]:
    """What is left of the equation as h -> 0 and the momentum -> 1, and exactly what is dropped.

    With delta = 1 - momentum, h shrinks like the power of delta at which [[S, H], H] neither
    vanishes against {H, S} nor takes over: delta^2 for heavy ball. Every coefficient is replaced
    by its leading power of delta; terms of a higher order than {H, S} fall.

    Returns:
        The limit, and the equation minus the limit, term by term.
    Raises:
        BadInput: no momentum of this name, or no [[S, H], H] in the equation.

    >>> from derive import heavy_ball
    >>> limit, dropped = small_step_limit(covariance_equation(heavy_ball))
    >>> print(limit.latex)
    \\{H,S\\}+\\frac{h}{2(1-\\beta)^{2}}[[S,H],H]=\\frac{h}{1-\\beta}\\Sigma
    >>> dropped.left[0, 1, 0]
    -1/(2*(1 - beta)*(1 + beta))
    """
    if (0, 1, 0) not in equation.left or momentum not in equation.left[0, 1, 0].ring.parameters:
        raise BadInput(f"the equation has no {momentum} that brings in [[S, H], H].")
    speed = -_leading(equation.left[0, 1, 0], momentum)[0]
    limit, dropped = [], []
    for side, unit in ((equation.left, (0, 0, 1)), (equation.right, (0, 0, 0))):
        kept: dict[Powers, Coefficient] = {}
        base = _leading(side[unit], momentum)[0] + speed * _degree(unit)
        for powers, c in side.items():
            order, leading = _leading(c, momentum)
            if order + speed * _degree(powers) <= base:
                kept[powers] = leading
        limit.append(kept)
        rest = {powers: c - kept[powers] if powers in kept else c for powers, c in side.items()}
        dropped.append({powers: c for powers, c in rest.items() if c})
    return CovarianceEquation(*limit), CovarianceEquation(*dropped)


def _leading(c: Coefficient, momentum: str) -> tuple[int, Coefficient]:
    """The order of c in 1 - momentum, and its leading term."""
    own = sympy.Symbol(momentum)
    order, rest = 0, sympy.Integer(1)
    for factor in sympy.Mul.make_args(c.as_expr()):
        base, power = factor.as_base_exp()
        if base == 1 - own:
            order = int(power)
        else:
            rest *= factor
    return order, c.ring.from_expr(rest.subs(own, 1) * (1 - own) ** order)


def _in_invariants(polynomial: sympy.Expr, ring: Ring) -> dict[Powers, Coefficient]:
    """A symmetric polynomial in z1 and z2 in p, d and s, with s^2 = d + 4 p."""
    written, rest, names = sympy.symmetrize(sympy.expand(polynomial), [Z1, Z2], formal=True)
    if rest != 0:
        raise BadInput("the covariance of two modes is not symmetric in them.")
    elementary = written.subs({names[0][0]: _SUM, names[1][0]: _PRODUCT})
    total = sympy.Integer(0)
    for (i, j), c in sympy.Poly(elementary, _SUM, _PRODUCT).terms():
        total += c * (_GAP + 4 * _PRODUCT) ** (i // 2) * _SUM ** (i % 2) * _PRODUCT**j
    terms = sympy.Poly(sympy.expand(total), _PRODUCT, _GAP, _SUM).terms()
    return {powers: ring.from_expr(sympy.expand(c)) for powers, c in terms}


def _unit(size: int, i: int, j: int) -> fmpq_mat:
    matrix = fmpq_mat(size, size)
    matrix[i, j] = 1
    return matrix


def _apply(powers: Powers, h: fmpq_mat, s: fmpq_mat) -> fmpq_mat:
    """p^a d^b s^c as an operator on a matrix."""
    outer, nested, sums = powers
    for _ in range(sums):
        s = h * s + s * h
    for _ in range(nested):
        s = s * h * h - h * s * h * 2 + h * h * s
    for _ in range(outer):
        s = h * s * h
    return s


def _written(side: Mapping[Powers, Coefficient], inner: str, shift: int) -> str:
    """The sum in LaTeX, each coefficient with its power of h."""
    total = ""
    for powers in sorted(side, key=lambda powers: (_degree(powers), powers)):
        outer, nested, sums = powers
        word = rf"\{{H,{inner}\}}" if sums else inner
        for _ in range(nested):
            word = f"[[{word},H],H]"
        power = "" if outer == 1 else f"^{{{outer}}}"
        word = _joined(f"H{power}", _joined(word, f"H{power}")) if outer else word
        coefficient = side[powers].as_expr() * sympy.Symbol("h") ** (_degree(powers) + shift)
        front = latex(coefficient)
        term = _joined({"1": "", "-1": "-"}.get(front, front), word)
        total += term if term.startswith("-") or not total else f"+{term}"
    return total


def _joined(left: str, right: str) -> str:
    """A control word such as \\Sigma needs a space before a letter."""
    return (
        f"{left} {right}"
        if re.search(r"\\[A-Za-z]+$", left) and right[0].isalpha()
        else left + right
    )


def _degree(powers: Powers) -> int:
    return 2 * powers[0] + 2 * powers[1] + powers[2]
