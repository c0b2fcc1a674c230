"""Which loss a rule beyond linear memory follows through a function of its gradient, at order h.

Such a rule rarely follows a gradient: Adam's first flow is x' = -phi(grad E) with a phi that acts
on each component. It follows a modified loss in the sense x' = -phi(grad E~) + O(h^2) where
E~ = E + h Psi(grad E), that is F_0 = -phi(g) and F_1 = -D phi(g)[H chi(g)] with chi = grad Psi.
For chi = c phi, phi = grad K, this is E~ = E + h c K(grad E), as for Lion with a smooth K.
"""

from __future__ import annotations

from dataclasses import dataclass

from derive.engine.component_ring import Element, Symbol
from derive.engine.invariant_manifold import SlowManifold, general_flow
from derive.engine.vectors import direction
from derive.language.bad_input import BadInput
from derive.language.update_rule import Optimizer


class NoModifiedLoss(BadInput):
    """The rule follows no loss in this sense, or it is not known to."""


@dataclass(frozen=True)
class TransformedLoss:
    """x' = -phi(grad E~) + O(h^2) with E~ = E + h Psi(grad E) and grad Psi = chi.

    phi and chi are component expressions in g = grad E. `factor` is c where chi = c phi, so that
    Psi = c K with grad K = phi; None where it is another function.
    """

    flow: SlowManifold
    phi: Element
    chi: Element
    factor: Element | None


def transformed_loss(optimizer: Optimizer) -> TransformedLoss:
    """The modified loss at order h of a rule whose first flow is a function of the gradient.

    Decided for functions of single components; with norms, chi = c phi is what is tried.

    Args:
        optimizer: a declared update rule.
    Raises:
        NoModifiedLoss: there is none, and the message says why.

    >>> from derive.optimizers import NONLINEAR
    >>> transformed_loss(NONLINEAR["normalized-momentum"]).factor
    (-1/2*beta - 1/2)/(beta - 1)
    """
    flow = general_flow(optimizer, order=2)
    algebra, name = flow.algebra, optimizer.name
    if optimizer.game or len(optimizer.fields) > 1:
        raise NoModifiedLoss(
            f"{name} moves along a game's field or several losses, which no single loss modifies. "
            "Ask for the modified flow."
        )
    if list(flow.slow) != ["x"]:
        raise NoModifiedLoss(
            f"{name} has no modified loss of x: its slow variables are {', '.join(flow.slow)}. "
            "Ask for the modified flow."
        )
    first, second = (algebra.unnamed(part) for part in flow.flow["x"])
    if strange := next((s for s in _inside(first) if not _of_gradient(s)), None):
        raise NoModifiedLoss(
            f"the first flow of {name} is no function of the gradient alone: it holds "
            f"{strange.name}. Ask for the modified flow."
        )
    phi = -first
    if not _is_gradient(flow, phi):
        raise NoModifiedLoss(
            f"the first flow of {name} is no gradient of a function of grad E, so that it has no "
            "modified loss. Ask for the modified flow."
        )
    if not second:
        return TransformedLoss(flow, phi, algebra.zero, algebra.zero)
    whole = -algebra.unnamed(direction(algebra, {"x": algebra.named(first)})(phi))
    ratio = _ratio(-second, whole)  # whole = D phi(g)[H phi]
    if ratio is not None and _is_plain(ratio):
        return TransformedLoss(flow, phi, ratio * phi, ratio)
    chi = _elementwise(flow, phi, second)
    if chi is None and any(s.kind == "total" for s in (*first.symbols, *second.symbols)):
        raise NoModifiedLoss(
            f"whether {name} has a modified loss at order h is not known: its flow holds norms, "
            "and its term of order h is no multiple of D phi(g) H phi(g), phi(g) the first flow. "
            "Ask for the modified flow."
        )
    if chi is None:
        raise NoModifiedLoss(
            f"{name} has no modified loss at order h: its term of order h is no D phi(g) H chi(g) "
            "with phi(g) the first flow. Ask for the modified flow."
        )
    factor = chi / phi
    return TransformedLoss(flow, phi, chi, factor if _is_plain(factor) else None)


def _elementwise(flow: SlowManifold, phi: Element, second: Element) -> Element | None:
    """chi where D phi is diagonal: every weight of H v in F_1 over D phi must be a number.

    H is any symmetric matrix, so that a_j (H v)_j = b_j (H chi)_j for all H needs a_j/b_j to be the
    same in every component.
    """
    algebra = flow.algebra
    test = _test(flow, "v")
    moved = algebra.field(flow.optimizer.fields[0], "x", _place(flow), ((0, test),))
    slope = algebra.unnamed(direction(algebra, {"x": test})(phi)) / moved
    chi, rest = algebra.zero, second
    for s in second.symbols:
        if s.kind == "field" and s.data[2]:
            weight = _ratio(-second.derivative(s), slope) if slope else slope
            if weight is None or not (_is_plain(weight) and len(s.data[2]) == 1):
                return None
            vector = algebra.unnamed(s.data[2][0][1])
            if not all(_of_gradient(part) for part in _inside(vector)):
                return None
            chi = chi + weight * vector
            rest = rest + weight * slope * algebra.variable(s)
    return None if rest or not _is_gradient(flow, chi) else chi


def _ratio(a: Element, b: Element) -> Element | None:
    """a/b, or None where b is 0 or a factor of 0, as 1 + sign(e) is."""
    try:
        return a / b
    except ZeroDivisionError:
        return None


def _place(flow: SlowManifold) -> tuple[Element, ...]:
    return (flow.algebra.symbol("x", "slow", "x"),)


def _test(flow: SlowManifold, name: str) -> Element:
    """A vector that stands for any direction."""
    return flow.algebra.symbol(name, "tangent", "x", key=("any direction", name))


def _is_gradient(flow: SlowManifold, phi: Element) -> bool:
    """Whether D phi(g) is symmetric: sum(b D phi[a]) = sum(a D phi[b]) for a = H v, b = H w."""
    algebra, place = flow.algebra, _place(flow)
    v, w = _test(flow, "v"), _test(flow, "w")
    a, b = (algebra.field(flow.optimizer.fields[0], "x", place, ((0, e),)) for e in (v, w))
    left = algebra.total(b * algebra.unnamed(direction(algebra, {"x": v})(phi)))
    right = algebra.total(a * algebra.unnamed(direction(algebra, {"x": w})(phi)))
    return not left - right


def _is_plain(element: Element) -> bool:
    return all(s.kind == "parameter" for s in element.symbols)


def _of_gradient(s: Symbol) -> bool:
    """Whether a symbol is a parameter or the gradient itself."""
    return s.kind == "parameter" or (s.kind == "field" and not s.data[2])


def _inside(element: Element) -> list[Symbol]:
    """The symbols of an expression, functions and sums opened."""
    found: list[Symbol] = []
    for s in element.symbols:
        if s.kind == "total":
            found += _inside(s.data)
        elif s.kind in {"field", "slow", "parameter", "schedule"}:
            found.append(s)
        else:
            parts = s.data if isinstance(s.data, list | tuple) else [s.data]
            inner = [part for part in parts[-1:] if isinstance(part, Element)]
            found += [one for part in inner for one in _inside(part)]
    return found
