"""Shape of the gain, stable steps and the linear control on the slides of Gunasekar (2023)."""

from __future__ import annotations

import random
from itertools import product

import numpy as np
import sympy
from flint import fmpq, fmpq_mat

from derive.networks.diagonal_networks import ROTATED
from verify.claims.checks.diagonal_runs import real
from verify.claims.checks.stated import switches
from verify.claims.claim import OURS, Check, Claim, Evidence, Kind, Settings, claim, on, read
from verify.claims.slots import Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.diagonal_regression import Regression, run

B, L, N, REACH, W = sympy.symbols("b L N B w")


def mean_square(w: list[fmpq], size: int) -> fmpq:
    """The mean squared entry of the batch gradient at the origin, over every draw of its rows.

    -sqrt(3), 0, sqrt(3) with weights 1/6, 2/3, 1/6 have the moments of N(0, 1) up to the fifth.
    """
    weights = {-1: fmpq(1, 6), 0: fmpq(2, 3), 1: fmpq(1, 6)}
    mean = fmpq(0)
    for signs in product(weights, repeat=2 * size):
        chance = fmpq(1)
        for s in signs:
            chance *= weights[s]
        rows = [signs[2 * j : 2 * j + 2] for j in range(size)]
        pull = sum((3 * r[0] * (r[0] * w[0] + r[1] * w[1]) for r in rows), fmpq(0)) / size
        mean += chance * pull**2
    return mean


@claim(
    "gunasekar2023.gain-shape",
    catalogue="C19",
    where="shape of gain",
    printed=read(r"= \Theta \left(\|w_{sp}^*\|_2^2 \mathbf{1} \right)"),
)
def gain_shape() -> Claim:
    r"""At the origin the batch gradient is $-\frac1b\sum_Bx_j\langle x_j,w\rangle$. By Isserlis'
    theorem $\mathbb E[x_i^2\langle x,w\rangle^2]=|w|^2+2w_i^2$, and two different rows give
    $w_i^2$. Together $\frac{b-1}bw_i^2+\frac1b(|w|^2+2w_i^2)$. One row spreads the squared gradient
    over all coordinates within a factor 3; $n$ rows leave $w_i^2+(w_i^2+|w|^2)/n$, which shows the
    support once $n$ is large beside $|w|^2/w_i^2$.
    """

    def three_points(says: Statement, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        for size in (1, 2):
            w = [fmpq(draw.randint(-9, 9), 10) for _ in range(2)]
            mean, squared = mean_square(w, size), w[0] ** 2 + w[1] ** 2
            told = says.number("mean", w=w[0], N=squared, b=fmpq(size))
            if told != mean:
                return Evidence(False, f"{told}, enumerated {mean}, at b = {size}, w = {w}")
        return Evidence(True, "all draws of rows with Gaussian moments, b = 1 and 2")

    def ends(says: Statement, settings: Settings) -> Evidence:
        """For one row the mean is least where w_i = 0 and largest where w_i is alone; in 1/b it is
        a line, which at 0 has the value of batches without end. No weight is 1, at which every
        power is the same."""
        draw = random.Random(settings.seed)
        first, second = (fmpq(draw.randint(1, 9), 10) for _ in range(2))
        low = says.equals("least", mean_square([fmpq(0), second], 1) / second**2)
        high = says.equals("most", mean_square([first, fmpq(0)], 1) / first**2)
        both = [first, second]
        line = 2 * mean_square(both, 2) - mean_square(both, 1)
        right = low and high and says.equals("whole", line, w=first)
        return Evidence(right, f"least {low}, most {high}, without end {line}")

    def drawn(candidate: sympy.Expr, settings: Settings) -> Evidence:
        rng = np.random.default_rng(settings.seed)
        w = np.array([1.0, -0.5, 0.0, 0.0])
        worst = 0.0
        for size in (1, 3, 10):
            x = rng.normal(size=(20_000, size, 4))
            pull = np.einsum("kbi,kb->ki", x, x @ w) / size
            for i in range(4):
                square = pull[:, i] ** 2
                error = np.std(square) / np.sqrt(len(square))
                told = real(candidate, w=w[i], N=float(w @ w), b=size)
                worst = max(worst, abs(float(np.mean(square)) - told) / error)
        return Evidence(bool(worst < 5), f"within {worst:.1f} standard errors")

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"For standard Gaussian rows, $b$ of them in a step, the mean squared batch gradient "
            r"at the origin is {mean} in a coordinate $w$ of $\theta^*$, with "
            r"$N:=\lVert\theta^*\rVert^2$: for a single row between {least} and {most} times $N$ "
            r"everywhere, and {whole} as $b$ grows.",
            {
                "mean": Value(W**2 * (1 + 1 / B) + N / B),
                "least": Value(sympy.Integer(1), "bound"),
                "most": Value(sympy.Integer(3), "bound"),
                "whole": Value(W**2, "limit"),
            },
        ),
        checks=(
            Check("all draws of three-point rows", Kind.ENUMERATION, three_points),
            Check("ends of the range", Kind.ENUMERATION, ends),
            on("mean", Check("Gaussian draws", Kind.SIMULATION, drawn)),
        ),
    )


