"""Where the expansion of a rule stops to hold, read off the symbols of its flow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from derive.engine.component_ring import Element, Symbol
from derive.engine.invariant_manifold import SlowManifold


class EdgeKind(StrEnum):
    """What an edge asks of its expression."""

    SIGN = "sign"
    """No component may be 0 or change its sign."""
    ZERO = "zero"
    """It may not be 0."""
    SCALE = "scale"
    """A step must change it by much less than itself."""
    MEMORY = "memory"
    """It must be much larger than h."""
    ASSUMED = "assumed"
    """It is taken to be positive."""


@dataclass(frozen=True)
class Edge:
    """One condition under which a flow holds."""

    kind: EdgeKind
    of: Element


def edges(flow: SlowManifold) -> list[Edge]:
    """Every condition, once, in the order of `EdgeKind`.

    >>> from derive.engine.invariant_manifold import general_flow
    >>> from derive.optimizers import NONLINEAR
    >>> [str(edge.kind) for edge in edges(general_flow(NONLINEAR["rmsprop"], order=2))]
    ['sign', 'scale', 'memory']
    """
    found: dict[tuple[EdgeKind, str], Edge] = {}
    rows = [e for row in (*flow.flow.values(), *flow.manifold.values()) for e in row]
    for element in rows:
        for edge in (*_of_symbols(element), *_of_denominator(element)):
            found.setdefault((edge.kind, edge.of.key), edge)
    for element in flow.algebra.assumed.values():
        found[EdgeKind.ASSUMED, element.key] = Edge(EdgeKind.ASSUMED, element)
    order = list(EdgeKind)
    return sorted(found.values(), key=lambda edge: order.index(edge.kind))


def _of_symbols(element: Element) -> Iterator[Edge]:
    for s in _opened(element):
        if s.kind in {"sign", "abs"}:
            yield Edge(EdgeKind.SIGN, s.data[-1])
        elif s.kind == "root" and not s.space and not _is_plain(s.data[-1]):
            yield Edge(EdgeKind.ZERO, s.data[-1])


def _of_denominator(element: Element) -> Iterator[Edge]:
    below = Element(element.algebra, element.den, element.algebra.one)
    for factor, _ in element.algebra.factors(below)[1]:
        if len(factor.num.coeffs()) > 1:
            if all(s.kind == "parameter" for s in factor.symbols):
                yield Edge(EdgeKind.MEMORY, factor)
            elif not _is_plain(factor):
                yield Edge(EdgeKind.SCALE, factor)


def _is_plain(element: Element) -> bool:
    return all(s.kind in {"parameter", "fading", "step"} for s in element.symbols)


def _opened(element: Element) -> Iterator[Symbol]:
    """The symbols of an expression and of what names, sums and functions hold."""
    for s in element.symbols:
        yield s
        parts = s.data if isinstance(s.data, list | tuple) else [s.data]
        if s.kind not in {"field", "sin", "cos", "fading"}:
            for part in parts:
                if isinstance(part, Element):
                    yield from _opened(part)
