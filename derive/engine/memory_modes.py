"""In which coordinates does the memory of a rule fade mode by mode? W made lower triangular.

The eigenvalues of W are read off the factors of its characteristic polynomial; where all of these
are linear over the field of the parameters, a basis of W's generalized eigenvectors exists there.
"""

from __future__ import annotations

from dataclasses import replace

from derive.engine.linear_memory import LinearMethod, Matrix, Vector, linear_method, solve
from derive.engine.sequences import NoClosedForm
from derive.language.coefficients import Coefficient, Ring
from derive.language.parameter import momentum
from derive.language.update_rule import BadInput, Optimizer

KAPPA = "kappa"


def triangular(method: LinearMethod) -> LinearMethod:
    """The same method with a memory in other coordinates, in which W is lower triangular.

    Only x, the stages and what the memory does to them are the same; units and shifts are not.

    Raises:
        NoClosedForm: an eigenvalue of W is not a rational function of the parameters.
    """
    size, ring = len(method.w), method.ring
    if not any(method.w[i][j] for i in range(size) for j in range(i + 1, size)):
        return method
    basis = _basis(method.w, ring)
    inverse = solve(basis, _unit(size, ring))
    return replace(
        method,
        w=_times(inverse, _times(method.w, basis)),
        c=_times(inverse, method.c),
        start=_times(inverse, method.start),
        u=_times(method.u, basis),
        v=_times([method.v], basis)[0],
    )


def with_momenta(rule: Optimizer) -> Optimizer:
    """The rule where a parameter that is declared by name alone is a momentum, if it is one.

    It is one where it is an eigenvalue of the memory: what the memory keeps of itself in a step.
    """
    bare = {
        p.name
        for p in rule.declared
        if p.name in rule.parameters and not (p.meaning or p.flag) and p.lower is p.upper is None
    }
    if not bare or not rule.memory:
        return rule
    try:
        method = triangular(linear_method(rule))
    except BadInput:
        return rule
    kept = [method.w[i][i] for i in range(len(method.w))]
    momenta = {name for name in bare if method.ring.parameter(name) in kept}
    declared = (momentum(p.name) if p.name in momenta else p for p in rule.declared)
    return replace(rule, declared=tuple(declared)) if momenta else rule


def _basis(w: Matrix, ring: Ring) -> Matrix:
    """An invertible P with P^(-1) W P lower triangular: its last column is an eigenvector."""
    size = len(w)
    if size == 1:
        return _unit(1, ring)
    vector = _eigenvector(w, ring)
    place = next(i for i, entry in enumerate(vector) if entry)
    unit = _unit(size, ring)
    kept = [unit[i] for i in range(size) if i != place]
    first = _transposed([*kept, vector])
    turned = _times(solve(first, unit), _times(w, first))
    rest = _basis([row[:-1] for row in turned[:-1]], ring)
    zero = ring.number(0)
    wide = [[*row, zero] for row in rest] + [[*([zero] * (size - 1)), ring.number(1)]]
    return _times(first, wide)


def _eigenvector(w: Matrix, ring: Ring) -> Vector:
    size = len(w)
    value = _eigenvalue(w, ring)
    rows = [[w[i][j] - value * (i == j) for j in range(size)] for i in range(size)]
    return _null_vector(rows, ring)


def _null_vector(rows: Matrix, ring: Ring) -> Vector:
    """A vector that the singular matrix sends to 0, by elimination."""
    rows, pivots = [list(row) for row in rows], list[int]()
    for column in range(len(rows)):
        done = len(pivots)
        pivot = next((r for r in range(done, len(rows)) if rows[r][column]), None)
        if pivot is None:
            found = [ring.number(0)] * len(rows)
            found[column] = ring.number(1)
            for row, place in enumerate(pivots):
                found[place] = -rows[row][column]
            return found
        rows[done], rows[pivot] = rows[pivot], rows[done]
        inverse = rows[done][column].inverse()
        rows[done] = [entry * inverse for entry in rows[done]]
        for r, row in enumerate(rows):
            if r != done and row[column]:
                factor = row[column]
                rows[r] = [a - factor * b for a, b in zip(row, rows[done], strict=True)]
        pivots.append(column)
    raise ArithmeticError("the matrix is not singular")


def _eigenvalue(w: Matrix, ring: Ring) -> Coefficient:
    """A root of det(kappa - W) in the field, from the factor that is linear in kappa."""
    polynomial = characteristic(w, ring)
    wide = polynomial.ring
    kappa = wide.parameters.index(KAPPA)
    _, factors = polynomial.reduced.numerator.factor()
    for factor, _ in factors:
        whole = Coefficient(wide, factor, wide.unit)
        if _degree(factor, kappa) == 1:
            at_zero = _without(whole, ring, 0)
            return at_zero / (at_zero - _without(whole, ring, 1))
    raise NoClosedForm(
        "the memory's eigenvalues are no rational functions of the parameters: they solve "
        f"{polynomial} = 0. Give a number for k, or numbers at which they are rational."
    )


def characteristic(w: Matrix, ring: Ring) -> Coefficient:
    """det(kappa - W), by the recurrence of Faddeev and LeVerrier, over the ring with kappa."""
    size = len(w)
    unit = _unit(size, ring)
    wide = ring.with_parameters(KAPPA)
    kappa = wide.parameter(KAPPA)
    total, product = kappa**size, unit
    for n in range(1, size + 1):
        product = _times(w, product)
        trace = sum((product[i][i] for i in range(size)), ring.number(0))
        c = trace / -n
        total = total + wide.from_expr(c.as_expr()) * kappa ** (size - n)
        product = [
            [p + c * e for p, e in zip(*rows, strict=True)]
            for rows in zip(product, unit, strict=True)
        ]
    return total


def _degree(polynomial: object, place: int) -> int:
    degrees = getattr(polynomial, "degrees", None)
    return int(degrees()[place]) if degrees else int(polynomial.degree())  # pyright: ignore[reportAttributeAccessIssue]


def _without(whole: Coefficient, ring: Ring, kappa: int) -> Coefficient:
    """The value at a number kappa, over the parameters alone."""
    expr = whole.as_expr().subs(KAPPA, kappa)
    return ring.from_expr(expr)


def _unit(size: int, ring: Ring) -> Matrix:
    return [[ring.number(int(i == j)) for j in range(size)] for i in range(size)]


def _transposed(rows: Matrix) -> Matrix:
    return [list(column) for column in zip(*rows, strict=True)]


def _times(left: Matrix, right: Matrix) -> Matrix:
    columns = list(zip(*right, strict=True))
    return [
        [sum((a * b for a, b in zip(row, column, strict=True)), row[0] * 0) for column in columns]
        for row in left
    ]
