"""Which interpolator an iteration on a diagonal network finds, and which one it minimizes.

The iteration gives theta and, from its ratios, the effective start v. The constrained problem is
solved apart from it: its dual has n unknowns mu, and theta = c (v_+^2 e^(2s) - v_-^2 e^(-2s)) with
s = X^T mu, so that Newton's method on X theta = y converges quadratically at any precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any

import gmpy2
import numpy as np
from flint import arb, arb_mat, fmpq

from derive.language.update_rule import BadInput
from derive.networks.diagonal_networks import Network
from verify.models.diagonal_regression import (
    EVERYTHING,
    Array,
    Batch,
    Regression,
    losses,
    random_batches,
    run,
    theta_of,
    unfinished,
)
from verify.running.numbers import FLOAT, MPFR, exp, precision

FLOAT_DIGITS = 15
"""Up to this many digits the iteration runs on floats."""
LOOK_EVERY = 20
FLOAT_STEPS = 100
BALL_STEPS = 400


class NotConverged(BadInput):
    """The iteration reached no interpolator; the message says what it did."""


@dataclass(frozen=True)
class Interpolator:
    """What the iteration found beside what it minimizes; vectors have one entry a coordinate.

    Args:
        found: theta at the last step.
        minimizer: the solution of the constrained problem, computed apart from the iteration.
        effective_start: v_+ and v_-, of shape (2, d).
        gain: ln of |w_+ w_-| at the start over v_+ v_-.
        residual: the largest |X theta - y| of what was found.
        crossings: how often a weight changed its sign.
        least_l1, least_l2: the smallest norms over X theta = y; None where scipy is not there.
    """

    found: Array
    minimizer: Array
    effective_start: Array
    gain: Array
    residual: float
    crossings: int
    steps: int
    least_l1: float | None
    least_l2: float

    @property
    def distance(self) -> float:
        return float(np.max(np.abs(self.found - self.minimizer)))

    @property
    def l1(self) -> float:
        return float(np.sum(np.abs(self.found)))

    @property
    def l2(self) -> float:
        return float(np.sqrt(np.sum(self.found.astype(float) ** 2)))


def interpolate(
    x: list[list[fmpq]],
    y: list[fmpq],
    start: list[list[fmpq]],
    *,
    network: Network,
    gamma: fmpq,
    beta: fmpq = fmpq(0),
    batch: int | None = None,
    seed: int = 0,
    steps: int = 100_000,
    digits: int = FLOAT_DIGITS,
) -> Interpolator:
    """Run (stochastic, momentum) gradient descent and solve the problem its limit minimizes.

    Args:
        x: n rows of d numbers, linearly independent.
        y: n numbers.
        start: w_+ and w_-, d numbers each, none of them 0.
        batch: rows in a batch drawn at random without repetition; all rows if None.
        steps: at most so many.
        digits: of the iteration; the other side always has 20 more.
    Raises:
        BadInput: the problem is not one of this kind.
        NotConverged: no interpolator was reached.
    """
    _check(x, y, start, gamma, beta, batch)
    with precision(digits):
        number = float if digits <= FLOAT_DIGITS else MPFR.convert
        problem = Regression(_array(x, number), _array([y], number)[0])
        w = _array(start, number)
        rows = len(y)
        small = batch is not None and batch < rows
        batches = random_batches(rows, batch, seed) if small and batch else repeat(EVERYTHING)
        found = _follow(problem, network, w, number(gamma), number(beta), batches, steps, digits)
        v = np.abs(w) * _exp(-found.loss)
        scale = network.scale
        theta = theta_of(network, found.w)
        minimizer = constrained_minimum(problem, v**2 * int(scale.p) / int(scale.q), digits + 20)
        return Interpolator(
            found=theta,
            minimizer=minimizer if theta.dtype == object else minimizer.astype(float),
            effective_start=v,
            gain=found.loss[0] + found.loss[1],
            residual=float(np.max(np.abs(problem.residual(theta)))),
            crossings=found.crossings,
            steps=found.steps,
            least_l1=least_l1(problem),
            least_l2=least_l2(problem),
        )


@dataclass
class _Descent:
    w: Array
    loss: Array
    crossings: int = 0
    steps: int = 0


def _follow(
    problem: Regression,
    network: Network,
    start: Array,
    gamma: Any,
    beta: Any,
    batches: Iterator[Batch] | repeat[slice],
    most: int,
    digits: int,
) -> _Descent:
    """Until the residual and the unfinished part of the sums are as small as the digits allow."""
    tolerance = 10.0 ** (2 - digits)
    size = float(np.max(np.abs(problem.y)))
    state = _Descent(start, start * 0)
    path = run(problem, network, start, gammas=gamma, beta=beta, batches=batches)
    residual = size
    try:
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            for state.steps, step in enumerate(islice(path, most), 1):
                state.w = step.w
                state.loss = state.loss + losses(step, beta)
                state.crossings += int(np.sum(step.ratios < 0))
                if state.steps % LOOK_EVERY:
                    continue
                residual = float(np.max(np.abs(problem.residual(theta_of(network, step.w)))))
                if not residual < 1e100:
                    raise FloatingPointError
                left = float(np.max(np.abs(unfinished(step, beta))))
                if residual <= tolerance * size and left <= tolerance:
                    return state
    except (FloatingPointError, OverflowError):
        raise NotConverged(
            f"the iteration runs away by step {state.steps}: use a smaller --lr."
        ) from None
    except ZeroDivisionError:
        raise NotConverged(
            f"a weight is exactly 0 after step {state.steps + 1}: its ratio has no logarithm, so "
            "change --lr a little."
        ) from None
    raise NotConverged(
        f"no interpolator after {state.steps} steps: |X theta - y| is still {residual:.1e}, so use "
        "more --steps or, where it does not fall, a smaller --lr."
    )


def constrained_minimum(problem: Regression, weights: Array, digits: int = 40) -> Array:
    """The theta with X theta = y that gradient flow reaches from given weights.

    theta = p e^(2s) - m e^(-2s) with s = X^T mu minimizes (1/2) sum of theta arcsinh-like terms;
    mu minimizes the convex dual (1/2) sum (p e^(2s) + m e^(-2s)) - y mu. Newton steps, damped to
    |2 ds| <= 1 where the exponentials stay within a factor e, on floats and then on balls whose
    midpoints carry the digits.

    Args:
        weights: p = c v_+^2 and m = c v_-^2, of shape (2, d).
    Raises:
        NotConverged: Newton's method did not settle.
    """
    mu = dual_on_floats(problem, weights)
    with precision(digits):
        return _polish(problem, weights, mu, digits)


def dual_on_floats(problem: Regression, weights: Array) -> Array:
    """mu of the dual to the precision of floats; theta = p e^(2s) - m e^(-2s), s = X^T mu."""
    x, y = problem.x.astype(float), problem.y.astype(float)
    p, m = weights.astype(float)
    mu = np.zeros(len(y))
    for _ in range(FLOAT_STEPS):
        up, down = p * np.exp(2 * x.T @ mu), m * np.exp(-2 * x.T @ mu)
        hessian = (x * (2 * (up + down))) @ x.T
        move = np.linalg.solve(hessian, y - x @ (up - down))
        largest = float(np.max(np.abs(2 * x.T @ move)))
        mu = mu + move * min(1.0, 1 / largest if largest else 1.0)
        if largest < 1e-6:
            break
    return mu


def _polish(problem: Regression, weights: Array, mu: Array, digits: int) -> Array:
    x, y = _balls(problem.x), _balls(problem.y[:, None])
    d = len(problem.x[0])
    p, m = ([arb(_rational(value)) for value in row] for row in weights)
    at = _balls(mu[:, None])
    for _ in range(BALL_STEPS):
        s = x.transpose() * at
        up = [p[i] * (2 * s[i, 0]).exp() for i in range(d)]
        down = [m[i] * (-2 * s[i, 0]).exp() for i in range(d)]
        theta = arb_mat([[(a - b).mid()] for a, b in zip(up, down, strict=True)])
        slopes = [2 * (a + b) for a, b in zip(up, down, strict=True)]
        scaled = arb_mat([[x[i, j] * slopes[j] for j in range(d)] for i in range(x.nrows())])
        hessian = (scaled * x.transpose()).mid()
        move = hessian.solve((y - x * theta).mid()).mid()
        change = x.transpose() * move
        largest = max(float(abs(2 * change[i, 0])) for i in range(d))
        at = (at + move * arb(min(1.0, 1 / largest) if largest else 1.0)).mid()
        if largest < 10.0 ** (5 - digits):
            return np.array([MPFR.convert(_rational(theta[i, 0])) for i in range(d)], dtype=object)
    raise NotConverged("Newton's method on the dual does not settle; use more --digits.")


def least_l2(problem: Regression) -> float:
    """The smallest Euclidean norm over X theta = y."""
    x, y = problem.x.astype(float), problem.y.astype(float)
    return float(np.linalg.norm(np.linalg.lstsq(x, y, rcond=None)[0]))


def least_l1(problem: Regression) -> float | None:
    """The smallest l1 norm over X theta = y, a linear program; None without scipy."""
    try:
        from scipy.optimize import linprog  # noqa: PLC0415  (an extra)
    except ImportError:
        return None
    x, y = problem.x.astype(float), problem.y.astype(float)
    solved = linprog(np.ones(2 * x.shape[1]), A_eq=np.hstack([x, -x]), b_eq=y, method="highs")
    return float(solved.fun)


def _check(
    x: list[list[fmpq]],
    y: list[fmpq],
    start: list[list[fmpq]],
    gamma: fmpq,
    beta: fmpq,
    batch: int | None,
) -> None:
    n, d = len(x), len(x[0])
    if any(len(row) != d for row in x):
        raise BadInput(f"the rows of X have different lengths; each needs {d} numbers.")
    if len(y) != n:
        raise BadInput(f"y has {len(y)} numbers and X has {n} rows; give one number a row.")
    if not any(y):
        raise BadInput("y is 0, so that theta = 0 is an interpolator; give another y.")
    for row in start:
        if len(row) != d:
            raise BadInput(f"the start has {len(row)} numbers; give 1 or {d}.")
    if not all(value != 0 for row in start for value in row):
        raise BadInput("alpha = 0 is a start that no gradient leaves; use any other number.")
    if gamma <= 0:
        raise BadInput(f"--lr {gamma} is outside (0, oo): a step needs a length.")
    if not 0 <= beta < 1:
        raise BadInput(f"beta = {beta} is outside [0, 1): the memory never fades.")
    if batch is not None and not 1 <= batch <= n:
        raise BadInput(f"--batch {batch} is outside 1 ... {n}, the number of rows of X.")
    rank = int(np.linalg.matrix_rank(_array(x, float)))
    if rank < n:
        raise BadInput(
            f"the {n} rows of X have rank {rank}: leave out rows that follow from the others."
        )


def _array(rows: list[list[fmpq]], number: Any) -> Array:
    if number is float:
        return np.array([[FLOAT.convert(q) for q in row] for row in rows])
    return np.array([[number(q) for q in row] for row in rows], dtype=object)


def _rational(value: Any) -> fmpq:
    if isinstance(value, arb):
        man, power = value.mid().man_exp()
        return fmpq(man) * fmpq(2) ** int(power)
    ratio = gmpy2.mpq(value)
    return fmpq(int(ratio.numerator), int(ratio.denominator))


def _balls(array: Array) -> arb_mat:
    return arb_mat([[arb(_rational(value)) for value in row] for row in array])


def _exp(values: Array) -> Array:
    if values.dtype != object:
        return np.exp(values)
    return np.array([[exp(v) for v in row] for row in values], dtype=object)
