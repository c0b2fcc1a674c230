"""Drift and diffusion along minimizers, computed exactly or in digits, as text and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import sympy
from flint import fmpq

from derive.language.coefficients import exact
from derive.language.update_rule import BadInput, Optimizer
from derive.language.writing import plain
from derive.valleys.drift import Drift, NotExact, Valley, drift, valley
from verify.models.valleys import NumericalDrift, numerical_drift
from verify.running.cells import aligned
from verify.running.expression_losses import loss_from_expression
from verify.running.numbers import precision

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


def as_text(rule: Optimizer, loss: str, noise: str, told: Told) -> str:
    """The drift and its parts, a column a variable, and the diffusion."""
    rows = [["", *told.variables], *([name, *part] for name, part in told.parts.items())]
    lines = [
        f"{rule.name.replace('-', ' ')} on E = {loss}, noise {noise}",
        f"minimizers of dimension {told.dimension} through {_point(told)}",
        "mean displacement in one step, over the variance of the noise",
        "",
    ]
    lines.append(aligned(rows, indent="  "))
    moves = any(entry not in ("0", "0.0") for row in told.diffusion for entry in row)
    shown = "; ".join(", ".join(row) for row in told.diffusion)
    return "\n".join([*lines, "", f"diffusion   {shown if moves else 'none'}"])


def as_json(rule: Optimizer, loss: str, noise: str, told: Told) -> dict[str, Any]:
    """The same for programs."""
    return {
        "optimizer": rule.name,
        "loss": loss,
        "noise": noise,
        "at": dict(zip(told.variables, told.at, strict=True)),
        "dimension": told.dimension,
        "exact": told.exact,
        "drift": told.parts,
        "diffusion": told.diffusion,
    }


def _point(told: Told) -> str:
    return ", ".join(f"{name} = {x}" for name, x in zip(told.variables, told.at, strict=True))


def covariance(text: str, size: int) -> sympy.Matrix:
    """The matrix that --noise stands for."""
    if text == "isotropic":
        return sympy.eye(size)
    try:
        rows = [[exact(entry) for entry in row.split(",")] for row in text.split(";")]
    except ValueError:
        raise BadInput(
            f"--noise {text} is none of label, isotropic and a matrix such as 2,1;1,3."
        ) from None
    if len(rows) != size or any(len(row) != size for row in rows):
        raise BadInput(f"--noise {text} is not {size} rows of {size} numbers, as in 2,1;1,3.")
    found = sympy.Matrix([[_sympy(entry) for entry in row] for row in rows])
    if found != found.T or not found.is_positive_semidefinite:
        raise BadInput(f"--noise {text} is no covariance: symmetric, no negative eigenvalue.")
    return found


def _sympy(x: fmpq) -> sympy.Rational:
    return sympy.Rational(int(x.p), int(x.q))


def find(
    rule: Optimizer,
    expr: sympy.Expr,
    names: Sequence[str],
    point: list[fmpq],
    step: fmpq | None,
    noise: sympy.Matrix | None,
    digits: int,
) -> Told:
    """Exact where the derivatives at the point are rational, to `digits` digits elsewhere."""
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
