"""On which losses (one a field), from where and at which steps is a rule run?"""

from __future__ import annotations

import math
from collections.abc import Sequence

import gmpy2
import numpy as np
from flint import fmpq

from derive.engine.backward_error import slow_motion
from derive.engine.linear_memory import linear_method
from derive.language.trees import grow
from derive.language.update_rule import BadInput, Optimizer
from verify.formulas.reading import loss_from_text, read_loss
from verify.running.expression_losses import loss_from_expression
from verify.running.families import Draw, bounded_polynomial, starting_point
from verify.running.losses import Fields, VectorField
from verify.running.numbers import FLOAT, MPFR

MOST_TRIES = 40
GENTLE = 8
"""Speed times curvature up to which the usual step sizes are small."""
SHORT = 4
"""How many steps of memory the usual step sizes allow."""


def losses_of(rule: Optimizer, text: str) -> dict[str, str]:
    """The texts of the losses by field, between semicolons, as in `W = x^2; E = x^4`.

    Without names they stand in the order of the fields.

    Raises:
        BadInput: not one for each field.
    """
    texts = [part.strip() for part in text.split(";")]
    named = {name.strip(): loss.strip() for name, _, loss in (t.partition("=") for t in texts)}
    if len(texts) == len(named) and set(named) == set(rule.fields) and "=" in text:
        return {name: named[name] for name in rule.fields}
    if len(texts) == len(rule.fields):
        return dict(zip(rule.fields, texts, strict=True))
    wanted = "; ".join(f"loss for {name}" for name in rule.fields)
    raise BadInput(
        f"{rule.name} takes the gradients of {len(rule.fields)} "
        f"field{'s' * (len(rule.fields) > 1)} ({', '.join(rule.fields)}) and the text has "
        f"{len(texts)}: write '{wanted}', such as "
        f"'{'; '.join(['x^4/4+x^2/2', 'x^2/2', 'x^2'][: len(rule.fields)])}'."
    )


def read_world(rule: Optimizer, text: str) -> tuple[VectorField, list[str]]:
    """The losses of `losses_of`, ready to be run, and their variables.

    Raises:
        BadInput: a loss that cannot be read, or not one for each field.
    """
    texts = list(losses_of(rule, text).values())
    if len(texts) == 1:
        return loss_from_text(texts[0]), list(read_loss(texts[0])[1])
    read = [read_loss(part) for part in texts]
    names = sorted({name for _, own in read for name in own})
    losses = [
        loss_from_expression(expr, part, names) for (expr, _), part in zip(read, texts, strict=True)
    ]
    return Fields(losses, text), names


def random_world(rule: Optimizer, draw: Draw, dimension: int) -> VectorField:
    """Random quartics, one for each field."""
    drawn = [bounded_polynomial(draw, dimension) for _ in rule.fields]
    if len(drawn) == 1:
        return drawn[0]
    pairs = zip(rule.fields, drawn, strict=True)
    return Fields(drawn, ", ".join(f"{name} = {loss.text}" for name, loss in pairs))


def regular_start(draw: Draw, world: VectorField) -> list[fmpq] | None:
    """A random point where the gradient is a real number and not 0; None where none is found."""
    for _ in range(MOST_TRIES):
        point = starting_point(draw, world.dimension)
        try:
            found = [world.derivative(0).at([MPFR.convert(x) for x in point], MPFR)]
            found += [
                part.gradient.at([MPFR.convert(x) for x in point], MPFR) for part in world.parts
            ]
        except (ArithmeticError, ValueError):
            continue
        if all(gmpy2.is_finite(g) for row in found for g in row) and any(map(bool, found[0])):
            return point
    return None


def largest_curvature(loss: VectorField, x: Sequence[float]) -> float:
    """The largest eigenvalue in modulus of the derivative of the gradient.

    Raises:
        BadInput: the derivative is no matrix of floats there.
    """
    columns = []
    for i in range(loss.dimension):
        unit = [float(i == j) for j in range(loss.dimension)]
        columns.append(loss.derivative(1).at([*x, *unit], FLOAT))
    hessian = np.array(columns)
    if not np.isfinite(hessian).all():
        raise BadInput("the curvature at the start is beyond all floats; start nearer to 0.")
    return float(max(abs(np.linalg.eigvals(hessian))))


def fading(special: Optimizer) -> float:
    """The spectral radius of the memory, all parameters given; 0 without a memory.

    Raises:
        BadInput: it is 1 or more, so that the memory does not fade.
    """
    rows = [[FLOAT.convert(c.at({})) for c in row] for row in linear_method(special).w]
    radius = float(max(abs(np.linalg.eigvals(np.array(rows))))) if rows else 0.0
    if radius >= 1:
        raise BadInput(
            f"the memory of {special.name} does not fade: its largest eigenvalue is {radius:.4g} "
            "in modulus, and only below 1 do the iterates follow a flow."
        )
    return radius


def pace(special: Optimizer, world: VectorField, start: Sequence[fmpq]) -> tuple[int, int]:
    """How many more halvings of the time, and of the step in it, a rule needs on a loss."""
    flow = slow_motion(special, 1).modified_flow
    leaves = (flow[grow((), c)] for c in range(len(special.fields)))
    speed = max(abs(FLOAT.convert(b.at({}))) for b in leaves)
    try:
        curvature = largest_curvature(world, [FLOAT.convert(x) for x in start])
    except (ArithmeticError, ValueError):
        curvature = 1.0
    stiff = speed * max(curvature, 1.0)
    shrink = math.ceil(math.log2(stiff / GENTLE)) if stiff > 0 and math.isfinite(stiff) else 0
    steps = math.ceil(math.log2(1 / (1 - fading(special)) / SHORT))
    return min(max(shrink, -4 if stiff < 1 / GENTLE else 0), 20), min(max(steps, 0), 4)
