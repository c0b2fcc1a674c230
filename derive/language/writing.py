"""A formula as an author writes it: constants first, numerator over factored denominator.

SymPy prints `\\beta + 1` and scatters factors; here 1 + beta stays in front of (1 - beta)**2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import sympy
from sympy.core.sorting import default_sort_key
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.printer import Printer
from sympy.printing.str import StrPrinter

from derive.language.factored import Factor, Factored
from derive.language.raised import raised

Writable = sympy.Expr | Factored
"""A formula, or one that is factored already: many times as fast to write, and the same text."""
_Piece = tuple[str, bool]
"""A factor as it is written alone, and whether it is a sum, to stand in brackets beside others."""

_EXPONENT = {*"0123456789-+kn"}
GREEK = {
    "alpha": "α",
    "beta": "β",
    "Delta": "Δ",
    "epsilon": "ε",
    "theta": "θ",
    "xi": "ξ",
    "gamma": "γ",
    "eta": "η",
    "kappa": "κ",
    "lambda": "λ",
    "mu": "μ",
    "nu": "ν",
    "rho": "ρ",
    "sigma": "σ",
    "tau": "τ",
}


class _LowestFirst(Printer):
    """Sums go on by degree from their constant, or from their first term with no minus."""

    def _as_ordered_terms(self, expr: sympy.Add, order: str | None = None) -> list[sympy.Expr]:
        terms = sorted(
            sympy.Add.make_args(expr), key=lambda term: (_degree(term), _text(term).lstrip("-"))
        )
        first = next((t for t in terms if not t.could_extract_minus_sign()), terms[0])
        return [first, *(term for term in terms if term is not first)]


@lru_cache(maxsize=4096)
def _text(expr: sympy.Expr) -> str:
    """Sorting asks for the same factors again and again."""
    return str(expr)


def _degree(term: sympy.Expr) -> float:
    """The total degree; what is not a monomial goes last."""
    total = 0.0
    for base, exponent in term.as_powers_dict().items():
        if base.is_Symbol and exponent.is_number:
            total += float(exponent)
        elif not base.is_number:
            return math.inf
    return total


class _Plain(_LowestFirst, StrPrinter):
    def _print_Mul(self, expr: sympy.Mul) -> str:  # noqa: N802 (SymPy's dispatch name)
        sign, *sides = _split(expr)
        return _plain_fraction(sign, *(list(map(self._piece, side)) for side in sides))

    def _print_Pow(self, expr: sympy.Pow, rational: bool = False) -> str:  # noqa: N802
        base, exponent = expr.args
        if exponent.is_Rational and exponent < -1:
            return _plain_fraction("", [], [self._piece(sympy.Pow(base, -exponent))])
        return super()._print_Pow(expr, rational)

    def _piece(self, factor: sympy.Expr) -> _Piece:
        return self.parenthesize(factor, PRECEDENCE["Mul"]), False


class _Latex(_LowestFirst, LatexPrinter):
    def _print_Symbol(self, expr: sympy.Symbol) -> str:  # noqa: N802
        if expr in self._settings["symbol_names"]:
            return self._settings["symbol_names"][expr]
        head = expr.name.partition("_")[0].rstrip("0123456789")
        if len(head) > 1 and head not in GREEK:
            return f"\\mathrm{{{expr.name}}}"
        return super()._print_Symbol(expr)

    def _print_Pow(self, expr: sympy.Pow) -> str:  # noqa: N802
        base, exponent = expr.as_base_exp()
        if isinstance(base, sympy.Add) and not (exponent.is_Rational and exponent <= 0):
            if exponent == sympy.Rational(1, 2):
                return super()._print_Pow(expr)
            return f"({self.doprint(base)})^{{{self.doprint(exponent)}}}"
        return super()._print_Pow(expr)

    def _print_LambertW(self, expr: sympy.Expr, exp: str | None = None) -> str:  # noqa: N802
        raised = f"^{{{exp}}}" if exp else ""
        return rf"\operatorname{{W}}{raised}\left({self.doprint(expr.args[0])}\right)"

    def _print_Mul(self, expr: sympy.Mul) -> str:  # noqa: N802
        sign, *sides = _split(expr)
        return _latex_fraction(sign, *(list(map(self._piece, side)) for side in sides))

    def _piece(self, factor: sympy.Expr) -> _Piece:
        return self.doprint(factor), isinstance(factor, sympy.Add)


def _plain_fraction(sign: str, top: list[_Piece], bottom: list[_Piece]) -> str:
    above, below = (
        "*".join(f"({text})" if is_sum else text for text, is_sum in side) or "1"
        for side in (top, bottom)
    )
    if not bottom:
        return sign + above
    return f"{sign}{above}/{below if len(bottom) == 1 else f'({below})'}"


def _latex_fraction(sign: str, top: list[_Piece], bottom: list[_Piece]) -> str:
    if not bottom:
        lone_sum = len(top) == 1 and top[0][1] and sign
        return f"{sign}({top[0][0]})" if lone_sum else sign + _latex_product(top)
    return f"{sign}\\frac{{{_latex_product(top)}}}{{{_latex_product(bottom)}}}"


def _latex_product(pieces: list[_Piece]) -> str:
    if len(pieces) == 1:
        return pieces[0][0]
    written = ""
    for text, is_sum in pieces:
        factor = f"({text})" if is_sum else text
        written += r" \cdot " if written and factor[0].isdigit() else ""
        written += " " if factor[0].isalpha() and _ends_in_word(written) else ""
        written += factor
    return written or "1"


def _ends_in_word(text: str) -> bool:
    """A control word such as `\\beta` needs a space before a letter."""
    return text.rpartition("\\")[2].isalpha() and "\\" in text


def _split(expr: sympy.Mul) -> tuple[str, list[sympy.Expr], list[sympy.Expr]]:
    """Sign, numerator and denominator factors in the order: number, symbols, sums, functions."""
    factors = [part for f in sympy.Mul.make_args(expr) for part in _without_content(f)]
    number = sympy.Rational(sympy.Mul(*(f for f in factors if f.is_Rational)))
    rest = [f for f in factors if not f.is_Rational]
    top: list[sympy.Expr] = [] if abs(number.p) == 1 else [sympy.Integer(abs(number.p))]
    bottom: list[sympy.Expr] = [] if number.q == 1 else [sympy.Integer(number.q)]
    ordered = sorted(rest, key=_rank)
    for factor in ordered:
        base, exponent = factor.as_base_exp()
        if exponent.is_Rational and exponent < 0:
            bottom.append(sympy.Pow(base, -exponent))
        else:
            top.append(factor)
    return "-" if number < 0 else "", top, bottom


def _without_content(factor: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """2 + 2*beta as 2 and 1 + beta."""
    base, exponent = factor.as_base_exp()
    if not (isinstance(base, sympy.Add) and exponent.is_Integer):
        return (factor,)
    content, rest = base.primitive()
    return (content**exponent, rest**exponent)


def _rank(factor: sympy.Expr) -> tuple[int, str]:
    """The step size comes first, as in h(1 + beta), and functions behind sums."""
    base = factor.as_base_exp()[0]
    if base == sympy.Symbol("h"):
        return 0, ""
    return 2 * isinstance(base, sympy.Add) + 3 * isinstance(base, sympy.Function) or 1, _text(
        factor
    )


def plain(value: Writable) -> str:
    """Text that Python and SymPy both read.

    >>> beta = sympy.Symbol("beta")
    >>> plain((1 + beta) / (2 * (1 - beta) ** 3))
    '(1 + beta)/(2*(1 - beta)**3)'
    """
    return _TEXT.written(value) if isinstance(value, Factored) else str(_Plain().doprint(value))


def latex(value: Writable, names: Mapping[sympy.Symbol, str] | None = None) -> str:
    r"""LaTeX to paste into a paper; symbols in `names` are written as it says.

    >>> h, beta = sympy.symbols("h beta")
    >>> print(latex(h * (1 + beta) / (4 * (1 - beta) ** 2)))
    \frac{h(1+\beta)}{4(1-\beta)^{2}}
    """
    if isinstance(value, Factored):
        if not names:
            return _LATEX.written(value)
        value = value.as_expr()
    written = (
        str(_Latex({"symbol_names": dict(names or {})}).doprint(value))
        .replace(" + ", "+")
        .replace(" - ", "-")
    )
    return re.sub(r"^- ", "-", written)


def is_sum(value: Writable) -> bool:
    """Whether it stands in brackets beside a factor."""
    if isinstance(value, sympy.Expr):
        return isinstance(value, sympy.Add)
    if len(value.factors) != 1 or value.number != 1:
        return False
    (factor,) = value.factors
    return len(factor.terms) > 1 and factor.power == 1


@dataclass(frozen=True)
class _Notation:
    """How a factored product is written, which is how the printer of its expression does."""

    monomial: Callable[[_Monomial], str]
    times: str
    space: str
    power: str
    fraction: Callable[[str, list[_Piece], list[_Piece]], str]

    def written(self, product: Factored) -> str:
        if is_sum(product):
            return self._piece(product.factors[0])[0]
        number = product.number
        sides = []
        for count, sign in ((abs(number.p), 1), (number.q, -1)):
            pieces = [] if count == 1 else [(str(count), False)]
            factors = [f for f in product.factors if f.power * sign > 0]
            sides.append(pieces + [self._piece(f) for f in _ranked(factors)])
        return self.fraction("-" if number < 0 else "", *sides)

    def _piece(self, factor: Factor) -> _Piece:
        power = abs(factor.power)
        if len(factor.terms) == 1:
            return self.monomial(_raised_symbol(factor, power)), False
        terms = [(self.monomial(m), c) for m, c in _lowest_first(factor)]
        text = _sum(terms, self.times, self.space)
        return (text, True) if power == 1 else (self.power.format(text, power), False)


_TEXT = _Notation(lambda m: m.plain, "*", " ", "({})**{}", _plain_fraction)
_LATEX = _Notation(lambda m: m.latex, "", "", "({})^{{{}}}", _latex_fraction)


@dataclass(frozen=True)
class _Monomial:
    """A product of powers in every way that is asked for again and again."""

    degree: float
    rank: tuple[int, str]
    sympys: str
    plain: str
    latex: str


@lru_cache(maxsize=4096)
def _monomial(symbols: tuple[sympy.Expr, ...], exponents: tuple[int, ...]) -> _Monomial:
    expr = sympy.Mul(*map(sympy.Pow, symbols, exponents))
    return _Monomial(_degree(expr), _rank(expr), str(expr), plain(expr), latex(expr))


def _raised_symbol(factor: Factor, power: int) -> _Monomial:
    return _monomial(factor.symbols, tuple(power * e for e in factor.terms[0][0]))


def _sum(terms: list[tuple[str, int]], times: str = "*", space: str = " ") -> str:
    """A sum of monomials with what stands before each."""
    text = ""
    for monomial, c in terms:
        between = space if text else ""
        sign = "-" if c < 0 else "+" if text else ""
        count = str(abs(c)) if monomial == "1" or abs(c) != 1 else ""
        parts = (count, monomial if monomial != "1" else "")
        text += f"{between}{sign}{between}{times.join(filter(None, parts))}"
    return text


def _lowest_first(factor: Factor) -> list[tuple[_Monomial, int]]:
    """The terms in the order of `_LowestFirst`."""
    terms = [(_monomial(factor.symbols, exponents), c) for exponents, c in factor.terms]
    several = len(factor.symbols) > 1  # of one symbol no two terms have the same degree
    terms.sort(
        key=lambda term: (term[0].degree, several and _sum([(term[0].sympys, abs(term[1]))]))
    )
    first = next((i for i, (_, c) in enumerate(terms) if c > 0), 0)
    return [terms[first], *terms[:first], *terms[first + 1 :]]


def _ranked(factors: list[Factor]) -> list[Factor]:
    """Factors of one side in the order of `_rank`."""
    symbols = [f for f in factors if len(f.terms) == 1]
    sums = [f for f in factors if len(f.terms) > 1]
    symbols.sort(key=lambda f: _raised_symbol(f, f.power).rank)
    return symbols + (sorted(sums, key=_sympys_text) if len(sums) > 1 else sums)


def _sympys_text(factor: Factor) -> str:
    """What SymPy writes for a power of a sum: highest first, but a constant before a minus."""
    symbols = factor.symbols
    if not all(symbol.is_Symbol for symbol in symbols):  # it sees no power of q in a root of q
        return _text(sympy.Pow(factor.base, factor.power))
    places = sorted(range(len(symbols)), key=lambda i: default_sort_key(symbols[i]))
    terms = sorted(factor.terms, key=lambda term: [term[0][i] for i in places], reverse=True)
    if len(terms) == 2:
        (high, first), (low, last) = terms
        if first < 0 < last and not any(low) and len([*filter(None, high)]) == 1:
            terms.reverse()
    text = _sum([(_monomial(symbols, exponents).sympys, c) for exponents, c in terms])
    if factor.power == 1:
        return text
    if factor.power == -1:
        return f"1/({text})"
    return f"({text})**{factor.power if factor.power > 0 else f'({factor.power})'}"


def unicode_text(value: Writable) -> str:
    """One line for a terminal: -(1+β)/(2(1-β)³)."""
    text = re.sub(r"KroneckerDelta\((\d+), k\)", r"[k=\1]", plain(value))
    for name, letter in GREEK.items():
        text = text.replace(name, letter)
    text = re.sub(r"(?<=[a-z]{2})\*(?=\w)|(?<=\w)\*(?=[a-z]{2})", "·", _raised(text))
    return text.replace("*", "").replace(" ", "").replace("-", "−")


def _raised(text: str) -> str:
    """Exponents without brackets become superscripts."""
    return re.sub(r"\*\*([^\W_]*)", lambda power: _superscript(power[1]), text)


@lru_cache(maxsize=4096)
def _superscript(power: str) -> str:
    return raised(power) if power and _EXPONENT.issuperset(power) else "^" + power
