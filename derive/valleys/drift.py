"""Drift and diffusion along the minimizers of a given loss, exactly, from its derivatives at one.

The manifold need not be supplied: its tangent space is the kernel of the Hessian. What is computed
is stated in `derive.valleys.zero_loss_manifold`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce

import sympy
from sympy.polys.matrices import DomainMatrix

from derive.language.formula import H
from derive.language.update_rule import BadInput, Optimizer
from derive.valleys.zero_loss_manifold import CURVATURES, effective_step, kernel, response

X = sympy.Symbol("x")


class NotExact(BadInput):
    """The point is no minimizer, or not one with rational derivatives."""


@dataclass(frozen=True)
class Valley:
    """The derivatives of a loss at a minimizer, and what they say of the manifold through it.

    `third[i][j, k]` is the third derivative along coordinates i, j, k; `tangent` projects on the
    tangent space, the kernel of `hessian`; `inverse` is the pseudoinverse of `hessian`.
    """

    variables: tuple[sympy.Symbol, ...]
    hessian: sympy.Matrix
    third: tuple[sympy.Matrix, ...]
    tangent: sympy.Matrix
    inverse: sympy.Matrix

    @property
    def dimension(self) -> int:
        """The dimension of the manifold."""
        return int(self.tangent.trace())

    def twice(self, square: sympy.Matrix) -> sympy.Matrix:
        """The vector with entries sum over j, k of third[i][j, k] square[j, k]."""
        return sympy.Matrix([sum(slab.multiply_elementwise(square)) for slab in self.third])


@dataclass(frozen=True)
class Drift:
    """What small noise of covariance S does in one step, to the second order in the noise.

    The mean displacement of the limit is the sum of `bending`, normal to the manifold, which keeps
    the motion on it, and of the tangent vectors `mixed` (from S between tangent and normal
    directions) and `transverse` (from S across the manifold). Its covariance is `diffusion`.
    """

    bending: sympy.Matrix
    mixed: sympy.Matrix
    transverse: sympy.Matrix
    diffusion: sympy.Matrix

    @property
    def total(self) -> sympy.Matrix:
        return (self.bending + self.mixed + self.transverse).applyfunc(sympy.factor)


def valley(loss: sympy.Expr, at: Mapping[sympy.Symbol, sympy.Rational]) -> Valley:
    """The manifold of minimizers of a loss around one of its points.

    Args:
        at: a rational value for every variable; the coordinates keep this order.
    Raises:
        NotExact: the gradient is not 0, or a derivative is not rational.
        BadInput: an isolated minimizer, none at all, or one where the Hessian's kernel is larger
            than the manifold.

    >>> x, y = sympy.symbols("x y")
    >>> valley((x * y - 1) ** 2 / 2, {x: sympy.Integer(1), y: sympy.Integer(1)}).tangent
    Matrix([
    [ 1/2, -1/2],
    [-1/2,  1/2]])
    """
    variables, where = tuple(at), ", ".join(f"{name} = {value}" for name, value in at.items())
    gradient = [sympy.expand(sympy.diff(loss, x)) for x in variables]
    slopes = sympy.Matrix([_at(entry, at) for entry in gradient])
    if any(slopes):
        shown = ", ".join(str(slope) for slope in slopes)
        raise NotExact(f"the gradient at {where} is ({shown}), not 0; give a minimizer.")
    second = [[sympy.diff(entry, x) for x in variables] for entry in gradient]
    hessian = sympy.Matrix([[_at(entry, at) for entry in row] for row in second])
    basis = sympy.Matrix.hstack(*(hessian.nullspace() or [sympy.zeros(len(at), 0)]))
    if not basis.cols:
        raise BadInput(f"{where} is isolated: the Hessian has no kernel, so there is no valley.")
    if not _only_positive(hessian, basis.cols):
        raise BadInput(f"{where} is no minimizer: the Hessian has a negative eigenvalue.")
    tangent = basis * (basis.T * basis).inv() * basis.T
    third = tuple(
        sympy.Matrix([[_at(sympy.diff(entry, x), at) for x in variables] for entry in row])
        for row in second
    )
    found = Valley(variables, hessian, third, tangent, (hessian + tangent).inv() - tangent)
    if not _is_flat_along_its_kernel(found, gradient, at, basis):
        raise BadInput(
            f"at {where} the Hessian's kernel is larger than the manifold of minimizers; "
            f"its {basis.cols} dimensions are not all directions of minimizers."
        )
    return found


def _at(expr: sympy.Expr, point: Mapping[sympy.Symbol, sympy.Rational]) -> sympy.Expr:
    value = sympy.expand(expr.subs(point))
    if not value.is_Rational:
        raise NotExact(f"a derivative of the loss there is {value}, not a rational number.")
    return value


def _only_positive(hessian: sympy.Matrix, flat: int) -> bool:
    """The symmetric matrix has no negative eigenvalue: its polynomial's signs alternate."""
    coefficients = hessian.charpoly(X).all_coeffs()[: hessian.rows + 1 - flat]
    return all((-1) ** i * c > 0 for i, c in enumerate(coefficients))


