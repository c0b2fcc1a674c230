"""A linear method without denominators, and how large its coefficients can get.

With R = (I - W)^(-1) the field x' of the modified flow, the map x(1) of one step and the memory m
are, at trees of n nodes, polynomials in the parameters over pole^(slope n - 1), and every Lie
derivative takes one power of the pole off. Stages have the denominator pole^(slope n), their forces
pole^(slope (n - 1)).

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), IX.9 and XV.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import factorial, lcm
from typing import Any

from flint import fmpq

from derive.engine.linear_memory import LinearMethod, Matrix, Vector
from derive.language.coefficients import Coefficient, Polynomial, Ring

Row = list[Any]
Rows = list[Row]


@dataclass(frozen=True)
class Cleared:
    """The normal form over polynomials; `v_inverse` is V (I - W)^(-1).

    V and W are divided by `divisor`, which is 1 but for rules such as m <- m - m/tau + ...
    """

    unit: Polynomial
    pole: Polynomial
    slope: int
    divisor: Polynomial
    u: Rows
    a: Rows
    v: Row
    b: Row
    w: Rows
    c: Rows
    inverse: Rows
    v_inverse: Row
    fields: tuple[int, ...]

    @staticmethod
    def of(method: LinearMethod) -> Cleared:
        ring, inverse = method.ring, method.memory_inverse
        v_inverse = [
            sum((v * inverse[i][j] for i, v in enumerate(method.v)), ring.number(0))
            for j in range(len(inverse))
        ]
        gradients: Matrix = [*method.a, *method.u, method.b, *method.c]
        pole = _common_denominator(ring, [*gradients, *inverse, v_inverse])
        divisor = _common_denominator(ring, [method.v, *method.w])
        slope = 2 if _common_denominator(ring, gradients) == ring.unit else 3

        def row(entries: Vector, factor: Polynomial) -> Row:
            return [_times(entry, factor) for entry in entries]

        def rows(matrix: Matrix, factor: Polynomial) -> Rows:
            return [row(entries, factor) for entries in matrix]

        return Cleared(
            ring.unit,
            pole,
            slope,
            divisor,
            u=rows(method.u, pole),
            a=rows(method.a, pole**slope),
            v=row(method.v, divisor),
            b=row(method.b, pole ** (slope - 1)),
            w=rows(method.w, divisor),
            c=rows(method.c, pole ** (slope - 2)),
            inverse=rows(inverse, pole),
            v_inverse=row(v_inverse, pole),
            fields=method.fields,
        )

    def map(self, change: Callable[[Polynomial], Any]) -> Cleared:
        def row(entries: Row) -> Row:
            return [*map(change, entries)]

        def rows(matrix: Rows) -> Rows:
            return [*map(row, matrix)]

        return replace(
            self,
            unit=change(self.unit),
            pole=change(self.pole),
            divisor=change(self.divisor),
            u=rows(self.u),
            a=rows(self.a),
            v=row(self.v),
            b=row(self.b),
            w=rows(self.w),
            c=rows(self.c),
            inverse=rows(self.inverse),
            v_inverse=row(self.v_inverse),
        )

    def entries(self) -> Iterable[Polynomial]:
        yield from (self.pole, self.divisor, *self.v, *self.b, *self.v_inverse)
        for matrix in (self.u, self.a, self.w, self.c, self.inverse):
            yield from (entry for entries in matrix for entry in entries)

    def coloured(self, colour: int) -> Cleared:
        """Only with the forces of this field; at a root of its colour the others vanish."""
        mine = [r for r, field in enumerate(self.fields) if field == colour]

        def rows(matrix: Rows) -> Rows:
            return [[entries[r] for r in mine] for entries in matrix]

        (b,) = rows([self.b])
        return replace(self, a=rows(self.a), b=b, c=rows(self.c), fields=tuple(mine))

    def largest_coefficient(self, order: int) -> fmpq:
        """A bound on the coefficients of lcm(1, ..., n) x', x(1) and m, n <= order nodes of a tree.

        The norm of a polynomial, the sum of the sizes of its coefficients, is submultiplicative. By

            x' = x(1) - sum_(j>=2) D^(j-1) x'/j!,    m = R (C F - sum_(j>=1) D^j m/j!)

        the largest norm at n nodes follows from those below: a Lie derivative D is a sum over the
        n - 1 edges of a tree, forces are products over its branches.
        """
        sizes = self.map(_norm)
        flow, largest = [fmpq(0)], fmpq(1)
        x_powers: Rows = [[]]
        memory_powers: list[Rows] = [[[]] for _ in sizes.w]
        stages: Rows = [[fmpq(0)] for _ in sizes.a]
        forests: Rows = [[fmpq(1)] for _ in sizes.a]

        def derivatives(powers: Rows, n: int) -> Row:
            """D p, D^2 p, ... at n nodes, from p, D p, ... at fewer."""
            return [
                max(flow[n - s] * powers[s][j] * (n - 1) for s in range(1, n) if j < len(powers[s]))
                for j in range(n - 1)
            ]

        def over_factorials(values: Row, first: int) -> fmpq:
            terms = (v * sizes.pole**j / factorial(first + j) for j, v in enumerate(values))
            return sum(terms, fmpq(0))

        for n in range(1, order + 1):
            forces = [products[n - 1] for products in forests]
            x_higher = derivatives(x_powers, n)
            m_higher = [derivatives(powers, n) for powers in memory_powers]
            pushes = [
                _dot(row, forces) + over_factorials(higher, 1)
                for row, higher in zip(sizes.c, m_higher, strict=True)
            ]
            memory = [_dot(row, pushes) for row in sizes.inverse]
            step = _dot(sizes.v_inverse, pushes) + _dot(sizes.b, forces)
            flow.append(step + sizes.pole * over_factorials(x_higher, 2))
            x_powers.append([flow[n], *x_higher])
            for powers, own, higher in zip(memory_powers, memory, m_higher, strict=True):
                powers.append([own, *higher])
            for r, values in enumerate(stages):
                values.append(_dot(sizes.u[r], memory) + _dot(sizes.a[r], forces))
                products = (values[s] * forests[r][n - s] for s in range(1, n + 1))
                forests[r].append(max(products))
            largest = max(largest, flow[n] * lcm(*range(1, n + 1)), step, *memory)
        return largest


def _dot(row: Row, column: Row) -> Any:
    return sum((a * b for a, b in zip(row, column, strict=True)), fmpq(0))


def _norm(polynomial: Polynomial) -> fmpq:
    return sum(map(abs, polynomial.coeffs()), fmpq(0))


def _times(entry: Coefficient, polynomial: Polynomial) -> Polynomial:
    product = Coefficient(entry.ring, entry.numerator * polynomial, entry.denominator).reduced
    if product.denominator != entry.ring.unit:
        raise ArithmeticError(f"{entry} times {polynomial} is no polynomial")
    return product.numerator


def _common_denominator(ring: Ring, rows: Matrix) -> Polynomial:
    """With integer coefficients if there is one parameter."""
    common = ring.unit
    for entry in (entry.reduced for row in rows for entry in row):
        if ring.parameters and entry.denominator != ring.unit:
            common = common * (entry.denominator // common.gcd(entry.denominator))
    return common * common.denom() if len(ring.parameters) == 1 else common
