"""What is each term of a rule's flow through order h, on a network?

The flow of the general engine is read with the network's gradient and products with its Hessian in
the place of the symbols. The terms of order h are gathered by what bends the path: the Hessian of
the loss, the weight decay, the schedule, or a norm over all weights that changes along the flow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive.engine.component_ring import Element, Symbol
from derive.engine.components import Components, Vector, factored_terms
from derive.engine.invariant_manifold import general_flow
from derive.engine.order_h import G, in_one_component, regularizer
from derive.language.bad_input import BadInput
from derive.optimizers.settings import Setting
from verify.networks.landscapes import Array, Landscape

KINDS = HESSIAN, DECAY, SCHEDULE, NORMS, OTHER = "hessian", "decay", "schedule", "norms", "other"
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True)
class Forces:
    """The flow x' = leading + h (sum of `bends`) at a point.

    Args:
        bends: the terms of order h, by kind.
        penalty: c N(grad E), so that h `penalty` is the term of the modified loss, summed over the
            components where c depends on the gradient; None where the rule has no such form.
        late: c - 1/2 for each component: by how many steps the memory is behind.
        turned: the Hessian times phi, that is -leading without decay and schedule.
    """

    leading: Array
    bends: Mapping[str, Array]
    penalty: float | None
    late: Array | None
    turned: Array | None


class OrderH:
    """The flow of a rule through order h, to be read at points of a network.

    Raises:
        BadInput: the flow depends on more than the weights and the time, the rule has several
            losses, or no expansion.
    """

    def __init__(self, setting: Setting) -> None:
        rule = setting.exact
        found = regularizer(rule)
        if more := [name for name in found.flow.slow if name != "x"]:
            raise BadInput(
                f"the flow of {rule.name} depends on {', '.join(more)} beside the weights, which "
                "is not read from a network."
            )
        self.setting = setting
        flow = general_flow(setting.whole, order=2)
        self._leading, bent = flow.flow["x"]
        self._bends: dict[str, Element] = {}
        for weight, factors in factored_terms(bent):
            term = reduce(mul, (f**power for f, power in factors)) * weight
            kind = _kind([s for f, _ in factors for s in f.symbols])
            self._bends[kind] = self._bends[kind] + term if kind in self._bends else term
        self._c = self._phi = None
        if found.coefficient:
            self._c = _function(found.coefficient)
            self._phi = _function(in_one_component(found.flow, found.phi))

    def at(self, land: Landscape, x: Array, gradient: Array, time: float) -> Forces:
        """The terms at x, where the gradient is known, at the time t = kh."""
        world = _World(land, x, gradient, self.setting)
        seen = _OnNetwork(world, {"x": [x], "t": time}, {"x": 1})
        with np.errstate(all="ignore"):
            leading = _full(seen.vector(self._leading, "x"), x)
            bends = {k: _full(seen.vector(e, "x"), x) for k, e in self._bends.items()}
            if self._c is None or self._phi is None:
                return Forces(leading, bends, None, None, None)
            size = abs(gradient)
            c, phi = self._c(size), self._phi
            mean = sum(w / 2 * phi(size * (1 + s) / 2) for s, w in zip(NODES, WEIGHTS, strict=True))
            turned = world.turned(np.sign(gradient) * phi(size))
        return Forces(leading, bends, float(np.sum(c * mean * size)), c - 0.5, turned)


def _kind(symbols: Sequence[Symbol]) -> str:
    if any(s.kind == "total" for s in symbols):
        return NORMS
    fields = {s.data[0] for s in symbols if s.kind == "field" and s.data[2]}
    if fields:
        return HESSIAN if "E" in fields else DECAY
    return SCHEDULE if any(s.kind == "schedule" and s.data[1] for s in symbols) else OTHER


def _full(value: Vector, x: Array) -> Array:
    """A vector of the size of x; a component that divides by a gradient of 0 does not move."""
    (only,) = value
    return np.nan_to_num(np.broadcast_to(only, x.shape), posinf=0.0, neginf=0.0)


def _function(expr: sympy.Expr) -> Any:
    # the module itself: of its name SymPy imports every part of NumPy
    compiled = sympy.lambdify(G, expr, [np])
    return lambda size: np.broadcast_to(compiled(size), size.shape)


class _OnNetwork(Components):
    """Components whose one entry is the array of all."""

    def _found(self, s: Symbol) -> Any:
        if s.kind == "total":
            part = self.of(s.data)
            return part[0].sum() if isinstance(part, list) else part * self.values["x"][0].size
        return super()._found(s)


class _World:
    """The fields of a network at one point, E its gradient and W that of the decay, and eta."""

    def __init__(self, land: Landscape, x: Array, gradient: Array, setting: Setting) -> None:
        self.land, self.x, self.gradient, self.setting = land, x, gradient, setting
        self._known: list[tuple[Array, Array]] = []

    def turned(self, v: Array) -> Array:
        """The Hessian times v, once for each v."""
        for known, product in self._known:
            if np.array_equal(known, v):
                return product
        self._known.append((v, self.land.hessian_times(self.x, v)))
        return self._known[-1][1]

    def convert(self, value: fmpq) -> float:
        return int(value.p) / int(value.q)

    def field(
        self, name: str, points: Sequence[Vector], moved: Sequence[tuple[int, Vector]]
    ) -> Vector:
        if len(moved) > 1 or not np.array_equal(_full(points[0], self.x), self.x):
            raise BadInput("a term of order h takes the loss at another point than the weights.")
        along = [_full(v, self.x) for _, v in moved]
        if name == "W":
            return [self.setting.decoupled * (along[0] if along else self.x)]
        return [self.turned(along[0]) if along else self.gradient]

    def schedule(self, name: str, order: int, time: float) -> float:
        t = sympy.Symbol("t")
        return float(sympy.diff(self.setting.eta, t, order).subs(t, time))

    def function(self, name: str, value: Any) -> Any:
        return getattr(np, name)(value)

    def root(self, value: Any, q: int) -> Any:
        return value ** (1 / q)

    def power(self, base: Any, exponent: Any) -> Any:
        return base ** float(exponent)