def _is_flat_along_its_kernel(
    found: Valley,
    gradient: list[sympy.Expr],
    at: Mapping[sympy.Symbol, sympy.Rational],
    basis: sympy.Matrix,
) -> bool:
    """Along x + s t - s^2 H^+ T[t, t]/2 the tangent part of the gradient vanishes to third order;
    a further bend removes the normal one. For t in the basis and one more direction.
    """
    s = sympy.Dummy("s")
    weights = [*sympy.eye(basis.cols).columnspace(), sympy.Matrix(range(1, basis.cols + 1))]
    for weight in weights:
        t = basis * weight
        bend = found.inverse * found.twice(t * t.T) / 2
        line = {x: value + s * t[i] for i, (x, value) in enumerate(at.items())}
        along = (sympy.expand(entry.subs(line, simultaneous=True)) for entry in gradient)
        fourth = sympy.Matrix([sympy.expand(sympy.diff(g, s, 3).subs(s, 0)) for g in along])
        second, third = found.twice(t * t.T), fourth / 6 - found.twice(t * bend.T)
        if any(found.tangent * second) or any((found.tangent * third).expand()):
            return False
    return True


def drift(
    optimizer: Optimizer,
    place: Valley,
    noise: sympy.Matrix,
    *,
    step: sympy.Rational | None = None,
) -> Drift:
    """Drift and diffusion in one step under gradient noise of this covariance.

    Args:
        optimizer: a rule linear in its memory; parameters without a value stay symbols.
        noise: symmetric, one row a variable of the valley.
        step: the step size; the symbol h without it.
    Raises:
        BadInput: the noise does not fit, or the optimizer is unstable at the minimizer.

    >>> from derive import heavy_ball
    >>> x, y = sympy.symbols("x y")
    >>> place = valley((x * y - 1) ** 2 / 2, {x: sympy.Integer(2), y: sympy.Rational(1, 2)})
    >>> at = heavy_ball.at(beta="1/2")
    >>> drift(at, place, place.hessian, step=sympy.Rational(1, 10)).total.T
    Matrix([[-72/1751, 18/1751]])
    """
    size = len(place.variables)
    if noise.shape != (size, size) or noise != noise.T:
        raise BadInput(f"the covariance of the noise must be symmetric, {size} by {size}.")
    given = {} if step is None else {H: step}
    if step is not None and not optimizer.parameters:
        _check_stability(optimizer, place, given)
    effective = effective_step(optimizer).subs(given)
    along = place.tangent * noise * place.tangent
    rest = sympy.eye(size) - place.tangent
    across = rest * noise * rest
    weigh = _weigh(kernel(optimizer).subs(given), place)

    def pushed(part: sympy.Matrix) -> sympy.Matrix:
        force = place.tangent * place.twice(weigh(part))
        return (-effective / 2 * force).applyfunc(sympy.factor)

    return Drift(
        (-(effective**2) / 2 * place.inverse * place.twice(along)).applyfunc(sympy.factor),
        pushed(noise - along - across),
        pushed(across),
        (effective**2 * along).applyfunc(sympy.factor),
    )


def _weigh(weights: sympy.Expr, place: Valley):
    """S -> the matrix with entries M(l_i, l_j) S_ij in an eigenbasis of H, without finding one.

    M = N/D with polynomials: sum of d_ab H^a Q H^b = sum of n_ab H^a S H^b. The tangent block,
    where D = 0, comes back as 0.
    """
    top, bottom = (sympy.Poly(p, *CURVATURES) for p in sympy.fraction(sympy.together(weights)))
    powers = [sympy.eye(place.hessian.rows)]
    for _ in range(max(*top.degree_list(), *bottom.degree_list())):
        powers.append(powers[-1] * place.hessian)
    system = sympy.kronecker_product(place.tangent, place.tangent)
    for (a, b), c in bottom.terms():
        system += c * sympy.kronecker_product(powers[a], powers[b])
    field = DomainMatrix.from_Matrix(system).to_field()

    def apply(part: sympy.Matrix) -> sympy.Matrix:
        right = reduce(
            lambda total, term: total + term[1] * powers[term[0][0]] * part * powers[term[0][1]],
            top.terms(),
            part * 0,
        )
        column = DomainMatrix.from_Matrix(right.reshape(len(right), 1)).to_field()
        return (
            field.unify(column)[0].lu_solve(field.unify(column)[1]).to_Matrix().reshape(*part.shape)
        )

    return apply


def _check_stability(
    optimizer: Optimizer, place: Valley, given: Mapping[sympy.Symbol, sympy.Rational]
) -> None:
    matrix, kick, reading = (m.subs(given) for m in response(optimizer))
    size = place.hessian.rows
    whole = sympy.kronecker_product(sympy.eye(size), matrix) + sympy.kronecker_product(
        place.hessian, kick * reading
    )
    flat = matrix.charpoly(X)
    curved = sympy.Poly(whole.charpoly(X).as_expr(), X)
    for _ in range(place.dimension):
        curved = sympy.quo(curved, sympy.Poly(flat.as_expr(), X))
    if not is_stable(curved):
        steepest = max(
            float(sympy.re(root))
            for root in sympy.Poly(place.hessian.charpoly(X).as_expr(), X).nroots()
        )
        raise BadInput(
            f"{optimizer.name} is unstable there at step size {given[H]}: the largest curvature is "
            f"about {steepest:.3g}; take a smaller step."
        )


def is_stable(polynomial: sympy.Poly) -> bool:
    """All roots lie inside the unit circle (Schur 1917 and Cohn 1922), decided in rationals.

    >>> is_stable(sympy.Poly(X**2 - X / 2 + sympy.Rational(1, 4), X))
    True
    >>> is_stable(sympy.Poly(X**2 - 1, X))
    False
    """
    coefficients = polynomial.all_coeffs()
    while len(coefficients) > 1:
        lead, last = coefficients[0], coefficients[-1]
        if abs(last) >= abs(lead):
            return False
        mirrored = coefficients[::-1]
        coefficients = [lead * c - last * m for c, m in zip(coefficients, mirrored, strict=True)][
            :-1
        ]
    return True