@claim(
    "gunasekar2023.step-size-limit",
    catalogue="C20",
    where="convergence",
    printed=OURS,
)
def step_size_limit() -> Claim:
    r"""$X=x$ in one dimension: $L=x^2$, and near $\theta^*=B$ the error $\theta-\theta^*$ is
    multiplied by $1-\gamma L(w_+^2+w_-^2)$, where $w_+^2+w_-^2$ tends to $2B$ as $\alpha$ vanishes.
    The slides state convergence for $\gamma\le c/(LB)$ without $c$: this is the largest $c$ that
    can stand there, and no proof of convergence in more dimensions.
    """

    def multiplier(step: fmpq, point: tuple[fmpq, fmpq]) -> fmpq:
        """Of the error near theta* = w^2/2, by two steps from an exact difference in w, to 1e-9."""
        x, w = point
        problem = Regression(np.array([[x]]), np.array([x * w**2 / 2]))
        ends = []
        for side in (1, -1):
            start = np.array([[w + side * fmpq(1, 10**12)], [fmpq(1, 10**40)]])
            done = next(run(problem, ROTATED, start, gammas=step))
            ends.append((done.w[0][0] ** 2 - start[0][0] ** 2) / 2)
            ends.append(start[0][0] ** 2 / 2)
        return 1 + (ends[0] - ends[2]) / (ends[1] - ends[3])

    def value(says: Statement, draw: random.Random) -> tuple[fmpq, tuple[fmpq, fmpq]]:
        x, w = (fmpq(draw.randint(5, 20), 10) for _ in "xw")
        return says.number("bound", L=x**2, B=w**2 / 2), (x, w)

    def draws_near(says: Statement, step: fmpq, point: tuple[fmpq, fmpq]) -> bool:
        """Whether the error falls; a multiplier within 1e-15 of -1 is -1."""
        found = multiplier(step, point)
        return abs(found) < 1 - fmpq(1, 10**15)

    def iterated(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        for _ in range(4):
            x, reach = draw.uniform(0.5, 2), draw.uniform(0.5, 2)
            limit = real(candidate, L=x**2, B=reach)
            for part, settles in ((0.98, True), (1.02, False)):
                w = np.sqrt(2 * reach) * 1.001
                for _ in range(2000):
                    w = (1 - part * limit * x**2 * (w**2 / 2 - reach)) * w
                    if not abs(w) < 1e6:
                        break
                if bool(abs(w**2 / 2 - reach) < 1e-6) != settles:
                    return Evidence(False, f"at {part} of it the error is {w**2 / 2 - reach:.2e}")
        return Evidence(True, "settles at 0.98, does not at 1.02 of it, 4 problems")

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"In one dimension and as $\alpha$ falls, gradient descent on $\theta:=u\odot v$ comes "
            r"nearer to the interpolator from near it for $\gamma{relation}{bound}$, with $L$ the "
            r"Hessian in $\theta$ and $B:=\lvert\theta^*\rvert$, and does not beyond.",
            {"relation": Relation.BELOW, "bound": Value(1 / (L * REACH), "threshold")},
        ),
        checks=(
            switches("multiplier of the error", draws_near, value),
            on("bound", Check("iterates", Kind.SIMULATION, iterated)),
        ),
    )


Y, SIDE, W0 = sympy.symbols("y s w0")


@claim(
    "gunasekar2023.linear-control",
    catalogue="C21",
    where="Bregman characterization",
    printed=OURS,
)
def linear_control() -> Claim:
    r"""On $|X\theta-y|^2$ every step of heavy ball adds a combination of earlier displacements and
    of $X^Tr$, so $\theta_k-\theta_0$ stays in the row space: the limit is the projection of
    $\theta_0$ on the solutions, whatever the step size and the momentum, as for gradient descent.
    """

    def project(says: Statement, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        for _ in range(5):
            x = [fmpq(draw.randint(1, 9), 4) for _ in range(3)]
            start = [fmpq(draw.randint(-9, 9), 5) for _ in range(3)]
            y = fmpq(draw.randint(-9, 9), 2)
            side = sum((a * b for a, b in zip(x, start, strict=True)), fmpq(0))
            squared = sum((a * a for a in x), fmpq(0))
            rows = [[*(fmpq(i == j) for j in range(3)), x[i]] for i in range(3)]
            right = fmpq_mat([[c] for c in (*start, y)])
            ends = fmpq_mat([*rows, [*x, fmpq(0)]]).solve(right).entries()
            for o, a, end in zip(start, x, ends[:3], strict=True):
                at = {"w0": o, "x": a, "y": y, "s": side, "N": squared}
                if not says.equals("end", end, **at):
                    return Evidence(False, f"it fits, moved along the row, at {end}")
        return Evidence(True, "fits and moves along the row, exactly, 5 problems")

    def heavy_ball_run(candidate: sympy.Expr, settings: Settings) -> Evidence:
        rng = np.random.default_rng(settings.seed)
        for beta in (0.0, rng.uniform(0.3, 0.8)):
            x, start = rng.uniform(0.5, 1.5, 3), rng.normal(size=3)
            w, last = start, start
            for _ in range(600):
                w, last = w - 0.1 * x * (x @ w - 2.0) + beta * (w - last), w
            known = {"y": 2.0, "s": float(x @ start), "N": float(x @ x)}
            told = np.array(
                [real(candidate, w0=o, x=a, **known) for o, a in zip(start, x, strict=True)]
            )
            gap = float(np.max(np.abs(told - w)))
            if not gap < 1e-9:
                return Evidence(False, f"heavy ball ends {gap:.1e} away at beta = {beta:.2f}")
        return Evidence(True, "heavy ball and gradient descent end within 1e-9")

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"On single-layer least squares with one row $x$, $N:=\lVert x\rVert^2$, and label $y$ "
            r"heavy ball from $w_0$, $s:=x\cdot w_0$, ends, where it ends at a solution, at {end} "
            r"in every coordinate, whatever its momentum.",
            {"end": Value(W0 + sympy.Symbol("x") * (Y - SIDE) / N)},
        ),
        checks=(
            Check("projection", Kind.ENUMERATION, project),
            on("end", Check("heavy ball", Kind.SIMULATION, heavy_ball_run)),
        ),
    )
