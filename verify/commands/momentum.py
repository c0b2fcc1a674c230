"""`undertow momentum`: which momentum to take at a step size, and what each rests on."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Any

import sympy
import typer

from derive.language.writing import plain, unicode_text
from derive.quadratics.momentum_choice import Choice, MomentumChoices, choose_momentum
from verify.commands.base import Format, Given, Output, app, assignments, say, say_json
from verify.running.rule_files import find_rule

DIGITS = 6
ROWS = {
    "momentum": "momentum",
    "largest_step": "stable for step sizes below",
    "oscillates_above": "oscillating above the curvature",
    "mixed": "steps to relax, flat directions",
    "slowest": "steps to relax, slowest mode",
    "drift": "steps to drift along the valley",
}


LearningRate = Annotated[str, typer.Option(help="The step size.")]
Top = Annotated[str, typer.Option(help="The largest curvature.")]
Bottom = Annotated[
    str | None, typer.Option(help="The smallest positive curvature; default: the largest.")
]
LabelNoise = Annotated[
    str | None, typer.Option(help="s, for gradient noise of covariance s H on the valley.")
]
TraceCurvature = Annotated[
    str | None, typer.Option(help="k, for tr H = k/2 times a squared distance in the valley.")
]


@app.command()
def momentum(
    lr: LearningRate,
    hessian_top: Top,
    hessian_bottom: Bottom = None,
    optimizer: Annotated[str, typer.Option(help="An optimizer.")] = "heavy-ball",
    beta: Annotated[str | None, typer.Option(help="A momentum to look at as well.")] = None,
    label_noise: LabelNoise = None,
    trace_curvature: TraceCurvature = None,
    prefactor: Annotated[
        str | None, typer.Option(help="C of the matched momentum 1 - C h^(2/3), instead of both.")
    ] = None,
    give: Given = None,
    format: Output = Format.TEXT,
) -> None:
    """The fastest momentum, the one matched to the drift, and the timescales of each."""
    found = choose_momentum(
        find_rule(optimizer).at(**assignments(give or [])),
        step=lr,
        top=hessian_top,
        bottom=hessian_bottom,
        momentum=beta,
        label_noise=label_noise,
        trace_curvature=trace_curvature,
        prefactor=prefactor,
    )
    if format is Format.JSON:
        say_json(_as_json(found))
        return
    for line in _as_lines(found):
        say(line)


def _decimal(value: sympy.Expr | None) -> str:
    if value is None:
        return "-"
    return "∞" if value == sympy.oo else f"{float(sympy.N(value, 30)):.{DIGITS}g}"


def _as_lines(found: MomentumChoices) -> list[str]:
    low, high = found.curvatures
    spectrum = plain(high) if low == high else f"{plain(low)} ... {plain(high)}"
    lines = [f"{found.optimizer.name}   step size {found.step}, curvature {spectrum}", ""]
    if found.choices:
        table = [["", *(choice.name for choice in found.choices)]]
        table += [
            [label, *(_decimal(getattr(choice, field)) for choice in found.choices)]
            for field, label in ROWS.items()
        ]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for first, *rest in table:
            cells = (f"{cell:>{w}}" for cell, w in zip(rest, widths[1:], strict=True))
            lines.append(f"  {first:<{widths[0]}}   " + "   ".join(cells))
        lines.append("")
    lines += [f"  no {name} momentum: {why}" for name, why in found.missing.items()]
    lines += [f"  {warning}" for warning in found.warnings]
    lines += [""] if found.missing or found.warnings else []
    width = max(map(len, found.closed_forms))
    lines += [f"  {name:<{width}}   {unicode_text(e)}" for name, e in found.closed_forms.items()]
    lines += ["", "assumed"]
    for name, reasons in found.assumptions.items():
        lines += [f"  {name}", *(f"    {reason}" for reason in reasons)]
    return lines


def _as_json(found: MomentumChoices) -> dict[str, Any]:
    def number(value: Any) -> Any:
        if not isinstance(value, sympy.Expr):
            return value
        if value == sympy.oo:
            return {"exact": "oo", "decimal": None}
        return {"exact": plain(value), "decimal": float(sympy.N(value, 30))}

    def choice_as_json(choice: Choice) -> dict[str, Any]:
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
