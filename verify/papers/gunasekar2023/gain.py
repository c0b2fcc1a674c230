"""How large the gain is, and where, on the slides of Gunasekar (2023).

L_B = |X_B (theta - theta*)|^2/(2|B|) = (theta - theta*)^T H_B (theta - theta*)/2 and
x = gamma grad L_B.
"""

from __future__ import annotations

import random
from itertools import combinations

import sympy
from flint import arb, fmpq, fmpq_mat

from verify.claims.checks.diagonal_runs import at
from verify.claims.checks.gain_bounds import Constant, one_coordinate, random_sides, sharp
from verify.claims.checks.identities import exact, noted
from verify.claims.checks.mean_gain import GAIN, X, expected_gain, gain, orthogonal_rows
from verify.claims.checks.mirror_maps import Weights, grown
from verify.claims.checks.stated import bounded, compared, measured
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, claim, read
from verify.claims.slots import Domain, Instance, Number, Point, Relation, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import precision

B, C, D, M, N, S, ALPHA, GAMMA = sympy.symbols("b c d M N sigma alpha gamma")
POSITIVE_C = (sympy.Gt(C, 0), sympy.Lt(C, 1))
PRINTED = sympy.Integer(1)
TWO_ROWS = [[fmpq(2), fmpq(0), fmpq(0), fmpq(0)], [fmpq(0), fmpq(2), fmpq(0), fmpq(0)]]


@claim(
    "gunasekar2023.gain-upper-bound",
    catalogue="C14 C16",
    where="gain bounds",
    printed=read(r"\leq \Lambda_b \gamma^2 \sum_t \bar{L}(w(t))"),
)
def gain_upper_bound() -> Claim:
    r"""$q(x)/x^2=-\log(1-x^2)/x^2$ increases on $(0,1)$, so with $|x|\le c$ it is at most
    $-\log(1-c^2)/c^2$, and the mean of $\sum_ix_i^2$ is at most $2\lambda\gamma^2L$. The slides
    print the factor 1 on both sides. Below it is true, and half of what holds; above it fails at
    every step, as $q(x)\ge x^2$.
    """

    def largest(says: Statement, point: Point, settings: Settings) -> bool:
        """A step of one coordinate with |x| = c meets the bound, smaller steps stay below it."""
        reach = point["c"]
        with precision(settings.digits):
            factor, c = at(says.expr("factor"), c=reach), arb(reach)
            left = gain(c) / (c**2 / 2) - factor
            below = gain(c / 2) / (c**2 / 8) < factor
        met = bool(reach > 0 and left.is_finite() and left.contains(0) and below)
        if met:
            noted(says.expr("factor"), 2 * GAIN.subs(X, C) / C**2, equal=True)
        return met

    def one_step(says: Statement, settings: Settings) -> arb:
        """One row and label 1 from rest: x = gamma, L = 1/2 and both constants are 1."""
        gamma = says["example"][r"\gamma"]
        found, losses, _ = expected_gain([[fmpq(1)]], [fmpq(1)], gamma, 1)
        return found / (gamma**2 * losses)

    return Claim(
        says=Statement(
            Type.INEQUALITY,
            r"For SGD on single rows, drawn anew in every step, "
            r"$\mathbb E\lVert\mathrm{Gain}_\gamma\rVert_1{relation}{factor}\,\lambda\gamma^2"
            r"\sum_k\mathbb E[L(\theta_k)]$ with {constant}, where $c$ is the largest absolute "
            r"value in $x_k:=\gamma\nabla L_{B_k}$ and {domain}.",
            {
                "relation": Relation.AT_MOST,
                "factor": Value(-2 * sympy.log(1 - C**2) / C**2),
                "constant": Constant.GREATEST,
                "domain": Domain(POSITIVE_C),
                "example": Instance(None, {r"\gamma": "1/2"}),
                "size": Number("2.301"),
            },
        ),
        misprint={"factor": Value(PRINTED)},
        because=r"$\lVert\nabla L\rVert^2$ is bounded by twice $\lambda L$, and $q(x)$ exceeds "
        r"$x^2$; the lower bound holds with a factor two as well.",
        counterexample=r"one row and label, both one, one step with {example} from rest: the gain "
        r"is {size} times $\lambda\gamma^2L$.",
        checks=(
            bounded("one coordinate", largest, kind=Kind.BALL),
            sharp("small steps on orthogonal rows"),
            compared(
                "all sequences of two rows",
                random_sides,
                attained=lambda says: one_coordinate(says, arb(fmpq(1, 4))),
                count=12,
                refutes=True,
            ),
            measured("one step", one_step, number="size"),
        ),
    )


