"""`undertow drift` and `undertow sweep`: small noise carries an optimizer along minimizers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

import mpmath
import sympy
import typer
from flint import fmpq

from derive.language.update_rule import BadInput, Optimizer
from derive.language.writing import plain
from derive.valleys.drift import Drift, NotExact, Valley, drift, valley
from verify.commands.base import (
    Digits,
    Format,
    Given,
    Output,
    Seed,
    app,
    assignments,
    say,
    say_json,
)
from verify.commands.own import number
from verify.formulas.reading import read_loss
from verify.models.valleys import NumericalDrift, numerical_drift
from verify.running.expression_losses import loss_from_expression
from verify.running.numbers import precision
from verify.running.rule_files import find_rule
from verify.simulations.label_noise import sweep

SHOWN = 12
FLOOR = mpmath.mpf(10) ** -25


@dataclass(frozen=True)
class Told:
    """What is printed: text for every entry of the drift, in the order of the variables."""

    variables: tuple[str, ...]
    at: list[str]
    dimension: int
    parts: dict[str, list[str]]
    diffusion: list[list[str]]
    exact: bool


@app.command("drift")
def drift_command(
    loss: Annotated[str, typer.Option(help="A loss, such as '(x*y - 1)**2/2'.")],
    at: Annotated[str, typer.Option(help="A minimizer, as 1,1; variables in alphabetical order.")],
    optimizer: Annotated[str, typer.Argument(help="An optimizer, or file.py:rule.")] = "heavy-ball",
    lr: Annotated[str | None, typer.Option(help="The step size; h without it.")] = None,
    noise: Annotated[
        str,
        typer.Option(help="label (covariance H), isotropic, or the covariance as 2,1;1,3."),
    ] = "label",
    give: Given = None,
    digits: Digits = 30,
    format: Output = Format.TEXT,
) -> None:
    """Drift and diffusion in one step along the minimizers of a loss, under small noise.

    Exact where the derivatives at the point are rational numbers; parameters without a value stay
    symbols. Elsewhere the minimizer next to the point is found and all is computed to --digits.
    """
    rule = find_rule(optimizer).at(**assignments(give or []))
    expr, names = read_loss(loss)
    point = [number("--at", part) for part in at.split(",")]
    if len(point) != len(names):
        raise BadInput(
            f"--at {at} has {len(point)} numbers; the loss has {len(names)}: {', '.join(names)}."
        )
    step = None if lr is None else number("--lr", lr)
    if step is not None and step <= 0:
        raise BadInput(f"--lr {lr} is not positive.")
    given = None if noise == "label" else covariance(noise, len(names))
    told = _tell(rule, expr, names, point, step, given, digits)
    if format is Format.JSON:
        say_json(
            {
                "optimizer": rule.name,
                "loss": loss,
                "noise": noise,
                "at": dict(zip(names, told.at, strict=True)),
                "dimension": told.dimension,
                "exact": told.exact,
                "drift": told.parts,
                "diffusion": told.diffusion,
            }
        )
        return
    say(f"{rule.name.replace('-', ' ')} on E = {loss}, noise {noise}")
    say(f"minimizers of dimension {told.dimension} through {_point(told)}")
    say("mean displacement in one step, over the variance of the noise")
    say()
    rows = [["", *told.variables], *([name, *part] for name, part in told.parts.items())]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        say("  " + "   ".join(f"{c:<{w}}" for c, w in zip(row, widths, strict=True)).rstrip())
    say()
    moves = any(entry not in ("0", "0.0") for row in told.diffusion for entry in row)
    shown = "; ".join(", ".join(row) for row in told.diffusion)
    say(f"diffusion   {shown if moves else 'none'}")


def _point(told: Told) -> str:
    return ", ".join(f"{name} = {x}" for name, x in zip(told.variables, told.at, strict=True))


def covariance(text: str, size: int) -> sympy.Matrix:
    """The matrix that --noise stands for."""
    if text == "isotropic":
        return sympy.eye(size)
    if text.isalpha():
        raise BadInput(f"--noise {text} is none of label, isotropic and a matrix such as 2,1;1,3.")
    rows = [[number("--noise", entry) for entry in row.split(",")] for row in text.split(";")]
    if len(rows) != size or any(len(row) != size for row in rows):
        raise BadInput(f"--noise {text} is not {size} rows of {size} numbers, as in 2,1;1,3.")
    found = sympy.Matrix([[_sympy(entry) for entry in row] for row in rows])
    if found != found.T or not found.is_positive_semidefinite:
        raise BadInput(f"--noise {text} is no covariance: symmetric, no negative eigenvalue.")
    return found


def _sympy(x: fmpq) -> sympy.Rational:
    return sympy.Rational(int(x.p), int(x.q))


def _tell(
    rule: Optimizer,
    expr: sympy.Expr,
    names: Sequence[str],
    point: list[fmpq],
    step: fmpq | None,
    noise: sympy.Matrix | None,
    digits: int,
) -> Told:
    try:
        place = valley(
            expr, {sympy.Symbol(n): _sympy(x) for n, x in zip(names, point, strict=True)}
        )
    except NotExact as reason:
        if step is None or rule.parameters:
            raise BadInput(f"{reason} Numbers need --lr and --set for every parameter.") from None
        loss = loss_from_expression(expr)
        with precision(digits):
            given = None if noise is None else mpmath.matrix(noise.tolist())
            found = numerical_drift(rule, loss, point, h=step, noise=given)
            return _numerical(names, found)
    used = place.hessian if noise is None else noise
    return _exact(
        names, point, place, drift(rule, place, used, step=None if step is None else _sympy(step))
    )


def _exact(names: Sequence[str], point: list[fmpq], place: Valley, found: Drift) -> Told:
    def written(vector: sympy.Matrix) -> list[str]:
        return [plain(entry) for entry in vector]

    parts = {
        "along, mixed": written(found.mixed),
        "along, transverse": written(found.transverse),
        "across, bending": written(found.bending),
        "all": written(found.total),
    }
    rows = [written(found.diffusion[i, :]) for i in range(len(names))]
    return Told(tuple(names), [str(x) for x in point], place.dimension, parts, rows, True)


def _numerical(names: Sequence[str], found: NumericalDrift) -> Told:
    def written(numbers: Sequence[mpmath.mpf]) -> list[str]:
        return [mpmath.nstr(mpmath.chop(x, tol=FLOOR), SHOWN) for x in numbers]

    total = [sum(x) for x in zip(found.mixed, found.transverse, found.bending, strict=True)]
    parts = {
        "along, mixed": written(found.mixed),
        "along, transverse": written(found.transverse),
        "across, bending": written(found.bending),
        "all": written(total),
    }
    rows = [written(list(found.diffusion[i, :])) for i in range(len(names))]
    return Told(tuple(names), written(found.at), found.dimension, parts, rows, False)


@app.command("sweep")
def sweep_command(
    steps: Annotated[
        str, typer.Option(help="Step sizes, as 1e-1,1e-2.")
    ] = "1e-1,3e-2,1e-2,3e-3,1e-3",
    strength: Annotated[float, typer.Option(help="Variance of the label noise over P.")] = 1e-6,
    replicas: Annotated[int, typer.Option(help="Runs side by side for each momentum.")] = 600,
    seed: Seed = 0,
    format: Output = Format.TEXT,
) -> None:
    """Train two linear layers under label noise: the momentum that settles best at each step size.

    The settling time is the sum over the steps of |w|^2/|w_0|^2; 1-beta comes from one grid for all
    step sizes. Intervals are four deviations, over replicas.
    """
    sizes = [float(number("--steps", text)) for text in steps.split(",")]
    if len(sizes) < 2 or not all(0 < h <= 0.5 for h in sizes):
        raise BadInput(f"--steps {steps} needs two or more step sizes in (0, 1/2].")
    if not 1e-7 <= strength <= 1e-2:
        raise BadInput(f"--strength {strength} is outside [1e-7, 1e-2].")
    if not 20 <= replicas <= 100_000:
        raise BadInput(f"--replicas {replicas} is outside 20 ... 100000.")
    found = sweep(sizes, strength=strength, replicas=replicas, seed=seed)
    if format is Format.JSON:
        say_json(asdict(found))
        return
    matched = (strength / 2) ** (1 / 3)
    say(f"{'h':>8}   {'best 1-beta':<22}   {'over matched':>12}   {'settling time':>13}")
    for h, best, time in zip(found.steps, found.dampings, found.times, strict=True):
        ratio = best.value / (matched * h ** (2 / 3))
        say(f"{h:>8.0e}   {best!s:<22}   {ratio:>12.3f}   {time:>13.0f}")
    say()
    say(f"best 1-beta ~ h^p     p = {found.exponent}   (2/3 where the times match)")
    say(f"settling time ~ h^q   q = {found.time_exponent:.3f}")
