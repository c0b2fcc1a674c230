"""One noisy mode: its step matrix by running the rule, and what two modes keep of the same noise.

The gradient is lambda x + n with n anew in every step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flint import fmpq, fmpq_mat

from derive import ema_momentum, gradient_descent, heavy_ball
from derive.language.update_rule import Number, Optimizer
from verify.running.families import Draw


@dataclass(frozen=True)
class Mode:
    """One step on (position, memory), and what a unit of noise in the gradient adds to it."""

    matrix: fmpq_mat
    kick: fmpq_mat

    @property
    def settles(self) -> bool:
        """Whether every start dies out: all eigenvalues of at most two states lie in the unit
        circle, by the conditions on trace and determinant."""
        m = self.matrix
        if m.nrows() == 1:
            return bool(abs(m[0, 0]) < 1)
        return bool(abs(m.det()) < 1 and abs(m[0, 0] + m[1, 1]) < 1 + m.det())


ModeAt = Callable[[fmpq, fmpq, fmpq], Mode]
"""The mode of a step size, a momentum and a curvature."""


def mode_of(rule: Optimizer, h: fmpq, parameters: Mapping[str, fmpq], curvature: fmpq) -> Mode:
    """The declared rule run on unit vectors, and on one unit of noise."""
    size = 1 + len(rule.memory)

    def run(state: Sequence[fmpq], noise: int) -> list[Number]:
        x, memory = rule.step(
            state[0], list(state[1:]), lambda y: curvature * y + noise, h, dict(parameters)
        )
        return [x, *memory]

    columns = [run([fmpq(i == j) for j in range(size)], 0) for i in range(size)]
    rows = [[column[i] for column in columns] for i in range(size)]
    return Mode(fmpq_mat(rows), fmpq_mat([[e] for e in run([fmpq(0)] * size, 1)]))


def heavy_ball_mode(h: fmpq, beta: fmpq, curvature: fmpq) -> Mode:
    """One step of heavy ball."""
    return mode_of(heavy_ball, h, {"beta": beta}, curvature)


def ema_mode(h: fmpq, beta: fmpq, curvature: fmpq) -> Mode:
    """One step with an exponential average of gradients."""
    return mode_of(ema_momentum, h, {"beta": beta}, curvature)


def descent_mode(h: fmpq, beta: fmpq, curvature: fmpq) -> Mode:
    """One step of gradient descent; it has no momentum."""
    return mode_of(gradient_descent, h, {}, curvature)


def momentum_mode(h: fmpq, beta: fmpq, curvature: fmpq) -> Mode:
    """On (w, pi), written out: pi' = beta pi - lambda w + n, w' = w + h pi'."""
    matrix = fmpq_mat([[1 - h * curvature, h * beta], [-curvature, beta]])
    return Mode(matrix, fmpq_mat([[h], [fmpq(1)]]))


def kept(first: Mode, second: Mode) -> fmpq_mat:
    """The covariance that two modes keep of a unit of noise, which is the sum over all later steps
    of the products of their answers to a unit kick."""
    return lyapunov(first.matrix, second.matrix, first.kick * second.kick.transpose())


def lyapunov(a: fmpq_mat, b: fmpq_mat, noise: fmpq_mat) -> fmpq_mat:
    """S = a S b^T + noise, solved exactly."""
    n = a.nrows()
    pairs = [(i, j) for i in range(n) for j in range(n)]
    rows = [[fmpq((i, j) == (k, m)) - a[i, k] * b[j, m] for k, m in pairs] for i, j in pairs]
    right = fmpq_mat([[entry] for entry in noise.entries()])
    return fmpq_mat(n, n, fmpq_mat(rows).solve(right).entries())


def covariance_of_weights(hessian: fmpq_mat, noise: fmpq_mat, h: fmpq, beta: fmpq) -> fmpq_mat:
    """What the weights of all modes at once keep of noise with this covariance, as
    `momentum_mode`; hessian and noise need not commute."""
    n = hessian.nrows()
    one = fmpq_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])
    step = _joined([[one - hessian * h, one * (h * beta)], [hessian * -1, one * beta]])
    kicks = _joined([[noise * h**2, noise * h], [noise * h, noise]])
    whole = lyapunov(step, step, kicks)
    return fmpq_mat(n, n, [whole[i, j] for i in range(n) for j in range(n)])


def _joined(blocks: Sequence[Sequence[fmpq_mat]]) -> fmpq_mat:
    n = blocks[0][0].nrows()
    entries = [blocks[i // n][j // n][i % n, j % n] for i in range(2 * n) for j in range(2 * n)]
    return fmpq_mat(2 * n, 2 * n, entries)


def with_eigenvalues(values: Sequence[fmpq], draw: Draw) -> fmpq_mat:
    """A symmetric matrix with these eigenvalues, reflected at two random planes."""
    n = len(values)
    found = fmpq_mat(n, n, [values[i] if i == j else 0 for i in range(n) for j in range(n)])
    for _ in range(2):
        v = fmpq_mat([[fmpq(draw.randint(1, 5))] for _ in range(n)])
        size = (v.transpose() * v)[0, 0]
        one = fmpq_mat(n, n, [int(i == j) for i in range(n) for j in range(n)])
        mirror = one - v * v.transpose() * (2 / size)
        found = mirror * found * mirror
    return found
