"""Which momentum to take, as text and JSON."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import sympy

from derive.language.writing import plain, unicode_text
from derive.quadratics.momentum_choice import WORKED_WITH, ChosenMomentum, MomentumChoices
from verify.running.cells import aligned
from verify.running.numbers import BALL, evaluate, precision

DIGITS = 6
ROWS = {
    "momentum": "momentum",
    "largest_step": "stable for step sizes below",
    "oscillates_above": "oscillating above the curvature",
    "mixed": "steps to relax, flat directions",
    "slowest": "steps to relax, slowest mode",
    "drift": "steps to drift along the valley",
}


def _decimal(value: sympy.Expr | None) -> str:
    if value is None:
        return "-"
    return "∞" if value == sympy.oo else f"{_float(value):.{DIGITS}g}"


def _float(value: sympy.Expr) -> float:
    with precision(WORKED_WITH):
        return float(evaluate(value, {}, BALL).real)


def _step(value: sympy.Expr) -> str:
    """Exact, and in decimals where these do not end."""
    ends = value.is_Rational and set(sympy.primefactors(value.q)) <= {2, 5}
    return plain(value) if ends else f"{plain(value)} = {_decimal(value)}"


def as_text(found: MomentumChoices) -> str:
    """The choices side by side, with what each rests on."""
    low, high = found.curvatures
    spectrum = plain(high) if low == high else f"{plain(low)} ... {plain(high)}"
    lines = [f"{found.optimizer.name}   step size {_step(found.step)}, curvature {spectrum}", ""]
    if found.choices:
        table = [["", *(choice.name for choice in found.choices)]]
        table += [
            [label, *(_decimal(getattr(choice, field)) for choice in found.choices)]
            for field, label in ROWS.items()
        ]
        lines += [aligned(table, indent="  ", right=" " + "r" * len(found.choices)), ""]
    lines += [f"  no {name} momentum: {why}" for name, why in found.missing.items()]
    lines += [f"  {warning}" for warning in found.warnings]
    lines += [""] if found.missing or found.warnings else []
    forms = [(name, unicode_text(expr)) for name, expr in found.closed_forms.items()]
    lines.append(aligned(forms, indent="  "))
    lines += ["", "assumed"]
    for name, reasons in found.assumptions.items():
        lines += [f"  {name}", *(f"    {reason}" for reason in reasons)]
    return "\n".join(lines)


def as_json(found: MomentumChoices) -> dict[str, Any]:
    """The same for programs, exactly and in decimals."""

    def number(value: Any) -> Any:
        if not isinstance(value, sympy.Expr):
            return value
        if value == sympy.oo:
            return {"exact": "oo", "decimal": None}
        return {"exact": plain(value), "decimal": _float(value)}

    def choice_as_json(choice: ChosenMomentum) -> dict[str, Any]:
        return {field.name: number(getattr(choice, field.name)) for field in fields(choice)}

    return {
        "optimizer": found.optimizer.name,
        "step": str(found.step),
        "curvatures": [str(curvature) for curvature in found.curvatures],
        "choices": [choice_as_json(choice) for choice in found.choices],
        "missing": dict(found.missing),
        "warnings": list(found.warnings),
        "closed_forms": {name: plain(form) for name, form in found.closed_forms.items()},
        "assumptions": {name: list(reasons) for name, reasons in found.assumptions.items()},
    }