@claim(
    "gunasekar2023.batch-constants",
    catalogue="C15 C17",
    where="constants of the gain bounds",
    printed=read(r"s.t. $\lambda_b H \leq \mathbb{E}_{B_k} [H_{B_k}] \leq \Lambda_b H$"),
)
def batch_constants() -> Claim:
    r"""$H_B=\sum_Bx_ix_i^T/b$. With orthogonal rows of squared length $N$ its square is
    $(N/b^2)\sum_Bx_ix_i^T$, and every row lies in a batch with probability $b/n$:
    $E[H_B^2]=(N/b)H$. Gaussian rows in many dimensions are nearly such, with $N=\sigma^2d$. The
    slides bound $E[H_B]$, which is $H$ itself, so that both constants are 1 whatever the batch.
    """

    def mean_of(power: int, rows: list[list[fmpq]], size: int) -> fmpq_mat:
        """The mean of H_B or of its square over all batches of this size."""
        outer = [fmpq_mat([[a * b for b in row] for a in row]) for row in rows]
        batches = list(combinations(range(len(rows)), size))
        hessians = (sum((outer[i] for i in b), fmpq_mat(4, 4)) * fmpq(1, size) for b in batches)
        return sum((h if power == 1 else h * h for h in hessians), fmpq_mat(4, 4)) * fmpq(
            1, len(batches)
        )

    def squares(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for size in (1, 2, 3):
            rows, squared = orthogonal_rows(draw, 3)
            told = says.number("constant", N=squared, b=fmpq(size))
            if mean_of(2, rows, size) != mean_of(1, rows, 3) * told:
                return False, f"not the factor at b = {size}, N = {squared}"
        return True, "the mean of H_B^2 over all batches of 1, 2 and 3 rows"

    def with_symbols(says: Statement, settings: Settings) -> tuple[bool, str]:
        """Two orthogonal rows r (cos, sin) and r (-sin, cos) with a rational angle, one drawn."""
        t, r = sympy.symbols("t r", positive=True)
        cos, sin = (1 - t**2) / (1 + t**2), 2 * t / (1 + t**2)
        rows = [sympy.Matrix([[r * cos, r * sin]]), sympy.Matrix([[-r * sin, r * cos]])]
        first = sum((row.T * row for row in rows), sympy.zeros(2, 2)) / 2
        second = sum(((row.T * row) ** 2 for row in rows), sympy.zeros(2, 2)) / 2
        left = second - first * says.expr("constant").subs({N: r**2, B: 1})
        return left.applyfunc(
            sympy.cancel
        ).is_zero_matrix is True, "two rows of any length and angle"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"For orthogonal rows of squared length $N$, $b$ different ones drawn in a step, "
            r"$\mathbb E[H_B^2]={constant}\,H$, so that both constants of the bounds are this.",
            {"constant": Value(N / B), "size": Number("4")},
        ),
        misprint={"constant": Value(PRINTED)},
        because=r"$\mathbb E[H_B]$ is $H$, so that what is printed defines one for every batch "
        r"size; the batch Hessian has to be squared.",
        counterexample=r"two orthogonal rows of length two, one drawn: $\mathbb E[H_B^2]$ is "
        r"{size} times $H$.",
        checks=(
            exact("all batches", Kind.ENUMERATION, squares, refutes=True),
            exact("two rows with symbols", Kind.SYMBOLIC, with_symbols, refutes=True),
            measured(
                "two rows of length 2",
                lambda says, settings: (
                    mean_of(2, TWO_ROWS, 1)[0, 0] / mean_of(1, TWO_ROWS, 1)[0, 0]
                ),
                number="size",
            ),
        ),
    )


