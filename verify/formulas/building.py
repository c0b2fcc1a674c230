"""What SymPy may be asked to build from pieces of a formula: measured before it can grow.

SymPy multiplies out numbers, powers and binomials as it builds, and asks whether powers and
functions of symbols are real, zero or periodic; a short text can keep it busy for hours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy

from verify.formulas.grammar import Piece
from verify.formulas.tokens import Unreadable

MOST_DIGITS = 200
MOST_DIGITS_COMPUTED = 4_000
LARGEST_EXPONENT = 1_000
LARGEST_FACTORIAL = 10_000
MOST_TERMS_SIMPLIFIED = 60


def power(piece: Piece, base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    """base**exponent, if it stays small; `piece` is what a message is about."""
    if base == 0 and isinstance(exponent, sympy.Rational) and exponent < 0:
        raise piece.wrong("divides by zero; write another divisor")
    if is_number(exponent):
        size = _size(piece, exponent)
        if size > LARGEST_EXPONENT or getattr(exponent, "q", 1) > LARGEST_EXPONENT:
            raise piece.wrong(
                f"is an exponent beyond {LARGEST_EXPONENT}; write a smaller one or a name"
            )
        _afford(piece, _bits(base) * size)
    if not exponent.is_Integer and _bits(base) > MOST_DIGITS * math.log2(10) + 1:
        raise piece.wrong("root of large")
    return _finite(piece, built(sympy.Pow, base, exponent))


def is_number(expr: sympy.Expr) -> bool:
    """Whether no symbol is left."""
    return not _free(expr)


def _free(expr: sympy.Basic) -> set[sympy.Basic]:
    """The free symbols; SymPy's own method works out the sums, which may take long."""
    if isinstance(expr, sympy.Symbol):
        return {expr}
    if not isinstance(expr, sympy.Sum):
        return set[sympy.Basic]().union(*map(_free, expr.args))
    body, *limits = expr.args
    free = _free(body)
    for index, low, high in (limit.args for limit in limits):
        free = free - {index} | _free(low) | _free(high)
    return free


def _size(piece: Piece, number: sympy.Expr) -> sympy.Expr:
    """The absolute value of an exponent without symbols."""
    if isinstance(number, sympy.Rational):
        return abs(number)
    value = sympy.nan if number.has(sympy.Abs, sympy.Sum) else number.evalf(15)
    if not value.is_Float:
        raise piece.wrong("is an exponent whose value is not clear; write it as a number")
    return abs(value)


def _bits(expr: sympy.Expr) -> Any:
    """How many bits the numbers have that SymPy multiplies out when it takes a power."""
    if isinstance(expr, sympy.Rational):
        return max(expr.p.bit_length(), expr.q.bit_length())
    if isinstance(expr, sympy.Mul):
        return sum(_bits(factor) for factor in expr.args)
    if isinstance(expr, sympy.Pow) and isinstance(expr.exp, sympy.Rational):
        return _bits(expr.base) * max(1, abs(expr.exp))
    return 0


def _afford(piece: Piece, bits: Any) -> None:
    if bits > MOST_DIGITS_COMPUTED * math.log2(10):
        raise piece.wrong(
            f"leads to a number of more than {MOST_DIGITS_COMPUTED} digits; write it smaller"
        )


def _finite(piece: Piece, expr: sympy.Expr) -> sympy.Expr:
    if expr in (sympy.zoo, sympy.nan, sympy.oo, -sympy.oo):
        raise piece.wrong("leads to infinity; a formula has to be finite")
    return expr


def built(kind: Callable[..., sympy.Expr], *parts: sympy.Expr) -> sympy.Expr:
    """The parts put together, simplified as SymPy does where that is sure to be quick.

    SymPy asks whether powers and functions of symbols are real, zero or periodic, and to find out
    it may multiply out everything in them.
    """
    written = kind(*parts, evaluate=False)
    return written if is_slow(written) else kind(*parts)


def is_slow(expr: sympy.Expr) -> bool:
    """Whether SymPy would take long over it."""
    terms = _terms(expr)
    many = terms > MOST_TERMS_SIMPLIFIED and expr.has(sympy.Function, sympy.Sum)
    return many or terms == math.inf


def _terms(expr: sympy.Expr) -> float:
    """About how many terms the expression has when it is multiplied out and split at i."""
    if not expr.args:
        return 1
    counts = [_terms(argument) for argument in expr.args]
    if isinstance(expr, sympy.Add):
        return sum(counts)
    if isinstance(expr, sympy.Mul):
        return min(math.prod(counts), _MANY) if math.inf not in counts else math.inf
    if math.inf in counts or any(argument.has(sympy.Sum) for argument in expr.args):
        return math.inf
    factor = 3 if isinstance(expr, sympy.Function) else 1
    if not isinstance(expr, sympy.Pow | sympy.exp):
        return min(factor * math.prod(counts), _MANY)
    rooted = isinstance(expr, sympy.Pow) and not expr.exp.is_Integer
    if rooted and counts[0] > MOST_TERMS_SIMPLIFIED:
        return math.inf
    degrees = (abs(term.as_coeff_Mul()[0]) for term in sympy.Add.make_args(expr.exp))
    degree = min(math.ceil(max(degrees)), 100)
    terms = int(min(max(counts[0], 2), 100)) if isinstance(expr, sympy.Pow) else 2
    return min(math.comb(degree + terms - 1, terms - 1) * counts[-1] * factor, _MANY)


