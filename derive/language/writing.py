"""A formula as an author writes it: constants first, numerator over factored denominator.

SymPy prints `\\beta + 1` and scatters factors; here 1 + beta stays in front of (1 - beta)**2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache

import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.printer import Printer
from sympy.printing.str import StrPrinter

from derive.language.raised import raised

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
        sign, top, bottom = _split(expr)
        if not bottom:
            return sign + self._product(top)
        below = self._product(bottom)
        return f"{sign}{self._product(top)}/{below if len(bottom) == 1 else f'({below})'}"

    def _print_Pow(self, expr: sympy.Pow, rational: bool = False) -> str:  # noqa: N802
        base, exponent = expr.args
        if exponent.is_Integer and exponent < -1:
            return f"1/{self._product([sympy.Pow(base, -exponent)])}"
        return super()._print_Pow(expr, rational)

    def _product(self, factors: list[sympy.Expr]) -> str:
        return "*".join(self.parenthesize(f, PRECEDENCE["Mul"]) for f in factors) or "1"


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
        sign, top, bottom = _split(expr)
        if not bottom:
            lone_sum = len(top) == 1 and isinstance(top[0], sympy.Add) and sign
            return f"{sign}({self.doprint(top[0])})" if lone_sum else sign + self._product(top)
        return f"{sign}\\frac{{{self._product(top)}}}{{{self._product(bottom)}}}"

    def _product(self, factors: list[sympy.Expr]) -> str:
        if not factors:
            return "1"
        if len(factors) == 1:
            return self.doprint(factors[0])
        written = ""
        for f, after in zip(factors, [*factors[1:], None], strict=True):
            factor = f"({self.doprint(f)})" if isinstance(f, sympy.Add) else self.doprint(f)
            written += r" \cdot " if written and factor[0].isdigit() else ""
            written += factor
            written += " " if _ends_in_word(f) and _starts_in_letter(after) else ""
        return written


def _ends_in_word(factor: sympy.Expr) -> bool:
    """A control word such as `\\beta` needs a space before a letter."""
    return isinstance(factor, sympy.Symbol) and factor.name in GREEK


def _starts_in_letter(factor: sympy.Expr | None) -> bool:
    return factor is not None and len(str(factor.as_base_exp()[0])) == 1


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


def plain(expr: sympy.Expr) -> str:
    """Text that Python and SymPy both read.

    >>> beta = sympy.Symbol("beta")
    >>> plain((1 + beta) / (2 * (1 - beta) ** 3))
    '(1 + beta)/(2*(1 - beta)**3)'
    """
    return str(_Plain().doprint(expr))


def latex(expr: sympy.Expr, names: Mapping[sympy.Symbol, str] | None = None) -> str:
    r"""LaTeX to paste into a paper; symbols in `names` are written as it says.

    >>> h, beta = sympy.symbols("h beta")
    >>> print(latex(h * (1 + beta) / (4 * (1 - beta) ** 2)))
    \frac{h(1+\beta)}{4(1-\beta)^{2}}
    """
    written = (
        str(_Latex({"symbol_names": dict(names or {})}).doprint(expr))
        .replace(" + ", "+")
        .replace(" - ", "-")
    )
    return re.sub(r"^- ", "-", written)


def unicode_text(expr: sympy.Expr) -> str:
    """One line for a terminal: -(1+β)/(2(1-β)³)."""
    text = re.sub(r"KroneckerDelta\((\d+), k\)", r"[k=\1]", plain(expr))
    for name, letter in GREEK.items():
        text = text.replace(name, letter)
    text = re.sub(r"(?<=[a-z]{2})\*(?=\w)|(?<=\w)\*(?=[a-z]{2})", "·", _raised(text))
    return text.replace("*", "").replace(" ", "").replace("-", "−")


def _raised(text: str) -> str:
    """Exponents without brackets become superscripts."""
    head, *rest = text.split("**")
    for part in rest:
        if part.startswith("("):
            head += "^" + part
            continue
        size = 0
        while size < len(part) and part[size].isalnum():
            size += 1
        small = _EXPONENT.issuperset(part[:size])
        head += raised(part[:size]) if small else "^" + part[:size]
        head += part[size:]
    return head
