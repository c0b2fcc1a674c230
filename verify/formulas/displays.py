r"""Which terms does a display such as E + \frac{h}{4}\|\nabla E\|^2 + O(h^2) hold?

A display is read as what its terms stand beside, with a coefficient each: the loss, contracted
trees, or trees for the terms of a flow. A formula without any of these is a coefficient alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from lark import Token

from derive.language.differentials import text_differential, text_scalar
from derive.language.trees import Tree
from verify.formulas.building import check
from verify.formulas.display_vectors import (
    Contractions,
    Covector,
    Mismatch,
    NamedTree,
    Operator,
    Value,
    Vector,
    added,
    scaled,
)
from verify.formulas.domain import ComparisonDomain
from verify.formulas.grammar import LATEX, Piece, parse
from verify.formulas.latex_tokens import (
    Surroundings,
    fields_in,
    iterates_in,
    latex_tokens,
    without_norm_index,
)
from verify.formulas.layout import OrderTerm, is_equation, order_terms, relations, unwrapped
from verify.formulas.normal_form import NormalForm
from verify.formulas.reading import Builder
from verify.formulas.tokens import Unreadable, spelled, unreadable

ALONE = ""
"""What a coefficient stands beside that stands beside nothing."""
_UNIT = ("I", "Id", "I_d", "I_n")
_STEP = re.compile(r"\\?([A-Za-z]+)_\{\w\+\d\}")
"""The left side x_{k+1}: what is called x on the right is a vector."""


@dataclass(frozen=True)
class DisplayTerm:
    """A coefficient, what it stands beside as text, and the tree of that where it is one."""

    beside: str
    coefficient: sympy.Expr
    tree: Tree | None = None


@dataclass(frozen=True)
class Cut:
    """What is left out: c symbol^power and everything above, or only what is above where `open`."""

    symbol: str
    power: sympy.Rational
    open: bool = False

    def keeps(self, power: Any) -> bool:
        """Whether a term of this power is not left out."""
        return power <= self.power if self.open else power < self.power


@dataclass(frozen=True)
class Display:
    """A display as it was read.

    Args:
        left: the text left of the sign =, empty where there is none.
        kind: flow, loss, or coefficient where nothing stands beside it.
        terms: by what they stand beside.
        cuts: what its order terms leave out.
    """

    left: str
    kind: str
    terms: Mapping[str, DisplayTerm]
    cuts: tuple[Cut, ...] = ()

    @property
    def coefficient(self) -> sympy.Expr:
        """The coefficient of a display that is nothing else."""
        return self.terms[ALONE].coefficient if self.terms else sympy.S.Zero


def read_display(
    text: str,
    *,
    names: Collection[str] | None = None,
    aliases: Mapping[str, str] | None = None,
    losses: Collection[str] = (),
) -> Display:
    r"""A display in LaTeX, alone or in its environment: its last right-hand side.

    Losses are what \nabla stands before; f(x) and \mathcal{L}(\theta) are losses at a point, which
    has to be one and the same. |\nabla f|^2, \|\nabla f(x)\|_2^2 and \nabla f^\top\nabla f are one.

    Args:
        names: the parameters that may occur; any, where None.
        aliases: the writer's notation to the name it stands for.
        losses: names of losses, beside those behind \nabla.
    Raises:
        Unreadable: anything that is not read for certain, with its place.

    >>> found = read_display(r"\tilde E(x) = E(x) + \frac{h}{4}\|\nabla E(x)\|_2^2 + O(h^2)")
    >>> {beside: found.terms[beside].coefficient for beside in sorted(found.terms)}
    {'E': 1, '‖∇E‖²': h/4}
    """
    sides, signs = relations(unwrapped(text))
    if any(not is_equation(sign) for sign in signs):
        sign = next(sign for sign in signs if not is_equation(sign))
        raise Unreadable(f"{sign!r} is no equation; give the display's one side, or one with =.")
    fields = {*fields_in(text), *losses}
    left, right = (sides[0], sides[-1]) if signs else ("", sides[0])
    if re.fullmatch(r"\s*0\s*", right):
        left, right = "0", sides[0]
    body, found = order_terms(right)
    return display_of(body, found, left, fields=fields, names=names, aliases=aliases)


def display_of(
    body: str,
    found: Sequence[OrderTerm],
    left: str = "",
    *,
    fields: Collection[str] = (),
    names: Collection[str] | None = None,
    aliases: Mapping[str, str] | None = None,
) -> Display:
    """The display of a right-hand side whose order terms were taken away."""
    cuts = tuple(cut for term in found for cut in _cuts(term, names, aliases or {}))
    if not body.strip():
        return Display(left, "coefficient", {}, cuts)
    builder = _Builder({*fields, *fields_in(body)}, names, aliases or {})
    if fields_in(body) and (step := _STEP.fullmatch(left.strip())):
        builder.stepping = {step[1]}
    value = builder.value(body)
    if "dot" in left and isinstance(value, Vector):
        left, value = _solved(left, value, builder)
    if isinstance(value, Covector):
        value = value.vector
    if isinstance(value, Operator):
        raise Unreadable("the display is a matrix; a term of a flow or of a loss is compared.")
    terms = builder.vector_terms(value) if isinstance(value, Vector) else builder.terms(value)
    kind = "flow" if isinstance(value, Vector) else "loss"
    if kind == "loss" and set(terms) <= {ALONE}:
        kind = "coefficient"
    return Display(left, kind, {term: terms[term] for term in terms}, cuts)


def _tidy(coefficient: sympy.Expr) -> sympy.Expr:
    """A coefficient that was multiplied out, in factors again."""
    try:
        return NormalForm(coefficient, ComparisonDomain()).value
    except (ValueError, ZeroDivisionError):
        return coefficient


def _cuts(term: OrderTerm, names: Collection[str] | None, aliases: Mapping[str, str]) -> list[Cut]:
    """The powers inside O(...), of one symbol each."""
    builder = _Builder(set(), names, aliases)
    value = builder.value(term.inside)
    found: list[Cut] = []
    for part in sympy.Add.make_args(sympy.expand(value)):
        powers = {
            base: power for base, power in part.as_powers_dict().items() if not base.is_Rational
        }
        if len(powers) != 1 or not all(
            base.is_Symbol and power.is_Rational for base, power in powers.items()
        ):
            raise Unreadable(
                f"O({term.inside}) is no power of one symbol; write one such as O(h^2)."
            )
        ((base, power),) = powers.items()
        found.append(Cut(base.name, power, term.is_small))
    return found


def _solved(left: str, right: Vector, builder: _Builder) -> tuple[str, Vector]:
    """The right side of an equation for one first derivative; else all of it on one side, = 0."""
    value = builder.value(left)
    if not isinstance(value, Vector):
        raise Unreadable(f"the left side {left!r} is no vector, as the right one is.")
    nodes = list(value.terms)
    if len(nodes) == 1 and nodes[0].name.startswith("dot_"):
        return left, right.times(1 / value.terms[nodes[0]])
    return "0", value + right.times(sympy.S.NegativeOne)


class _Builder(Builder):
    """From the parse tree of a display to its value."""

    def __init__(
        self,
        fields: Collection[str],
        names: Collection[str] | None,
        aliases: Mapping[str, str],
    ) -> None:
        super().__init__(names or (), aliases, latex=True, is_open=names is None)
        self.around = Surroundings(set(self.known), {spelled(name) for name in fields})
        self.losses = {self.known.get(name, name) for name in self.around.fields}
        self.algebra = Contractions(self.losses)
        self.stepping: set[str] = set()
        self.positions: set[str] = set()

    def value(self, text: str) -> Value:
        """The value of a piece of LaTeX.

        Raises:
            Unreadable: it cannot be read, or the losses are taken at several points.
        """
        text = without_norm_index(text)
        if self.losses:
            self.around.raised |= iterates_in(text)
        tokens = list(latex_tokens(text, self.around))
        points = {point.replace("(t)", "") for point in self.around.points}
        if len(points) > 1:
            several = " and ".join(sorted(points))
            raise Unreadable(f"the loss is taken at {several}; all terms take it at one point.")
        bare = (re.sub(r"[\\{}]|mathbf|boldsymbol|bm", "", point) for point in points)
        self.positions = {re.split("[_^(+-]", point)[0] for point in bare} | self.stepping
        tokens = self._at_one_time(tokens)
        found = self._expr(parse(LATEX, text, iter(tokens)), frozenset())
        if isinstance(found, sympy.Expr):
            check(found)
        return found

    def _at_one_time(self, tokens: list[Token]) -> list[Token]:
        """The pieces with x in the place of x(t).

        Raises:
            Unreadable: a position at another time.
        """
        kept: list[Token] = []
        rest = iter(enumerate(tokens))
        for i, token in rest:
            kept.append(token)
            behind = [str(other) for other in tokens[i + 1 : i + 4]]
            if token.type != "NAME" or token.partition("_")[0] not in self.positions:
                continue
            if behind == ["(", "t", ")"]:
                for _ in range(3):
                    next(rest)
            elif behind[:1] == ["("]:
                why = "is taken at another time; all terms of a flow take it at one"
                raise unreadable(token, token.start_pos or 0, why)
        return kept

    def _name(self, piece: Piece, bound: frozenset[str]) -> Any:
        word = piece.word
        known = self.known.get(word, word)
        if known in self.losses and word not in bound:
            return sympy.Symbol(known)
        if word.startswith(("dot_", "ddot_")) or (
            word.partition("_")[0] in self.positions and word not in self.known
        ):
            return Vector({NamedTree(word, is_loss=False): sympy.S.One})
        if word in _UNIT and word not in self.known and self.losses:
            return Operator(lambda v: v)
        if word == "O" and word not in self.known:
            raise piece.wrong("is an order term inside brackets; put it at the end of the line")
        return super()._name(piece, bound)

    def _variable(self, piece: Piece) -> sympy.Expr:
        if piece.word.startswith(("mathbb", "tilde_", "hat_", "bar_", "overline_")):
            raise piece.wrong("is no name that is read here; write a plain one")
        return sympy.Symbol(piece.word)

    def _joined(self, piece: Piece, parts: Sequence[Any]) -> Any:
        try:
            return self._value(piece, parts)
        except Mismatch as error:
            raise piece.wrong(str(error)) from None

    def _value(self, piece: Piece, parts: Sequence[Any]) -> Any:
        if piece.kind == "nabla":
            return self._nabla(piece, parts)
        if piece.kind == "norm":
            if isinstance(parts[0], Vector):
                return sympy.sqrt(self.algebra.inner(parts[0], parts[0]))
            raise Mismatch("is the norm of no vector that is known")
        if piece.kind == "inner":
            left, right = parts
            if isinstance(left, Vector) and isinstance(right, Vector):
                return self.algebra.inner(left, right)
            raise Mismatch("is the product of no vectors that are known")
        if piece.kind == "transposed":
            if isinstance(parts[0], Vector):
                return Covector(parts[0])
            raise Mismatch("transposes no vector that is known")
        if all(isinstance(part, sympy.Expr) for part in parts):
            return super()._joined(piece, parts)
        if piece.kind == "group":
            return parts[0]
        if piece.kind == "negate":
            return scaled(parts[0], sympy.S.NegativeOne)
        if piece.kind == "total":
            total = parts[0]
            for part in parts[1:]:
                total = added(total, part)
            return total
        if piece.kind == "product":
            total = parts[-1]
            for part in reversed(parts[:-1]):
                total = self.algebra.product(part, total)
            return total
        if piece.kind == "power" and isinstance(parts[1], sympy.Integer) and 0 < parts[1] < 9:
            return self._power_of(parts[0], int(parts[1]))
        raise Mismatch("is done to a vector or matrix, of which it is not defined")

    def _power_of(self, value: Value, times: int) -> Value:
        if isinstance(value, Operator):
            total: Value = value
            for _ in range(times - 1):
                total = self.algebra.product(value, total)
            return total
        if times == 2 and isinstance(value, Vector):
            return self.algebra.inner(value, value)
        raise Mismatch("is a power of a vector; write its norm")

    def _nabla(self, piece: Piece, parts: Sequence[Any]) -> Value:
        times, operand = int(piece.word), parts[0]
        named = piece.parts[0].kind == "name" and isinstance(operand, sympy.Symbol)
        if named and operand.name in self.losses:
            arguments = list(parts[1:])
            if times == 1 and len(arguments) == 1:
                return self.algebra.product(
                    Vector({NamedTree(operand.name): sympy.S.One}), arguments[0]
                )
            if not all(isinstance(argument, Vector) for argument in arguments):
                raise Mismatch("takes vectors")
            return self.algebra.derivative(operand.name, times, arguments)
        if times == 1 and isinstance(operand, sympy.Expr) and len(parts) == 1:
            return self.algebra.gradient(operand)
        raise Mismatch("differentiates what is no loss")

    def _call(self, piece: Piece, bound: frozenset[str]) -> Any:
        if piece.word == "abs" and self.latex:
            inside = self._expr(piece.parts[0], bound)
            if isinstance(inside, Vector):
                return sympy.sqrt(self.algebra.inner(inside, inside))
        return super()._call(piece, bound)

    def vector_terms(self, vector: Vector) -> dict[str, DisplayTerm]:
        """The terms of a flow."""
        found: dict[str, DisplayTerm] = {}
        for node, coefficient in vector.terms.items():
            tree, losses = self._tree(node)
            text = text_differential(tree, name=losses.__getitem__) if tree else node.text
            found[text] = DisplayTerm(
                text, coefficient, tree if tree and len(losses) == 1 else None
            )
        return found

    def terms(self, scalar: sympy.Expr) -> dict[str, DisplayTerm]:
        """The terms of a loss."""
        contracted = self.algebra.contracted
        symbols = sorted(scalar.free_symbols, key=str)
        moving = [s for s in symbols if s in contracted or s.name in self.losses]
        if not moving:
            return {ALONE: DisplayTerm(ALONE, scalar)} if scalar != 0 else {}
        if any(total.free_symbols.intersection(moving) for total in scalar.atoms(sympy.Sum)):
            raise Unreadable("the display holds a sum over losses, which is not read.")
        try:
            polynomial = sympy.Poly(scalar, *moving)
        except sympy.PolynomialError:
            raise Unreadable(
                "the display holds a loss or gradient in a denominator or root."
            ) from None
        found: dict[str, DisplayTerm] = {}
        for powers, coefficient in polynomial.terms():
            pieces = [self._scalar(s, n) for s, n in zip(moving, powers, strict=True) if n]
            text = " ".join(text for text, _ in pieces)
            tree = pieces[0][1] if len(pieces) == 1 and sum(powers) == 1 else None
            found[text] = DisplayTerm(text, _tidy(coefficient), tree)
        return found

    def _scalar(self, symbol: sympy.Symbol, power: int) -> tuple[str, Tree | None]:
        node = self.algebra.contracted.get(symbol, NamedTree(symbol.name))
        tree, losses = self._tree(node)
        text = text_scalar(tree.free, name=losses.__getitem__) if tree else node.text
        text += f"^{power}" if power > 1 else ""
        return text, tree.free if tree and len(losses) == 1 else None

    def _tree(self, node: NamedTree) -> tuple[Tree | None, list[str]]:
        """The tree with a colour for each loss, where it holds losses only, and their names."""
        losses = sorted(node.names())
        return node.tree(losses) if set(losses) <= self.losses else None, losses