_MANY = 1_000_000


def function(piece: Piece, arguments: Sequence[sympy.Expr]) -> sympy.Expr:
    """The function that a piece names, of these arguments."""
    x, word = arguments[0], piece.word
    if word == "sqrt":
        return power(piece, x, sympy.Rational(1, 2))
    if word in ("abs", "Abs"):
        return _absolute(x)
    if word in ("exp", "sinh", "cosh", "tanh"):
        return _exponential(piece, _PLAIN[word], x)
    if word not in ("factorial", "binomial"):
        return _finite(piece, built(_PLAIN[word], x))
    for argument in arguments:
        if is_number(argument) and not argument.is_Integer:
            raise piece.wrong("takes whole numbers; write one, or a name")
        if argument.is_Integer and abs(argument) > LARGEST_FACTORIAL:
            raise piece.wrong(f"takes numbers up to {LARGEST_FACTORIAL}; write a smaller one")
    if word == "binomial":
        return _finite(piece, built(sympy.binomial, *arguments))
    if x.is_Integer and x >= 0:
        _afford(piece, math.lgamma(int(x) + 1) / math.log(2))
    return _finite(piece, built(sympy.factorial, x))


_PLAIN: Mapping[str, Callable[[sympy.Expr], sympy.Expr]] = {
    "exp": sympy.exp,
    "log": sympy.log,
    "ln": sympy.log,
    "sin": sympy.sin,
    "cos": sympy.cos,
    "tan": sympy.tan,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "tanh": sympy.tanh,
    "asinh": sympy.asinh,
    "atan": sympy.atan,
    "LambertW": sympy.LambertW,
}


def _exponential(
    piece: Piece, function: Callable[[sympy.Expr], sympy.Expr], x: sympy.Expr
) -> sympy.Expr:
    if is_number(x) and _size(piece, x) > LARGEST_EXPONENT:
        raise piece.wrong(f"has an argument beyond {LARGEST_EXPONENT}; write a smaller one")
    return _finite(piece, built(function, x))


def _absolute(x: sympy.Expr) -> sympy.Expr:
    """abs of SymPy without the simplification it tries, which can take seconds."""
    number, rest = x.as_coeff_Mul()
    if rest is sympy.S.One:
        return abs(number)
    return built(sympy.Mul, abs(number), sympy.Abs(rest, evaluate=False))


_ALLOWED = (
    *(sympy.Add, sympy.Mul, sympy.Pow, sympy.Symbol, sympy.Rational, sympy.Tuple, sympy.Sum),
    *(sympy.exp, sympy.log, sympy.sin, sympy.cos, sympy.tan, sympy.cot, sympy.sinh, sympy.cosh),
    *(
        sympy.tanh,
        sympy.coth,
        sympy.asinh,
        sympy.atan,
        sympy.LambertW,
        sympy.Abs,
        sympy.factorial,
        sympy.binomial,
    ),
    *(type(sympy.pi), type(sympy.E), type(sympy.oo)),
)


_REFUSED = {
    sympy.I: "the root or logarithm of a negative number",
    sympy.zoo: "a division by zero",
    sympy.nan: "a number that is not defined, such as 0/0",
}


def check(expr: sympy.Expr) -> None:
    """What SymPy has made of the pieces stays within the limits too."""
    if _is_infinite(expr):
        raise Unreadable("infinity is where a sum ends, and stands nowhere else.")
    for part in sympy.preorder_traversal(expr):
        if not isinstance(part, _ALLOWED):
            why = _REFUSED.get(part, f"the function {part.func.__name__}")
            raise Unreadable(f"the formula leads to {why}; write it for real, finite numbers.")
        if isinstance(part, sympy.Rational) and _bits(part) > MOST_DIGITS_COMPUTED * math.log2(10):
            raise Unreadable(
                f"the formula leads to a number of more than {MOST_DIGITS_COMPUTED} digits; "
                "write it with smaller ones."
            )
        exponent = part.exp if isinstance(part, sympy.Pow | sympy.exp) else sympy.S.Zero
        if isinstance(exponent, sympy.Rational) and abs(exponent) > LARGEST_EXPONENT:
            raise Unreadable(
                f"powers of powers lead to an exponent beyond {LARGEST_EXPONENT}; "
                "write a smaller one or a name."
            )


def _is_infinite(expr: sympy.Basic) -> bool:
    """Whether infinity stands anywhere but at the end of a sum."""
    if isinstance(expr, sympy.Sum):
        return any(map(_is_infinite, (expr.function, *(limits[1] for limits in expr.limits))))
    return expr in (sympy.oo, -sympy.oo) or any(map(_is_infinite, expr.args))
