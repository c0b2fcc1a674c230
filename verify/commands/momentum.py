"""`undertow momentum`: which momentum to take at a step size, and what each rests on."""

from __future__ import annotations

from typing import Annotated

import typer

from verify.commands.application import command
from verify.commands.base import (
    CALL_SECONDS,
    Format,
    Given,
    Output,
    Rule,
    Seconds,
    assignments,
    say,
    say_json,
)

Top = Annotated[str, typer.Option(help="The largest curvature.")]
BestRate = Annotated[
    str | None,
    typer.Option("--lr", metavar="X", help="The step size; the best one for heavy ball without."),
]
Bottom = Annotated[
    str | None, typer.Option(help="The smallest positive curvature; default: the largest.")
]
LabelNoise = Annotated[
    str | None, typer.Option(help="s, for gradient noise of covariance s H on the valley.")
]
TraceCurvature = Annotated[
    str | None, typer.Option(help="k, for tr H = k/2 times a squared distance in the valley.")
]


@command(
    "momentum",
    examples=(
        "momentum --lr 1e-3 --hessian-top 50",
        "momentum --hessian-top 100 --hessian-bottom 1",
        "momentum nesterov --lr 1/10 --hessian-top 10 --hessian-bottom 1 --set beta=0.9",
        "momentum --lr 1e-3 --hessian-top 50 --label-noise 1/10 --trace-curvature 2",
    ),
    former={"--optimizer": "", "--beta": "--set beta="},
)
def momentum(
    hessian_top: Top,
    optimizer: Rule = "heavy-ball",
    lr: BestRate = None,
    hessian_bottom: Bottom = None,
    label_noise: LabelNoise = None,
    trace_curvature: TraceCurvature = None,
    prefactor: Annotated[
        str | None, typer.Option(help="C of the matched momentum 1 - C h^(2/3), instead of both.")
    ] = None,
    give: Given = None,
    seconds: Seconds = CALL_SECONDS,
    format: Output = Format.TEXT,
) -> None:
    """The fastest momentum, the one matched to the drift, and the timescales of each.

    A momentum that is given with --set stands beside them.
    """
    from derive.quadratics.momentum_choice import choose_momentum
    from verify.report import momentum as report
    from verify.running.rule_files import find_rule

    rule, values = find_rule(optimizer), assignments(give or [])
    momenta = [p.name for p in rule.declared if p.meaning == "momentum"]
    looked_at = values.pop(momenta[0], None) if momenta else None
    found = choose_momentum(
        rule.at(**values),
        step=lr,
        top=hessian_top,
        bottom=hessian_bottom,
        momentum=looked_at,
        label_noise=label_noise,
        trace_curvature=trace_curvature,
        prefactor=prefactor,
    )
    if format is Format.JSON:
        say_json(report.as_json(found))
    else:
        say(report.as_text(found))
