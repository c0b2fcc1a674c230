"""Component expressions as a theorist writes them, in text and LaTeX.

g is the gradient of E and H its Hessian at x; compound vectors have names that a glossary explains.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy
from flint import fmpq

from derive.engine.component_ring import Element, Symbol
from derive.engine.components import factored_terms
from derive.engine.invariant_manifold import SlowManifold
from derive.language.raised import raised
from derive.language.writing import GREEK, latex, unicode_text

_FUNCTIONS = {"exp": sympy.exp, "log": sympy.log, "tanh": sympy.tanh}
_FUNCTIONS |= {"sin": sympy.sin, "cos": sympy.cos}


@dataclass
class Writer:
    """Writes the expressions of one flow, and remembers what a glossary must explain."""

    flow: SlowManifold
    tex: bool = False
    used: dict[str, str] = field(default_factory=dict)

    def terms(self, element: Element) -> list[str]:
        """A sum as its signed terms; none where it is 0."""
        return [self._term(weight, factors) for weight, factors in factored_terms(element)]

    def text(self, element: Element) -> str:
        """A sum on one line."""
        if element.key not in self._texts:
            self._texts[element.key] = joined(self.terms(element)) or "0"
        return self._texts[element.key]

    def _term(self, weight: fmpq, factors: list[tuple[Element, int]]) -> str:
        tensors: list[str] = []
        coefficient: sympy.Expr = sympy.Rational(int(weight.p), int(weight.q))
        vectors = False
        for factor, power in factors:
            lone = _lone(factor)
            if lone is not None and lone.kind == "field" and lone.data[2] and power == 1:
                tensors.append(self._field(lone))
                continue
            vectors = vectors or factor.space is not None
            coefficient = sympy.Mul(
                coefficient, sympy.Pow(self._sum(factor), power), evaluate=coefficient != 1
            )
        if not tensors:
            return self._written(coefficient)
        joint = r" \odot " if self.tex else " ⊙ "
        both = joint.join(tensors)
        if coefficient in (1, -1):
            return both if coefficient == 1 else f"{'-' if self.tex else '−'}{both}"
        space = r"\," if self.tex else " "
        before = self._written(coefficient)
        if isinstance(coefficient, sympy.Add):
            before = f"({before})"
        return f"{before}{joint if vectors else space}{both}"

    def _written(self, expr: sympy.Expr) -> str:
        return latex(expr, self._names) if self.tex else unicode_text(expr)

    def __post_init__(self) -> None:
        self._names: dict[sympy.Symbol, str] = {}
        self._called: dict[str, str] = {}
        self._sums: dict[str, sympy.Expr] = {}
        self._texts: dict[str, str] = {}

    def _sum(self, factor: Element) -> sympy.Expr:
        if factor.key not in self._sums:
            terms = factor.num.to_dict().items()
            symbols = factor.algebra.symbols
            self._sums[factor.key] = sympy.Add(
                *(self._monomial(symbols, exponents, weight) for exponents, weight in terms)
            )
        return self._sums[factor.key]

    def _monomial(
        self, symbols: Sequence[Symbol], exponents: Sequence[int], weight: fmpq
    ) -> sympy.Expr:
        bases = [(self._expr(symbols[i]), power) for i, power in enumerate(exponents) if power]
        rational = sympy.Rational(int(weight.p), int(weight.q))
        product = sympy.Mul(rational, *(sympy.Pow(base, power) for base, power in bases))
        if all(base.is_Symbol for base, _ in bases):
            return product
        return sympy.powsimp(product, combine="exp")  # d d^k is d^(1 + k)

    def _quotient(self, element: Element) -> sympy.Expr:
        one = element.algebra.one
        top = self._sum(Element(element.algebra, element.num, one))
        return top / self._sum(Element(element.algebra, element.den, one))

    def _expr(self, s: Symbol) -> sympy.Expr:
        if s.kind in {"slow", "parameter"}:
            return sympy.Symbol(s.name)
        if s.kind == "step":
            return sympy.Symbol("k")
        if s.kind == "fading":
            return sympy.Pow(self._quotient(s.data), sympy.Symbol("k"))
        if s.kind == "root":
            return sympy.Pow(self._quotient(s.data[1]), sympy.Rational(1, s.data[0]))
        if s.kind == "power":
            return sympy.Pow(self._quotient(s.data[1]), self._quotient(s.data[0]))
        if s.kind in _FUNCTIONS:
            return _FUNCTIONS[s.kind](self._quotient(s.data[-1]))
        if s.kind == "total":
            return self._total(s.data)
        if s.kind == "schedule":
            name, order, time = s.data
            own = name.removesuffix("_before")
            head = rf"\{own}" if self.tex and own in GREEK else own
            if own != name:
                head = rf"{head}_{{-}}" if self.tex else f"{GREEK.get(own, own)}₋"
            return self._symbol(f"{head}{chr(39) * order}({self.text(time)})")
        if s.kind == "name":
            if s.name not in self._called:
                count = len(self._called)
                called = f"u_{count + 1}" if count else "u"
                self._called[s.name] = called
                self.used[called] = ""
                self.used[called] = self.text(s.data)
            return self._symbol(self._called[s.name])
        if s.kind in {"abs", "sign"}:
            inside = self.text(s.data[-1])
            if s.kind == "abs":
                return self._symbol(f"|{inside}|", positive=True)
            return self._symbol(
                rf"\operatorname{{sign}}({inside})" if self.tex else f"sign({inside})"
            )
        return self._symbol(self._field(s))

    def _symbol(self, text: str, **assumptions: bool) -> sympy.Symbol:
        found = sympy.Symbol(text, **assumptions)
        self._names[found] = text
        return found

    def _total(self, element: Element) -> sympy.Expr:
        """A norm squared, an inner product, or a sum over the components."""
        factors = factored_terms(element)[0][1]
        if len(factors) == 1 and factors[0][1] == 2:
            inside = self._written(self._sum(factors[0][0]))
            shown = rf"\|{inside}\|" if self.tex else f"‖{inside}‖"
            return self._symbol(shown, positive=True) ** 2
        if len(factors) == 2 and all(power == 1 for _, power in factors):
            a, b = (self._term(fmpq(1), [f]) for f in factors)
            return self._symbol(rf"\langle {a},{b}\rangle" if self.tex else f"⟨{a},{b}⟩")
        head = r"\textstyle\sum_j" if self.tex else "Σⱼ"
        return self._symbol(f"{head}({self.text(element)})")

    def _field(self, s: Symbol) -> str:
        rule = self.flow.optimizer
        name, points, moved = s.data
        usual = all(
            self.text(p) == player for p, player in zip(points, self.flow.players, strict=True)
        )
        place = "" if usual else f"({', '.join(self.text(p) for p in points)})"
        vectors = [self.text(v) for _, v in moved]
        times = len(moved)
        if rule.players:
            letters = "".join(self.flow.players[slot] for slot, _ in moved)
            head = name + (
                f"_{{{letters}}}" if self.tex and letters else f"_{letters}" * bool(letters)
            )
            return f"{head}{place}" + (f"[{', '.join(vectors)}]" if times else "")
        if rule.game:
            head = "G" + "'" * times
            return f"{head}{place}" + (f"[{', '.join(vectors)}]" if times else "")
        if name in rule.maps:
            shown = rf"\{name}" if self.tex and name in GREEK else GREEK.get(name, name)
            high = (f"^{{{times}}}" if self.tex else raised(times)) if times > 1 else ""
            head = f"D{high}{shown}{place}"
            return f"{head}[{', '.join(vectors)}]" if times else f"{shown}{place}"
        lone = {*rule.fields} - {*rule.maps} == {"E"} and usual
        nabla = r"\nabla" if self.tex else "∇"
        power = f"^{{{times + 1}}}" if self.tex else raised(times + 1)
        if times == 0:
            self.used |= {"g": f"{nabla} E(x)".replace("∇ ", "∇")} if lone else {}
            return "g" if lone else f"{nabla} {name}{place}".replace("∇ ", "∇")
        if times == 1:
            self.used |= {"H": f"{nabla}{power} E(x)".replace(" E", "E")} if lone else {}
            head = "H" if lone else f"{nabla}{power} {name}{place}"
            vector = vectors[0]
            simple = (
                not any(sign in vector.lstrip("−-") for sign in "+−-/⊙") and "frac" not in vector
            )
            bare = simple and not vector.startswith(("−", "-"))
            return f"{head} {vector}" if bare else f"{head}[{vector}]"
        return f"{nabla}{power}{name}{place}[{', '.join(vectors)}]"


def _lone(factor: Element) -> Symbol | None:
    symbols = factor.symbols
    single = len(symbols) == 1 and factor.num.total_degree() == 1
    return symbols[0] if single and len(factor.num.coeffs()) == 1 else None


def joined(terms: Iterable[str]) -> str:
    """Signed terms as a sum."""
    total = ""
    for term in terms:
        if not total:
            total = term
        elif term[0] in "-−":
            total += f" {term[0]} {term[1:]}"
        else:
            total += f" + {term}"
    return total


def lines_of(terms: Sequence[str], width: int, shown: Any = len) -> list[list[str]]:
    """The terms in lines of about this width."""
    lines: list[list[str]] = []
    room = 0
    for term in terms:
        size = shown(term) + 3
        if not lines or room + size > width:
            lines.append([])
            room = 0
        lines[-1].append(term)
        room += size
    return lines
