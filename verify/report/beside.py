"""A run beside the flows it is said to follow, as text and JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from derive.language.update_rule import Optimizer
from verify.workbench.beside_flow import FLOWS, Comparison


def as_text(rule: Optimizer, loss: str, found: Comparison) -> str:
    """Some steps of the run, and the errors for halved step sizes with their order."""

    def vector(entries: list[float]) -> str:
        return "  ".join(f"{entry: .6f}" for entry in entries)

    rows: list[tuple[str, ...]] = [("k", "kh", "x_k", *FLOWS)]
    for row in found.rows:
        flows = [vector(row.flows[name]) for name in FLOWS]
        rows.append((str(row.k), f"{row.time:.4g}", vector(row.x), *flows))
    errors: list[tuple[str, ...]] = [("h", *FLOWS)]
    for i, h in enumerate(found.steps):
        errors.append((str(h), *(f"{found.errors[name][i]:.3e}" for name in FLOWS)))
    errors.append(("order", *(str(found.orders[name]) for name in FLOWS)))
    lines = [
        f"{rule.name.replace('-', ' ')} on E = {loss}",
        "",
        *_aligned(rows),
        "",
        "largest distance from x_k at the end",
        "",
        *_aligned(errors),
    ]
    return "\n".join(lines)


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  " + "   ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]


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
            {"h": str(h), **{name: found.errors[name][i] for name in FLOWS}}
            for i, h in enumerate(found.steps)
        ],
        "orders": {name: asdict(order) for name, order in found.orders.items()},
    }
