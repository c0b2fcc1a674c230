"""Products and quotients of power series in h, as lists of coefficients cut off after some power.

A list c stands for c_0 + c_1 h + ... + c_(n-1) h^(n-1) + O(h^n), n = len(c).
"""

from __future__ import annotations

from derive.engine.component_ring import Element, NoExpansion

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
