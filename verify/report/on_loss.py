"""A modified flow in the coordinates of a loss as text, LaTeX, JSON and SymPy code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from derive.engine.backward_error import modified_flow
from derive.engine.front_door import is_linear
from derive.engine.invariant_manifold import SlowManifold, general_flow
from derive.engine.on_loss import (
    FieldOnLoss,
    field_on_loss,
    series_on_loss,
    step_polynomial,
)
from derive.language.raised import raised
from derive.language.update_rule import Optimizer
from derive.language.writing import GREEK, latex, plain, unicode_text
from verify.formulas.grounds import read_ground


@dataclass(frozen=True)
class OnLoss:
    """The field of a rule on a loss."""

    optimizer: Optimizer
    order: int
    losses: Mapping[str, str]
    schedules: Mapping[str, sympy.Expr]
    found: FieldOnLoss
    step: str = "h"


def find(
    rule: Optimizer,
    losses: Sequence[str],
    *,
    order: int,
    schedules: Mapping[str, str],
    flow: SlowManifold | None = None,
) -> OnLoss:
    """Derive the modified flow through h^(order-1) and write it in the loss's coordinates.

    Args:
        flow: of an observed variable, where one was asked for.
    """
    ground, texts = read_ground(rule, losses, schedules)
    if flow is None and is_linear(rule):
        found = series_on_loss(modified_flow(rule, order=order), ground)
    else:
        found = field_on_loss(flow or general_flow(rule, order=order), ground)
    return OnLoss(rule, order, texts, ground.schedules, found)


def _rows(page: OnLoss) -> list[tuple[str, str, sympy.Expr]]:
    """(slow variable, coordinate, its speed)."""
    return [
        (name, own, step_polynomial(terms, page.step))
        for name, components in page.found.field.items()
        for own, terms in zip(page.found.names[name], components, strict=True)
    ]


def as_json(page: OnLoss) -> dict[str, Any]:
    """The JSON object of `undertow derive --loss`."""
    found = page.found
    field: dict[str, list[str]] = {name: [] for name in found.slow}
    for name, _, speed in _rows(page):
        field[name].append(plain(speed))
    return {
        "optimizer": page.optimizer.name,
        "quantity": "modified-flow",
        "order": page.order,
        "loss": dict(page.losses) if len(set(page.losses.values())) > 1 else _only(page),
        "coordinates": list(found.coordinates),
        "slow": list(found.slow),
        "names": {name: list(own) for name, own in found.names.items()},
        "parameters": list(found.parameters),
        "values": {name: str(value) for name, value in page.optimizer.values},
        "schedules": {name: plain(expr) for name, expr in page.schedules.items()},
        "field": field,
    }


def _only(page: OnLoss) -> str:
    return next(iter(page.losses.values()))


def as_text(page: OnLoss) -> str:
    """One line a coordinate and power of h."""
    losses = [f"{name} = {text}" for name, text in page.losses.items()]
    if len(set(page.losses.values())) == 1:
        losses = [f"E = {_only(page)}"]
    lines = [f"{page.optimizer.name.replace('-', ' ')} on {',   '.join(losses)}", ""]
    step = GREEK.get(page.step, page.step)
    for name, components in page.found.field.items():
        for own, terms in zip(page.found.names[name], components, strict=True):
            left = f"{own}' ="
            for n, term in enumerate(terms):
                if term != 0 or n == 0:
                    power = f"{step}{raised(n) if n > 1 else ''} "
                    written = unicode_text(term)
                    lines.append(f"  {left} " + (f"{power}({written})" if n else written))
                    left = " " * (len(left) - 1) + "+"
    return "\n".join(lines)


def as_latex(page: OnLoss) -> str:
    """An align environment, one line a coordinate and power of h."""
    rows: list[str] = []
    for name, components in page.found.field.items():
        for own, terms in zip(page.found.names[name], components, strict=True):
            parts = [latex(terms[0])]
            for n, term in enumerate(terms[1:], 1):
                if term != 0:
                    power = latex(sympy.Symbol(page.step) ** n)
                    parts.append(rf"+{power}\left({latex(term)}\right)")
            left = latex(sympy.Symbol(own))
            rows.append(f"{left}' &= " + " \\\\\n&\\quad ".join(parts))
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def as_sympy(page: OnLoss) -> str:
    """Python code that defines the speed of every coordinate."""
    speeds = {own: speed for _, own, speed in _rows(page)}
    symbols = sorted({s.name for e in speeds.values() for s in e.free_symbols})
    functions = [n for n in page.optimizer.schedules if n not in page.schedules]
    lines = ["from sympy import *", ""]
    lines += [f'{", ".join(symbols)} = symbols("{" ".join(symbols)}", seq=True)'] if symbols else []
    lines += [f'{name} = Function("{name}")' for name in functions]
    lines += ["modified_flow = {"]
    exact = {own: sympy.sstr(speed, sympy_integers=True) for own, speed in speeds.items()}
    lines += [f'    "{own}": {speed},' for own, speed in exact.items()]
    return "\n".join([*lines, "}"])
