"""What does any rule penalize at order h, in one normalization?

With the first flow x' = -phi, P = phi/g in each component and H phi = grad N(grad E) for the N
whose gradient phi is, the flow through h is written

    x' = -P (g + h c H phi) + O(h^2),    g = grad E, H = its Hessian:

c > 0 penalizes N(grad E), c < 0 rewards it. c may depend on g in each component. For x' = -w g it
is gradient descent on E + h c N(grad E), N = w |g|^2/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import sympy

from derive.engine.component_ring import Element, Symbol
from derive.engine.components import Components
from derive.engine.invariant_manifold import SlowManifold, general_flow
from derive.engine.on_loss import SympyWorld
from derive.language.bad_input import BadInput
from derive.language.update_rule import Optimizer


@dataclass(frozen=True)
class Regularizer:
    """The order-h term of a rule: phi, c where F_1 = -P c H phi (else None), and the name of N."""

    flow: SlowManifold
    phi: Element
    c: Element | None
    norm: str

    @property
    def rule(self) -> Optimizer:
        return self.flow.optimizer

    @property
    def coefficient(self) -> sympy.Expr | None:
        """c in one component, as a function of G = |g| > 0 and the parameters."""
        return None if self.c is None else sympy.factor(in_one_component(self.flow, self.c))

    @property
    def couples(self) -> bool:
        """Whether c holds a norm of the gradient."""
        return self.c is not None and any(_holds_total(s) for s in self.c.symbols)


G = sympy.Symbol("G", positive=True)
"""The size of the gradient in one component."""


def in_one_component(flow: SlowManifold, element: Element) -> sympy.Expr:
    """An expression in g and parameters as a function of G and symbols of the parameters' names."""
    x = sympy.Symbol("x")
    world = SympyWorld({"E": [G]}, [[x]], {})
    values = {name: sympy.Symbol(name, positive=True) for name in flow.optimizer.parameters}
    places = {name: [x] if flow.spaces[name] else x for name in flow.slow}
    found = Components(world, values | places, {"x": 1}).of(element)
    return found[0] if isinstance(found, list) else found


def regularizer(rule: Optimizer) -> Regularizer:
    """The order-h regularizer of a rule that moves x on one loss.

    Raises:
        BadInput: it has several losses or players, or no flow at all; the message says why.

    >>> from derive import heavy_ball
    >>> regularizer(heavy_ball).c
    (-1/2*beta - 1/2)/(beta - 1)
    """
    if rule.game or rule.players or len(rule.fields) > 1:
        raise BadInput(f"{rule.name} does not move on one loss.")
    flow = general_flow(rule, order=2)
    algebra = flow.algebra
    first, second = flow.flow["x"]
    gradient = algebra.field("E", "x", (flow.state("x")[0],))
    turned = algebra.field("E", "x", (flow.state("x")[0],), ((0, algebra.named(-first)),))
    c = -second * gradient / (turned * -first) if first else None
    if c is not None and not _free_of(algebra.unnamed(c)):
        c = None
    return Regularizer(flow, -first, None if c is None else algebra.unnamed(c), _norm(flow, -first))


@lru_cache(maxsize=64)
def coefficient(rule: Optimizer) -> sympy.Expr:
    """c of a rule in one component, as a function of G = |g| and the parameters.

    Raises:
        BadInput: the term couples the components, or as for `regularizer`.
    """
    found = regularizer(rule).coefficient
    if found is None:
        raise BadInput(f"the term of order h of {rule.name} is no multiple of H phi in components.")
    return found


def _free_of(c: Element) -> bool:
    """Whether no derivative of the gradient and no sum over components is left."""
    return all(s.kind != "total" and not (s.kind == "field" and s.data[2]) for s in c.symbols)


def _norm(flow: SlowManifold, phi: Element) -> str:
    """The N with gradient phi in g, up to a factor without g; empty where it is none of these."""
    algebra = flow.algebra
    g = algebra.field("E", "x", (flow.state("x")[0],))
    if any(_holds_total(s) for s in phi.symbols):
        return "‖g‖" if phi and (g / phi) ** 2 == algebra.total(g * g) else ""
    eps, inside = (sympy.Symbol(name, positive=True) for name in ("eps", "eps_root"))
    tried = {
        "‖g‖²/2": G,
        "‖g‖₁": sympy.Integer(1),
        "Σ(|g|−ε log(1+|g|/ε))": G / (G + eps),
        "Σ√(g²+ε)": G / sympy.sqrt(G**2 + inside),
        "Σ√(ε+g²)": G / sympy.sqrt(G**2 + eps),
        "Σ√(g²+ε²)": G / sympy.sqrt(G**2 + eps**2),
    }
    own = in_one_component(flow, phi)
    if own.has(sympy.Symbol("x")):
        return ""
    return next((n for n, e in tried.items() if e and _is_free_of_g(own / e)), "")


def _is_free_of_g(ratio: sympy.Expr) -> bool:
    """Whether G falls out; digits at two places tell of most that it does not."""
    others = sorted(ratio.free_symbols - {G}, key=str)
    place = {s: sympy.Rational(i + 3, i + 5) for i, s in enumerate(others)}
    one, two = (ratio.xreplace(place | {G: sympy.Integer(at)}).evalf(30) for at in (2, 3))
    gap = abs(one - two)
    return not (gap.is_Float and gap > 1e-20) and not sympy.simplify(ratio).has(G)


def _holds_total(s: Symbol) -> bool:
    inner = s.data[1].symbols if s.kind == "root" else []
    return s.kind == "total" or any(_holds_total(one) for one in inner)
