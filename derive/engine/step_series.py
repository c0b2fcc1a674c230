"""Power series in the step size whose coefficients are component expressions.

An update rule runs on them as it is written: ordinary arithmetic, and NumPy's functions through
NumPy's own protocols. Each series knows how many of its coefficients are right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Never, NoReturn

from flint import fmpq

from derive.engine import functions
from derive.engine.component_ring import Element, NoExpansion
from derive.engine.truncated import Truncated, convolved, number_of
from derive.engine.vectors import Algebra
from derive.language.coefficients import exact


class Series(Truncated):
    """c_0 + c_1 h + ... + c_(n-1) h^(n-1) + O(h^n), n = len(coefficients)."""

    __slots__ = ()

    def _refuse(self, *_: Never) -> NoReturn:
        raise NoExpansion("the rule takes a state apart into entries; write it with whole vectors.")

    __getitem__ = __setitem__ = __iter__ = _refuse

    def __len__(self) -> int:
        raise TypeError("a state of an update rule is a number, not a sequence")

    def __pow__(self, exponent: object) -> Series:
        value = number_of(exponent)
        if isinstance(value, Series):
            if any(value.coefficients[1:]) or not value.coefficients[0].num.is_constant():
                return power(self, value)
            value = (
                fmpq(value.coefficients[0].num.leading_coefficient())
                if value.coefficients[0]
                else 0
            )
        if isinstance(value, Element):
            return power(self, constant(self.algebra, value, self.length))
        if self.algebra.coerce(value) is None:
            return NotImplemented
        number = exact(value)  # pyright: ignore[reportArgumentType]
        if number.q != 1:
            return rational_power(self, int(number.p), int(number.q))
        whole = int(number.p)
        base = self if whole >= 0 else 1 / self
        result = constant(self.algebra, self.algebra.number(1), self.length)
        for bit in bin(abs(whole))[2:]:
            result = result * result
            if bit == "1":
                result = result * base
        return result

    def __rpow__(self, base: object) -> Series:
        left = self.constant(base)
        return NotImplemented if left is None else power(left, self)

    def __abs__(self) -> Series:
        return absolute(self)

    def __pos__(self) -> Series:
        return self

    def __matmul__(self, other: object) -> Series:
        right = self.constant(other)
        return NotImplemented if right is None else inner(self, right)

    def __eq__(self, other: object) -> bool:
        right = self.constant(other)
        return right is not None and not any((self - right).coefficients)

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def _compared(self, other: object) -> bool:
        """An order is known between plain numbers only."""
        gap = self - other
        if not isinstance(gap, Series) or any(gap.coefficients[1:]) or gap.coefficients[0].symbols:
            raise NoExpansion(
                "the rule branches on the size of a state or a parameter; write np.maximum, "
                "np.minimum, np.clip, abs or np.sign, or two rules."
            )
        return gap.coefficients[0].num.leading_coefficient() < 0 if gap.coefficients[0] else False

    __lt__ = _compared

    def __gt__(self, other: object) -> bool:
        return -self < -constant_of(self, other)

    def __le__(self, other: object) -> bool:
        return not self > other

    def __ge__(self, other: object) -> bool:
        return not self < other

    def __bool__(self) -> bool:
        return self != 0

    @property
    def T(self) -> Series:  # noqa: N802 (NumPy's name)
        return self

    def copy(self) -> Series:
        return self

    def dot(self, other: object) -> Series:
        return self @ other

    def sum(self) -> Series:
        return total(self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if any(self.constant(v) is None and hasattr(v, "__array_ufunc__") for v in inputs):
            return NotImplemented
        if method != "__call__" or options or ufunc.__name__ not in _UFUNCS:
            raise NoExpansion(f"the rule uses np.{ufunc.__name__}, which is not known here; {USE}.")
        return _UFUNCS[ufunc.__name__](*(constant_of(self, value) for value in inputs))

    def __array_function__(
        self, function: Any, types: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        name = function.__name__
        if name not in _FUNCTIONS:
            raise NoExpansion(f"the rule uses np.{name}, which is not known here; {USE}.")
        return _FUNCTIONS[name](*args, **kwargs)


USE = (
    "use + - * / **, abs, np.sqrt, np.cbrt, np.sign, np.exp, np.log, np.tanh, np.maximum, "
    "np.minimum, np.clip, np.linalg.norm, np.vdot, np.sum"
)


def constant(algebra: Algebra, element: Element, length: int) -> Series:
    """A series that does not depend on h."""
    return Series(algebra, [element] + [algebra.zero] * (length - 1))


def constant_of(like: Series, value: object) -> Series:
    """A number as a series of the same kind."""
    found = like.constant(value)
    if found is None:
        raise NoExpansion(f"the rule combines a state with {value!r}, which is no number.")
    return found


def _solution(b: Series, first: Element, slope: Callable[[Series], Series]) -> Series:
    """y with y = first at h = 0 and dy = slope(y) db, coefficient by coefficient."""
    algebra = b.algebra
    speed = [c * n for n, c in enumerate(b.coefficients)][1:]
    y = [first]
    for n in range(1, b.length):
        rate = convolved(slope(Series(algebra, y)).coefficients, speed, n - 1, algebra.zero)
        y.append(rate * fmpq(1, n))
    return Series(algebra, y)


def rational_power(base: Series, p: int, q: int) -> Series:
    """base^(p/q): of y^q = base the p-th power."""
    first = functions.root(base.coefficients[0], q)
    if not any(base.coefficients[1:]):
        return constant(base.algebra, first, base.length) ** p
    inverse = (first**q).inverse() if base.coefficients[0] else base.coefficients[0]
    unit = Series(base.algebra, [c * inverse for c in base.coefficients])
    one = base.algebra.number(1)
    grown = _solution(unit, one, lambda y: y * Fraction(p, q) / _cut(unit, y.length))
    return grown * first**p


def _cut(series: Series, length: int) -> Series:
    return Series(series.algebra, series.coefficients[:length])


def power(base: Series, exponent: Series) -> Series:
    """base^exponent for a positive base and an exponent that may be any expression."""
    if any(exponent.coefficients[1:]):
        return exp(exponent * elementary("log", base))
    first = functions.power(base.coefficients[0], exponent.coefficients[0])
    return _solution(base, first, lambda y: y * exponent.coefficients[0] / _cut(base, y.length))


def elementary(name: str, b: Series) -> Series:
    """exp, log, tanh, sin or cos."""
    if name in {"sin", "cos"}:
        return _circular(name, b)
    first = functions.elementary(name, b.coefficients[0])
    slopes: dict[str, Callable[[Series], Series]] = {
        "exp": lambda y: y,
        "log": lambda y: 1 / _cut(b, y.length),
        "tanh": lambda y: 1 - y * y,
    }
    if not any(b.coefficients[1:]):
        return constant(b.algebra, first, b.length)
    return _solution(b, first, slopes[name])


def _circular(name: str, b: Series) -> Series:
    """sin or cos, from those of the first coefficient and the series of the rest."""
    sine = functions.elementary("sin", b.coefficients[0])
    cosine = functions.elementary("cos", b.coefficients[0])
    rest = b - b.coefficients[0]
    terms = constant(b.algebra, b.algebra.number(1), b.length)
    even, odd = terms, terms * 0
    for n in range(1, b.length):
        terms = terms * rest * fmpq(1, n)
        signed = terms * (-1 if n % 4 > 1 else 1)
        even, odd = (even, odd + signed) if n % 2 else (even + signed, odd)
    return even * sine + odd * cosine if name == "sin" else even * cosine - odd * sine


def sign(a: Series) -> Series:
    """The sign, that of the leading coefficient."""
    return constant(a.algebra, functions.sign(a.coefficients[0]), a.length)


def absolute(a: Series) -> Series:
    """The size, away from a change of sign."""
    return sign(a) * a


def exp(a: Series) -> Series:
    """The exponential."""
    return elementary("exp", a)


def sqrt(a: Series) -> Series:
    """The square root."""
    return rational_power(a, 1, 2)


def maximum(a: Series, b: Series) -> Series:
    """The larger of two, away from ties."""
    gap = a - b
    if not any(gap.coefficients):
        return a
    if not gap.coefficients[0]:
        raise NoExpansion(
            "the rule takes the larger or smaller of two values that are equal as h tends to 0, "
            f"{a.coefficients[0]!r}, with a field's name for its value: at such a tie it has a "
            "corner and no expansion in h. Keep one of the two."
        )
    return (a + b + _size(gap)) * fmpq(1, 2)


def minimum(a: Series, b: Series) -> Series:
    """The smaller of two, away from ties."""
    return -maximum(-a, -b)


def _size(gap: Series) -> Series:
    """|gap| where its first coefficient is not 0."""
    first = functions.absolute(gap.coefficients[0])
    if not any(gap.coefficients[1:]):
        return constant(gap.algebra, first, gap.length)
    return sign(gap) * gap


def total(a: Series) -> Series:
    """The sum over components."""
    return Series(a.algebra, [a.algebra.total(c) for c in a.coefficients])


def inner(a: Series, b: Series) -> Series:
    """The inner product."""
    return total(a * b)


def _norm(a: Series, ord: object = None, **options: object) -> Series:
    if options or ord not in {None, 1, 2}:
        raise NoExpansion("of norms the engine knows np.linalg.norm(v), and with ord 1 or 2.")
    if ord == 1:
        return total(_size(a))
    named = Series(a.algebra, [a.algebra.named(a.coefficients[0]), *a.coefficients[1:]])
    return sqrt(inner(named, named))


def _clip(a: Any, low: Any = None, high: Any = None, **options: Any) -> Any:
    low, high = options.get("a_min", low), options.get("a_max", high)
    like = next(value for value in (a, low, high) if isinstance(value, Series))
    inside = constant_of(like, a)
    if low is None:
        return inside if high is None else minimum(inside, constant_of(like, high))
    low = constant_of(like, low)
    if high is None:
        return maximum(inside, low)
    high = constant_of(like, high)
    return (low + high + _size(inside - low) - _size(inside - high)) * fmpq(1, 2)


def _two(a: Any, b: Any) -> Series:
    like = a if isinstance(a, Series) else b
    return inner(constant_of(like, a), constant_of(like, b))


_UFUNCS: dict[str, Callable[..., Series]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "true_divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
    "negative": lambda a: -a,
    "positive": lambda a: a,
    "square": lambda a: a * a,
    "reciprocal": lambda a: 1 / a,
    "sqrt": sqrt,
    "cbrt": lambda a: rational_power(a, 1, 3),
    "absolute": absolute,
    "fabs": absolute,
    "sign": sign,
    "exp": exp,
    "expm1": lambda a: exp(a) - 1,
    "log": lambda a: elementary("log", a),
    "log1p": lambda a: elementary("log", 1 + a),
    "tanh": lambda a: elementary("tanh", a),
    "sin": lambda a: elementary("sin", a),
    "cos": lambda a: elementary("cos", a),
    "maximum": maximum,
    "fmax": maximum,
    "minimum": minimum,
    "fmin": minimum,
    "vecdot": inner,
    "matmul": inner,
}

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "norm": _norm,
    "vdot": _two,
    "dot": _two,
    "inner": _two,
    "clip": _clip,
    "sum": total,
    "zeros_like": lambda a: a * 0,
    "ones_like": lambda a: a * 0 + 1,
    "copy": lambda a: a,
}
