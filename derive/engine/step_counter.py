"""The number of the step in an update rule: what is left of it in the long run.

Powers such as beta^k fade. Everything else is read with k = t/h, the time t being a slow variable:
1/(k + 1) is h/(t + h).
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, NoReturn

from flint import fmpq

from derive.engine.component_ring import Element, NoExpansion
from derive.engine.step_series import Series
from derive.language.coefficients import exact


class NeedsTime(NoExpansion):
    """The number of the step is used otherwise than in powers that fade: the time is a state."""


class StepNumber:
    """numerator/h^power, a multiple of k = t/h plus a number and so on; t is None in a first try.

    Operations give a series as soon as no power of h is left below.

    Args:
        offset, fading: of k + offset in a start-up, whose powers base^k are given by a function.
    """

    def __init__(
        self,
        numerator: Series | None,
        h: Series,
        power: int = 1,
        *,
        offset: fmpq | int = 0,
        fading: Callable[[Element], Element] | None = None,
    ) -> None:
        self.numerator = numerator
        self.h = h
        self.power = power
        self.offset = offset
        self.fading = fading

    def _timed(self) -> Series:
        if self.numerator is None:
            raise NeedsTime(
                "the rule uses the number of the step otherwise than in a power such as beta**k, "
                "which fades: let it be a function of the time t = kh, as in h/(t + h) for "
                "1/(k + 1), or declare a schedule."
            )
        return self.numerator

    def _made(self, numerator: Series, power: int) -> Any:
        """numerator/h^power in lowest terms."""
        while power > 0 and not numerator.coefficients[0] and numerator.length > 1:
            numerator = Series(numerator.algebra, numerator.coefficients[1:])
            power -= 1
        return StepNumber(numerator, self.h, power) if power > 0 else numerator * self.h**-power

    def _parts(self, other: object) -> tuple[Series, int] | None:
        if isinstance(other, StepNumber):
            return other._timed(), other.power
        found = self.h.constant(other)
        return None if found is None else (found, 0)

    def __add__(self, other: object) -> Any:
        if self.numerator is None and isinstance(other, int | float | Fraction | fmpq):
            offset = self.offset + exact(other)
            return StepNumber(None, self.h, offset=offset, fading=self.fading)
        if (right := self._parts(other)) is None:
            return NotImplemented
        top, power = max(self.power, right[1]), right[1]
        here = self._timed() * self.h ** (top - self.power)
        return self._made(here + right[0] * self.h ** (top - power), top)

    __radd__ = __add__

    def __neg__(self) -> Any:
        return self * -1

    def __sub__(self, other: object) -> Any:
        return self + -other  # pyright: ignore[reportOperatorIssue]

    def __rsub__(self, other: object) -> Any:
        return -self + other

    def __mul__(self, other: object) -> Any:
        if (right := self._parts(other)) is None:
            return NotImplemented
        return self._made(self._timed() * right[0], self.power + right[1])

    __rmul__ = __mul__

    def __truediv__(self, other: object) -> Any:
        if (right := self._parts(other)) is None:
            return NotImplemented
        return self._over(self._timed(), self.power, *right)

    def __rtruediv__(self, other: object) -> Any:
        if (left := self._parts(other)) is None:
            return NotImplemented
        return self._over(*left, self._timed(), self.power)

    def _over(self, top: Series, above: int, bottom: Series, below: int) -> Any:
        """(top/h^above)/(bottom/h^below)."""
        common = min(above, below)
        quotient = top * self.h ** (below - common) / bottom
        return self._made(quotient, above - common)

    def __pow__(self, exponent: object) -> Any:
        if not isinstance(exponent, int) or exponent < 1:
            self._refuse()
        result: Any = self
        for _ in range(exponent - 1):
            result = result * self
        return result

    def __rpow__(self, base: object) -> Series:
        """A power that fades: 0 in the long run, base^k times base^offset where k is followed."""
        if isinstance(base, int | float | Fraction | fmpq) and not abs(base) < 1:
            raise NoExpansion(f"the rule takes {base} to the power of the step, which never fades.")
        if self.fading is None:
            return self.h * 0
        like = self.h.constant(base)
        if like is None or any(like.coefficients[1:]):
            return self._refuse()
        power = self.fading(like.coefficients[0])
        return like ** Fraction(int(exact(self.offset).p), int(exact(self.offset).q)) * power

    def _refuse(self, *_: object) -> NoReturn:
        self._timed()
        raise NoExpansion(
            "the rule takes a function of the number of the step that is no quotient of "
            "polynomials; let it be a function of the time t = kh, declared as a schedule."
        )

    def _compared(self, other: object, *, above: bool) -> bool:
        """In the long run the number of the step is larger than any number."""
        if isinstance(other, int | float | Fraction | fmpq):
            return above
        return self._refuse()

    def __lt__(self, other: object) -> bool:
        return self._compared(other, above=False)

    def __gt__(self, other: object) -> bool:
        return self._compared(other, above=True)

    __le__, __ge__ = __lt__, __gt__
    __mod__ = __floordiv__ = __abs__ = _refuse

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options or ufunc.__name__ not in _UFUNCS:
            self._refuse()
        return _UFUNCS[ufunc.__name__](*(_plain(value) for value in inputs))


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's, so that they leave the operation to the other side."""
    return value.item() if getattr(value, "ndim", None) == 0 and hasattr(value, "item") else value


_UFUNCS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "true_divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
    "float_power": lambda a, b: a**b,
    "negative": lambda a: -a,
    "square": lambda a: a * a,
    "reciprocal": lambda a: 1 / a,
    "minimum": lambda a, b: b if a > b else a,
    "maximum": lambda a, b: a if a > b else b,
}
