"""How large the gain is, and where: Even, Pesme, Gunasekar and Flammarion (2023).

L_B = |X_B (theta - theta*)|^2/(2|B|) = (theta - theta*)^T H_B (theta - theta*)/2 and
x = gamma grad L_B.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache

import numpy as np
import sympy
from flint import arb, fmpq

from derive.networks.diagonal_networks import ROTATED
from verify.claims.checks.diagonal_runs import (
    FLOW_CLOSE,
    integrate_flow,
    on_arrays,
    random_problem,
)
from verify.claims.checks.gain_bounds import Constant, one_coordinate, random_sides, sharp, sign
from verify.claims.checks.identities import marked, noted
from verify.claims.checks.mean_gain import GAIN, POTENTIAL, X, gain
from verify.claims.checks.mirror_maps import (
    Weights,
    ball,
    drawn_ball,
    encloses,
    grown,
    moved,
    theta_of,
)
from verify.claims.checks.stated import compared
from verify.claims.claim import OURS, RECALLED, Check, Claim, Evidence, Kind, Settings, claim
from verify.claims.slots import Relation, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import precision


@claim(
    "even2023.gain-lower-bound",
    catalogue="C14",
    where="gain of SGD, lower bound",
    printed=RECALLED,
)
def gain_lower_bound() -> Claim:
    r"""$q(x)=-\log|1-x^2|\ge x^2$ up to the root of $y+\log y=-1$ in $y=x^2-1$, which is $W(1/e)$.
    $\sum_ix_i^2$ is $\gamma^2|\nabla L_B|^2=\gamma^2(\theta-\theta^*)^TH_B^2(\theta-\theta^*)$. The
    batch does not depend on $\theta_k$, so its mean is at least
    $\gamma^2\lambda(\theta-\theta^*)^TH(\theta-\theta^*)=2\lambda\gamma^2L(\theta_k)$. Small steps
    come near where $E[H_B^2]=\lambda H$; one coordinate at the end of the range meets it.
    """

    def end(says: Statement) -> arb:
        return arb(str(sympy.N(says.expr("reach"), 60)))

    def at_the_end(says: Statement) -> tuple[int, int]:
        with precision(40):
            return one_coordinate(says, end(says))

    def range_of_steps(says: Statement, settings: Settings) -> Evidence:
        """q(x) - x^2 is positive just within the reach, 0 on it and negative just beyond."""
        draw = random.Random(settings.seed)
        with precision(40):
            reach, near = end(says), arb("1e-9")
            if not reach > 0:
                return Evidence(False, "no range")
            left = [sign(gain(x) - x**2) for x in (reach * (1 - near), reach, reach * (1 + near))]
            inside = (reach * arb(fmpq(draw.randint(1, 999), 1000)) for _ in range(20))
            lowest = min(sign(gain(x) - x**2) for x in inside)
        stated = marked(says).expr("reach")
        noted(GAIN.subs(X, stated) - stated**2, sympy.Integer(0), left[1] == 0)
        holds = [said >= 0 for said in left]
        wanted = [says["within"].admits(place, 1) for place in (0, 1, 2)]
        return Evidence(holds == wanted and lowest > 0, f"signs {left} about the end")

    return Claim(
        says=Statement(
            Type.INEQUALITY,
            r"For SGD on single rows, drawn anew in every step, "
            r"$\mathbb E\lVert\mathrm{Gain}_\gamma\rVert_1{relation}{factor}\,\lambda\gamma^2"
            r"\sum_k\mathbb E[L(\theta_k)]$ with {constant}, while the entries of "
            r"$x_k:=\gamma\nabla L_{B_k}$ have $|x|{within}{reach}$ and none is "
            r"of absolute value one.",
            {
                "relation": Relation.AT_LEAST,
                "factor": Value(sympy.Integer(2)),
                "constant": Constant.LEAST,
                "within": Relation.AT_MOST,
                "reach": Value(sympy.sqrt(1 + sympy.LambertW(sympy.exp(-1))), "threshold"),
            },
        ),
        checks=(
            Check("range of the steps", Kind.BALL, range_of_steps),
            sharp("small steps on orthogonal rows"),
            compared(
                "all sequences of two rows",
                random_sides,
                attained=at_the_end,
                count=12,
            ),
        ),
    )


@claim(
    "even2023.loss-integral",
    catalogue="C17",
    where="gain of SGD, consistency",
    printed=OURS,
)
def loss_integral() -> Claim:
    r"""Along gradient flow $\nabla\psi(\theta_t)$ decreases by $\nabla L\,dt$, so the divergence
    $D_\psi(\theta_\infty,\theta_t)$ decreases by
    $\nabla L\cdot(\theta_t-\theta_\infty)\,dt=2L\,dt$. From $\theta=0$, where $\psi$ and
    $\nabla\psi$ vanish, the total is $\psi_\alpha(\theta_\infty)$; it grows as
    $\ln(1/\alpha)\,|\theta_\infty|_1$. A gain of small steps is
    $2\lambda_b\gamma^2\sum L=\lambda_b\gamma\int2L\,dt$.
    """

    @cache
    def at_the_end(seed: int, alpha: float) -> tuple[np.ndarray, float]:
        found = integrate_flow(
            random_problem(seed), np.full((2, 4), alpha), ROTATED, 0.0, 40.0, 0.02
        )
        return found.theta, found.loss

    def integral(says: Statement, settings: Settings) -> Evidence:
        function, worst = on_arrays(says.expr("potential"), "theta", "alpha"), 0.0
        times = float(sympy.Rational(says.expr("times")))
        for alpha in (0.4, 0.8):
            theta, loss = at_the_end(settings.seed, alpha)
            with np.errstate(all="ignore"):
                gap = abs(float(np.sum(function(theta, alpha))) - times * loss)
            worst = gap if not gap <= worst else worst
        return Evidence(bool(worst < FLOW_CLOSE), f"off by {worst:.1e}")

    def one_row(says: Statement, draw: random.Random) -> Iterable[arb]:
        """One coordinate and one row: 2L dt is (end - theta) dP, so that its integral up to the
        pull at the end is that of P dtheta."""
        size, pull = drawn_ball(draw, 2, 12), drawn_ball(draw, -8, 8)
        start, network = [size, size], Weights.HALVES
        end = theta_of(network, moved(network, start, pull))
        told = ball(says.expr("potential"), {"theta": end, "alpha": size})
        yield told - says.number("times") * grown(network, start, pull) / 2

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Along gradient flow on $\theta:=(w_+^2-w_-^2)/2$ from $w_\pm:=\alpha$ to an "
            r"interpolator, ${times}\int L\,dt$ with $L$ half the mean of the squares is the sum "
            r"over the coordinates of {potential} at the limit.",
            {"potential": Value(POTENTIAL), "times": Value(sympy.Integer(2), "factor")},
        ),
        checks=(
            Check("integrated flow", Kind.SIMULATION, integral),
            encloses("one row, in balls", one_row),
        ),
    )
