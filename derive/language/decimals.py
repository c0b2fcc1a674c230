"""Which number did the author of a rule write? 0.9 is 9/10, 1 - 0.9 is 1/10, 1/3 a third.

A float is what is left of it: Python keeps 53 bits, and adds up constants before a rule runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from math import isfinite
from types import CellType, CodeType, FunctionType
from typing import Any

from flint import fmpq, fmpz

from derive.language.bad_input import BadInput

ULP = Fraction(1, 2**52)
"""How far a sum or product of constants of size 1 may be off by rounding."""
WRITTEN_DIGITS, PLACES, DENOMINATORS = 15, 12, 1000


def decimal(value: float) -> Fraction:
    """The number that was written, where Python holds this float.

    A float of at most 15 digits is taken as it prints: two such decimals are never the same float.
    One of more digits came out of arithmetic or a division: it is the decimal of fewest places, or
    the fraction of denominator up to 1000, that rounding alone separates from it, if there is one.
    (A division may give 13 to 15 digits: then the fraction is the one that gives this very float.)

    Raises:
        ValueError: it is infinite or not a number.

    >>> decimal(0.9), decimal(1 - 0.9), decimal(1 / 3), decimal(0.1 + 0.2)
    (Fraction(9, 10), Fraction(1, 10), Fraction(1, 3), Fraction(3, 10))
    """
    text = float.__repr__(value)
    try:
        printed = Fraction(text)
    except ValueError:
        raise ValueError(f"{text} is not a rational number; write 9/10 or 0.9.") from None
    digits = text.lstrip("-").partition("e")[0].replace(".", "").strip("0")
    fraction = printed.limit_denominator(DENOMINATORS)
    if len(digits) <= WRITTEN_DIGITS:
        return fraction if len(digits) > PLACES and float(fraction) == value else printed
    off = min(ULP * max(1, abs(printed)), abs(printed) / 10**9)
    near = (round(printed, places) for places in range(PLACES + 1))
    simple = (*near, fraction)
    return next((Fraction(number) for number in simple if abs(number - printed) <= off), printed)


def _foreign(value: object) -> bool:
    """Of a library whose numbers take integers, but no fractions of ours."""
    return type(value).__module__.partition(".")[0] in ("flint", "gmpy2", "numpy")


def _operation(exactly: Callable[..., Any], on_numbers: Callable[[Any, Any], Any]) -> Any:
    def operation(self: Fraction, other: Any) -> Any:
        if isinstance(other, float):
            other = decimal(other)
        if _foreign(other):
            return on_numbers((other * 0 + self.numerator) / self.denominator, other)
        found = exactly(self, other)
        return Written(found) if isinstance(found, Fraction) else found

    return operation


class Written(Fraction):
    """A rational number of a rule; works with numbers that take integers and know no fractions."""

    __slots__ = ()

    __add__ = _operation(Fraction.__add__, lambda own, other: own + other)
    __radd__ = _operation(Fraction.__radd__, lambda own, other: other + own)
    __sub__ = _operation(Fraction.__sub__, lambda own, other: own - other)
    __rsub__ = _operation(Fraction.__rsub__, lambda own, other: other - own)
    __mul__ = _operation(Fraction.__mul__, lambda own, other: own * other)
    __rmul__ = _operation(Fraction.__rmul__, lambda own, other: other * own)
    __truediv__ = _operation(Fraction.__truediv__, lambda own, other: own / other)
    __rtruediv__ = _operation(Fraction.__rtruediv__, lambda own, other: other / own)

    def __neg__(self) -> Written:
        return Written(-self.numerator, self.denominator)

    def __abs__(self) -> Written:
        return Written(abs(self.numerator), self.denominator)

    def __pow__(self, exponent: Any, _: Any = None) -> Any:
        if isinstance(exponent, float):
            exponent = decimal(exponent)
        if not isinstance(exponent, int | Fraction):
            return NotImplemented
        return _power(Fraction(self), Fraction(exponent))

    def __rpow__(self, base: Any, _: Any = None) -> Any:
        return _power(base, Fraction(self))

    def sqrt(self) -> Any:
        """What NumPy's sqrt asks for."""
        return self ** Fraction(1, 2)


def _power(base: Any, exponent: Fraction) -> Any:
    top, bottom = exponent.numerator, exponent.denominator
    if isinstance(base, int | Fraction):
        root = rational_root(Fraction(base), bottom)
        return float(base) ** float(exponent) if root is None else Written(root**top)
    if bottom == 1:
        return base**top
    if isinstance(base, fmpq):
        return root_of(base, bottom) ** top
    return base ** ((base * 0 + top) / bottom) if _foreign(base) else NotImplemented


def root_of(value: fmpq, degree: int) -> fmpq:
    """The positive root; BadInput where it is not rational."""
    root = rational_root(Fraction(int(value.p), int(value.q)), degree)
    if root is None:
        raise BadInput(
            f"the rule takes a root of {value}, which is not rational; give a number whose root "
            "is one (such as 1/4), or declare the root as a parameter of its own."
        )
    return fmpq(root.numerator, root.denominator)


def rational_root(value: Fraction, degree: int) -> Fraction | None:
    """The positive root where it is rational.

    >>> rational_root(Fraction(8, 27), 3), rational_root(Fraction(2), 2)
    (Fraction(2, 3), None)
    """
    if degree == 1:
        return value
    if value < 0:
        return None
    root = Fraction(*(int(fmpz(part).root(degree)) for part in value.as_integer_ratio()))
    return root if root**degree == value else None


def in_decimals(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with the decimals that were written in the place of its floats.

    Those are the constants of its code, the values it has taken from its module and from the
    functions around it, and its defaults; likewise in the functions of its module that it calls.
    A function without any is returned as it is.
    """
    return _written(function, {})


def _written(value: Any, known: dict[int, Any]) -> Any:
    if isinstance(value, float):
        return Written(decimal(value)) if isfinite(value) else value
    if type(value) is tuple:
        found = tuple(_written(entry, known) for entry in value)
        return value if _same(found, value) else found
    if isinstance(value, CodeType):
        constants = _written(value.co_consts, known)
        return value if constants is value.co_consts else value.replace(co_consts=constants)
    if isinstance(value, FunctionType):
        if id(value) not in known:
            known[id(value)] = value
            known[id(value)] = _function(value, known)
        return known[id(value)]
    return value


def _function(function: FunctionType, known: dict[int, Any]) -> FunctionType:
    module, cells = function.__globals__, function.__closure__ or ()
    used = {name: module[name] for name in _names(function.__code__) if name in module}
    own = {n: v for n, v in used.items() if getattr(v, "__globals__", module) is module}
    held = tuple(_content(cell) for cell in cells)
    keywords = function.__kwdefaults__ or {}
    before = (function.__code__, function.__defaults__, held, *own.values(), *keywords.values())
    after = tuple(_written(value, known) for value in before)
    if _same(before, after):
        return function
    code, defaults, contents, *named = after
    changed = {**module, **dict(zip(own, named, strict=False))}
    closure = tuple(map(CellType, contents)) if cells else None
    found = FunctionType(code, changed, function.__name__, defaults, closure)
    found.__kwdefaults__ = dict(zip(keywords, named[len(own) :], strict=True)) or None
    return found


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _content(cell: CellType) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _same(left: Iterable[Any], right: Iterable[Any]) -> bool:
    return all(a is b for a, b in zip(left, right, strict=True))