@claim(
    "gunasekar2023.gaussian-gain",
    catalogue="C17",
    where="Gaussian gain size",
    printed=read(r"= \Theta \left(\frac{\gamma}{b} \sigma^2 d \log \frac{1}{\alpha}"),
)
def gaussian_gain() -> Claim:
    r"""Small steps gain $\lambda_b\gamma\,\psi_\alpha(\theta_\infty)$ in all; for Gaussian rows
    with $n$ much below $d$, $\lambda_b$ and $\Lambda_b$ are $\sigma^2d/b$ up to fluctuations, and
    $\psi_\alpha(\theta_\infty)=\ln(1/\alpha)\,|\theta_\infty|_1(1+O(1/\ln(1/\alpha)))$. Where
    $\alpha$ is small $|\theta_\infty|_1$ is the least $\ell_1$ norm $M$.
    """

    def curvature(deviation: fmpq, d: fmpq, b: fmpq) -> fmpq:
        """tr E[H_B^2] over tr H, from the second and the fourth moment of Gaussian entries."""
        second, fourth = deviation**2, 3 * deviation**4
        alone, apart = d * fourth + d * (d - 1) * second**2, d * second**2
        return (b * alone + b * (b - 1) * apart) / b**2 / (d * second)

    def limit(says: Statement, settings: Settings) -> Evidence:
        """Over gamma times that curvature times psi it tends to 1, at d = 10^12 and at
        alpha = 10^-(10^9), where psi is the integral along the flow."""
        draw = random.Random(settings.seed)
        with precision(60):
            alpha, d = arb(10) ** -(10**9), fmpq(10**12)
            for _ in range(5):
                g, s, m, b = (fmpq(draw.randint(1, 9), draw.randint(1, 9)) for _ in range(4))
                told = at(says.expr("limit"), gamma=g, sigma=s, d=d, alpha=alpha, M=m, b=b)
                pull = (arb(m) / alpha**2).asinh() / 2
                psi = grown(Weights.HALVES, [alpha, alpha], pull)
                ratio = told / (arb(g * curvature(s, d, b)) * psi)
                if not abs(ratio - 1) < arb("1e-7"):
                    return Evidence(False, f"ratio {ratio.str(10, radius=False)}")
        return Evidence(True, "within 1e-7 of it, 5 parameters")

    def small_steps(says: Statement, settings: Settings) -> Evidence:
        """The mean gain of small steps on orthogonal rows, with 2 gamma times the losses, which
        comes to psi, in the place of its leading part M log(1/alpha)."""
        draw = random.Random(settings.seed)
        with precision(30):
            for _ in range(3):
                rows, squared = orthogonal_rows(draw, 2)
                theta = [fmpq(draw.randint(1, 9), 5) for _ in range(4)]
                gamma = fmpq(1, 10**6) / squared
                found, losses, _ = expected_gain(rows, theta, gamma, 2)
                sigma = arb(squared / 4).sqrt()
                known = {"gamma": gamma, "sigma": sigma, "d": fmpq(4), "b": fmpq(1)}
                told = at(says.expr("limit"), alpha=arb(-1).exp(), M=2 * gamma * losses, **known)
                if not abs(found / told - 1) < arb("1e-7"):
                    return Evidence(False, f"{(found / told).str(12, radius=False)} of it")
        return Evidence(True, "within 1e-7, over all sequences of single rows, 3 problems")

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"For Gaussian rows of deviation $\sigma$ in $d$ dimensions, $b$ of them in a step, "
            r"from $w_\pm:=\alpha$ to an interpolator of $\ell_1$ norm $M$ on $\theta:=u\odot v$, "
            r"the mean of $\lVert\mathrm{Gain}_\gamma\rVert_1$ is, to leading order as $\gamma$, "
            r"$b/d$ and then $\alpha$ fall, {limit}.",
            {"limit": Value(GAMMA * S**2 * D * sympy.log(1 / ALPHA) * M / B, "limit")},
        ),
        checks=(
            Check("small initialization", Kind.BALL, limit),
            Check("small steps on orthogonal rows", Kind.ENUMERATION, small_steps),
        ),
    )
