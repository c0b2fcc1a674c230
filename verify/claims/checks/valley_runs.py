"""What a formula of the drift says beside what the limit map of a random valley shows.

Every observation is a difference of positions in which the optimizer came to rest.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np
import sympy

from derive import heavy_ball
from derive.language.update_rule import Optimizer
from verify.claims.checks.identities import identical
from verify.claims.checks.valleys import LAMBDA, Comparison, Rested, on_valleys
from verify.claims.claim import Claim, on
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type
from verify.models.limit_map import derivative, mean_displacement, second_derivative
from verify.models.valleys import in_mpfr
from verify.running.numbers import MPMATH


def of_the_limit(
    text: str,
    factor: sympy.Expr,
    derived: Callable[[], sympy.Expr],
    seen: Callable[[sympy.Expr, Rested], Comparison],
    optimizer: Optimizer = heavy_ball,
) -> Claim:
    """A derivative of the limit in which the noiseless iteration comes to rest."""
    return Claim(
        says=Statement(Type.EQUALITY, text, {"factor": Value(factor)}),
        checks=(
            on("factor", identical("response of the declared rule", derived)),
            on("factor", on_valleys("limits of the iteration", seen, optimizer=optimizer)),
        ),
    )


def tangent_derivative(candidate: sympy.Expr, trial: Rested, *, of: str) -> Comparison:
    """The first derivative of the limit along the sum of all modes is candidate times the tangent
    one.
    """
    every = range(3)
    push = sum((trial.along(i) for i in every), trial.along(0) * 0)
    limit, size = {
        "kick": (lambda n: trial.rest.after_kick(-n), trial.kick_size),
        "position": (trial.rest.after_push, trial.size),
        "momentum": (
            lambda p: trial.rest.with_memory(p * trial.rest.constants[1]),
            trial.kick_size,
        ),
    }[of]
    observed = derivative(limit, push, size=size)
    factor = trial.value(candidate)
    said = [factor if i in trial.place.flat else mpmath.mpf(0) for i in every]
    return said, trial.part(observed, every)


def kick_moves(candidate: sympy.Expr, trial: Rested) -> Comparison:
    """The change of the limit with the kick."""
    return tangent_derivative(candidate, trial, of="kick")


def position_moves(candidate: sympy.Expr, trial: Rested) -> Comparison:
    """The change of the limit with the position."""
    return tangent_derivative(candidate, trial, of="position")


def momentum_moves(candidate: sympy.Expr, trial: Rested) -> Comparison:
    """The change of the limit with the momentum."""
    return tangent_derivative(candidate, trial, of="momentum")


def bend_seen(candidate: sympy.Expr, trial: Rested) -> Comparison:
    """The normal part of the second derivative along one tangent kick is 2 candidate H^+ T."""
    (flat,), curved = trial.place.flat, trial.place.curved
    observed = second_derivative(
        trial.rest.after_kick, trial.along(flat), trial.along(flat), size=trial.kick_size
    )
    tangent = trial.place.mode(flat)
    third = trial.place.third(tangent, tangent)
    factor = 2 * trial.value(candidate)
    said = [
        factor * mpmath.fdot(third, trial.place.mode(i)) / trial.place.curvatures[i] for i in curved
    ]
    return said, trial.part(observed, curved)


def mixed_seen(candidate: sympy.Expr, trial: Rested) -> Comparison:
    """The tangent part of the second derivative along a tangent kick and each curved mode."""
    (flat,) = trial.place.flat
    said, seen = [], []
    for i in trial.place.curved:
        observed = second_derivative(
            trial.rest.after_kick, trial.along(flat), trial.along(i), size=trial.kick_size
        )
        third = trial.place.third(trial.place.mode(flat), trial.place.mode(i))
        factor = trial.value(candidate, **{"lambda": trial.place.curvatures[i]})
        said.append(factor * mpmath.fdot(third, trial.place.mode(flat)))
        seen += trial.part(observed, [flat])
    return said, seen


def transverse_seen(candidate: sympy.Expr, trial: Rested) -> Comparison:
    """The tangent part of the second derivative along every pair of curved modes."""
    (flat,), curved = trial.place.flat, trial.place.curved
    said, seen = [], []
    for i, j in ((a, b) for a in curved for b in curved if a <= b):
        observed = second_derivative(
            trial.rest.after_kick, trial.along(i), trial.along(j), size=trial.kick_size
        )
        third = trial.place.third(trial.place.mode(i), trial.place.mode(j))
        first, second = (trial.place.curvatures[k] for k in (i, j))
        factor = 2 * trial.value(candidate, lambda1=first, lambda2=second)
        said.append(factor * mpmath.fdot(third, trial.place.mode(flat)))
        seen += trial.part(observed, [flat])
    return said, seen


def mixed_block_seen(candidate: sympy.Expr, trial: Rested) -> Comparison:
    """The tangent part of the second derivative of the limit along a displacement of the position
    on one curved mode and one of the momentum on another.
    """
    (flat,), (i, j) = trial.place.flat, trial.place.curved
    _, h, _ = trial.rest.constants
    none = trial.along(i) * 0

    def limit(z: np.ndarray) -> np.ndarray:
        return trial.rest.with_memory(z[3:] * h, push=z[:3])

    position, momentum = (
        np.concatenate(both) for both in ((trial.along(i), none), (none, trial.along(j)))
    )
    observed = second_derivative(limit, position, momentum, size=trial.size)
    third = trial.place.third(trial.place.mode(i), trial.place.mode(j))
    first, second = (trial.place.curvatures[k] for k in (i, j))
    factor = trial.value(candidate, lambda1=first, lambda2=second)
    said = factor * mpmath.fdot(third, trial.place.mode(flat))
    return [said], trial.part(observed, [flat])


def label_noise_seen(candidate: sympy.Expr, trial: Rested) -> Comparison:
    """Under noise of covariance H the drift is -(e^2/2) P_L grad of the sum of candidate(lambda).

    The gradient of tr r(H) is T contracted with r'(H); the kicks are the columns of a root of H.
    """
    (flat,), curved = trial.place.flat, trial.place.curved
    roots = {i: mpmath.sqrt(trial.place.curvatures[i]) for i in curved}
    kicks = [in_mpfr([roots[i] * x for x in trial.place.mode(i)]) for i in curved]
    observed = mean_displacement(trial.rest.after_kick, kicks, size=trial.kick_size)
    slope, total = sympy.diff(candidate, LAMBDA), mpmath.mpf(0)
    for i in curved:
        mode = trial.place.mode(i)
        pull = mpmath.fdot(trial.place.third(mode, mode), trial.place.mode(flat))
        total += trial.value(slope, **{"lambda": trial.place.curvatures[i]}) * pull
    return [-MPMATH.convert(trial.step**2) / 2 * total], trial.part(observed, [flat])
