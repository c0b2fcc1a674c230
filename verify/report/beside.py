"""A run beside the flows it is said to follow, as text and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from derive.language.update_rule import Optimizer
from verify.report.general import sentence
from verify.report.table import table
from verify.workbench.beside_flow import Comparison, Left


def as_text(rule: Optimizer, loss: str, names: Sequence[str], found: Comparison) -> str:
    """Some steps of the run, a row a coordinate, and the errors for halved step sizes."""
    flows = list(found.errors)
    rows: list[tuple[str, ...]] = [("k", "kh", "", "x_k", *(name.split(", ")[0] for name in flows))]
    rows.append(("", "", "", "", *(", ".join(name.split(", ")[1:]) for name in flows)))
    for row in found.rows:
        for i, name in enumerate(names):
            ahead = (str(row.k), f"{row.time:.4g}") if i == 0 else ("", "")
            entries = (row.x[i], *(row.flows[flow][i] for flow in flows))
            rows.append((*ahead, name, *(f"{entry:.6f}" for entry in entries)))
    errors: list[tuple[str, ...]] = [("h", *rows[0][4:]), ("", *rows[1][4:])]
    for i, h in enumerate(found.steps):
        errors.append((str(h), *(f"{found.errors[name][i]:.3e}" for name in flows)))
    errors.append(("order", *(str(found.orders[name]) for name in flows)))
    lines = [
        f"{rule.name.replace('-', ' ')} on E = {loss}",
        "",
        table(rows, "rr rrrr"),
        "",
        "largest distance from x_k at the end",
        "",
        table(errors, "rrrr"),
        *(f"\n{_broken(left)}" for left in found.left),
    ]
    return "\n".join(lines)


def as_json(rule: Optimizer, loss: str, found: Comparison) -> dict[str, Any]:
    """The same for programs."""
    return {
        "optimizer": rule.name,
        "loss": loss,
        "steps": [
            {"k": row.k, "time": float(row.time), "x": row.x, "flows": row.flows}
            for row in found.rows
        ],
        "errors": [
            {"h": str(h), **{name: errors[i] for name, errors in found.errors.items()}}
            for i, h in enumerate(found.steps)
        ],
        "left_the_range": [{"k": left.k, "says": _broken(left)} for left in found.left],
        "orders": {name: asdict(order) for name, order in found.orders.items()},
    }


def _broken(left: Left) -> str:
    return (
        f"Step {left.k} leaves the range of the expansion, which holds where "
        f"{sentence(left.flow, left.edge)}."
    )
