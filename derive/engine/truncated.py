"""Sums, products and quotients of power series in h that are cut off after some power.

A list c stands for c_0 + c_1 h + ... + c_(n-1) h^(n-1) + O(h^n), n = len(c).
"""

from __future__ import annotations

from typing import Self

from derive.engine.component_ring import Element, NoExpansion
from derive.engine.vectors import Algebra

Coefficients = list[Element]


def convolved(a: Coefficients, b: Coefficients, n: int, zero: Element) -> Element:
    """a_0 b_n + a_1 b_(n-1) + ..., as far as both lists reach."""
    pairs = ((a[i], b[n - i]) for i in range(max(0, n - len(b) + 1), min(n + 1, len(a))))
    return sum((left * right for left, right in pairs if left and right), zero)


def product(a: Coefficients, b: Coefficients, zero: Element) -> Coefficients:
    """a b, right as far as the shorter one is."""
    return [convolved(a, b, n, zero) for n in range(min(len(a), len(b)))]


def quotient(a: Coefficients, b: Coefficients, zero: Element) -> Coefficients:
    """a / b; every power of h in front of b costs a coefficient.

    Raises:
        ZeroDivisionError: b is 0 as far as it is known.
        NoExpansion: b tends to 0 with h faster than a.
    """
    lost = next((n for n, c in enumerate(b) if c), len(b))
    if lost == len(b):
        raise ZeroDivisionError("division by 0")
    if any(a[:lost]):
        raise NoExpansion(
            "the rule divides by something that tends to 0 with h; scale the state, or divide by "
            "a power of h less."
        )
    top, bottom = a[lost:], b[lost:]
    inverse = bottom[0].inverse()
    found: Coefficients = []
    for n in range(min(len(top), len(bottom))):
        found.append((top[n] - convolved(found, bottom, n, zero)) * inverse)
    return found


class Truncated:
    """c_0 + c_1 h + ... + c_(n-1) h^(n-1) + O(h^n), n = len(coefficients)."""

    __slots__ = ("algebra", "coefficients")

    def __init__(self, algebra: Algebra, coefficients: Coefficients) -> None:
        self.algebra = algebra
        self.coefficients = coefficients

    @property
    def length(self) -> int:
        return len(self.coefficients)

    def constant(self, value: object) -> Self | None:
        """A number or an element as a series of this length."""
        element = self.algebra.coerce(number_of(value))
        if element is None:
            return value if isinstance(value, type(self)) else None
        return self._with([element] + [self.algebra.zero] * (self.length - 1))

    def _with(self, coefficients: list[Element]) -> Self:
        return type(self)(self.algebra, coefficients)

    def __add__(self, other: object) -> Self:
        if (right := self.constant(other)) is None:
            return NotImplemented
        pairs = zip(self.coefficients, right.coefficients, strict=False)
        return self._with([a + b for a, b in pairs])

    def __neg__(self) -> Self:
        return self._with([-c for c in self.coefficients])

    def __sub__(self, other: object) -> Self:
        if (right := self.constant(other)) is None:
            return NotImplemented
        return self + -right

    def __rsub__(self, other: object) -> Self:
        return -self + other

    def __mul__(self, other: object) -> Self:
        if (right := self.constant(other)) is None:
            return NotImplemented
        return self._with(product(self.coefficients, right.coefficients, self.algebra.zero))

    def __truediv__(self, other: object) -> Self:
        if (right := self.constant(other)) is None:
            return NotImplemented
        return self._over(right)

    def _over(self, other: Self) -> Self:
        return self._with(quotient(self.coefficients, other.coefficients, self.algebra.zero))

    def __rtruediv__(self, other: object) -> Self:
        if (left := self.constant(other)) is None:
            return NotImplemented
        return left._over(self)

    __radd__ = __add__
    __rmul__ = __mul__


def number_of(value: object) -> object:
    """NumPy's scalars, and arrays of one number, as Python's numbers; as printed, if not double."""
    if getattr(value, "dtype", None) in ("float32", "float16") and not getattr(value, "ndim", 1):
        return float(str(value))
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value  # pyright: ignore[reportAttributeAccessIssue]
