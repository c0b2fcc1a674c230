"""When no weight crosses zero, and what follows: Papazov, Pesme and Flammarion (2024).

theta = u v, w_+- = u +- v; momentum flow is lambda w'' + w' +- g w = 0 with g = grad L(theta).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
import sympy
from flint import arb, fmpq, fmpq_mat

from derive.language.formula import BETA
from derive.networks.diagonal_networks import LAMBDA, SUMS
from verify.claims.checks.diagonal_runs import (
    at,
    integrate_flow,
    on_arrays,
    random_problem,
    random_start,
    real,
)
from verify.claims.checks.gain_bounds import sign
from verify.claims.checks.identities import identical
from verify.claims.checks.stated import compared, switches, tends
from verify.claims.checks.taylor import taylor_coefficients
from verify.claims.claim import LOST, Check, Claim, Evidence, Kind, Settings, claim, on, read
from verify.claims.slots import Choice, Order, Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.diagonal_regression import Array
from verify.running.numbers import evaluate, precision

E, LOSS0, REACH = sympy.symbols("e L G")


class Signs(Choice):
    """Whether weights cross zero."""

    SAME = "where no weight crosses zero"
    ANY = "whether weights cross zero or not"


def real_modes(inertia: fmpq, force: fmpq) -> bool:
    """Whether no mode of lambda w'' + w' + g w = 0 oscillates, from the matrix of the system."""
    low, middle, high = fmpq_mat([[0, 1], [-force / inertia, -1 / inertia]]).charpoly()
    return middle**2 >= 4 * low * high


@claim(
    "papazov2024.no-crossing-of-the-flow",
    catalogue="D12",
    where="when the balance stays",
    printed=LOST,
)
def crossing_of_the_flow() -> Claim:
    r"""$w=e^{-t/2\lambda}z$ gives $z''=(1/(4\lambda^2)\mp g/\lambda)z$. For $|g|\le1/(4\lambda)$
    the bracket is at least 0, so $z$, which starts at $z>0$ with $z'=z/(2\lambda)>0$, is convex and
    stays positive. A constant $g$ above it makes the roots complex, and $w$ oscillates.
    """

    def threshold(says: Statement, draw: random.Random) -> tuple[fmpq, fmpq]:
        inertia = fmpq(draw.randint(1, 99), 20)
        return says.number("bound", **{"lambda": inertia}), inertia

    def any_force(says: Statement, settings: Settings) -> Evidence:
        """Forces that change in time: none within the bound crosses, a constant one above does."""
        rng = np.random.default_rng(settings.seed)
        inertia = rng.uniform(0.1, 2.0, size=40)
        limit = on_arrays(says.expr("bound"), "lambda")(inertia)
        amplitude, frequency = rng.uniform(0.5, 1.0, 40), rng.uniform(0, 5, 40) / inertia

        def crosses(force: Callable[[float], Array]) -> Array:
            w, v, step = np.ones(40), np.zeros(40), inertia / 100
            lowest = w
            for k in range(20_000):
                v = v + step * (-v - force(k) * w) / inertia
                w = w + step * v
                lowest = np.minimum(lowest, w)
            return lowest < 0

        inside = crosses(lambda k: limit * amplitude * np.cos(frequency * k * inertia / 100))
        outside = crosses(lambda k: limit * 1.1)
        said = f"{int(np.sum(inside))} of 40 cross inside, {int(np.sum(outside))} of 40 outside"
        return Evidence(not np.any(inside) and bool(np.all(outside)), said)

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"No weight of momentum flow from rest crosses zero while "
            r"$\lVert\nabla L\rVert_\infty{relation}{bound}$; beyond, a constant force makes one "
            r"cross.",
            {"relation": Relation.AT_MOST, "bound": Value(1 / (4 * LAMBDA), "threshold")},
        ),
        checks=(
            switches(
                "modes of a constant force",
                lambda says, force, inertia: real_modes(inertia, force),
                threshold,
            ),
            Check("forces in time", Kind.SIMULATION, any_force),
        ),
    )


@claim(
    "papazov2024.explicit-inertia",
    catalogue="D12",
    where="when the balance stays",
    printed=LOST,
)
def explicit_inertia() -> Claim:
    r"""$\lambda|\dot w|^2/2+L$ decreases, so $L\le L_0$ from rest, and $|\partial_jL|=|X_j\cdot
    r|/n\le|X_j|/\sqrt n\,\sqrt{2L}$ by Cauchy-Schwarz. With $G$ the largest $|X_j|/\sqrt n$ the
    force stays below $G\sqrt{2L_0}\le1/(4\lambda)$, which does not cross. One row that is $r$ off
    at the start has equality there; the force falls while the weights move.
    """

    def force(says: Statement, draw: random.Random, *, best: bool) -> tuple[int, int]:
        """4 lambda times the largest force at the start beside 1, at the stated lambda."""
        with precision(40):
            rows, columns = (1, 1) if best else (draw.randint(2, 3), draw.randint(1, 3))
            x = [[fmpq(draw.randint(-9, 9), 4) + 5 for _ in range(columns)] for _ in range(rows)]
            r = [fmpq(draw.randint(1, 30) * (-1) ** i, 7) for i in range(rows)]
            loss = sum((v**2 for v in r), fmpq(0)) / (2 * rows)
            reach = max(
                arb(sum((a**2 for a in row), fmpq(0)) / rows).sqrt() for row in zip(*x, strict=True)
            )
            told = at(says.expr("bound"), G=reach, L=arb(loss))
            pulls = (
                sum((a * b for a, b in zip(c, r, strict=True)), fmpq(0))
                for c in zip(*x, strict=True)
            )
            largest = max(abs(p) / rows for p in pulls)
            return sign(told - 1 / (4 * arb(largest))), 0

    def flows(says: Statement, settings: Settings) -> Evidence:
        closest = 0.0
        for seed in (settings.seed % 5, settings.seed % 5 + 1):
            problem, start = random_problem(seed), random_start(seed)
            reach = float(np.max(np.linalg.norm(problem.x, axis=0)) / np.sqrt(2))
            theta = (start[0] ** 2 - start[1] ** 2) / 4
            value = float(np.sum(problem.residual(theta) ** 2) / 4)
            inertia = real(says.expr("bound"), G=reach, L=value)
            if not 0 < inertia < 100:
                return Evidence(False, f"lambda = {inertia:.3g}")
            step = min(0.02, inertia / 4)
            end = integrate_flow(problem, start, SUMS, inertia, 5.0, step)
            closest = max(closest, 4 * inertia * float(np.max(np.abs(problem.gradient(theta)))))
            if not np.all(end.w > 0):
                return Evidence(False, "a weight crosses zero")
        return Evidence(True, f"no crossing; 4 lambda |grad L| at most {closest:.3f} at the start")

    return Claim(
        says=Statement(
            Type.INEQUALITY,
            r"For momentum flow from rest on $\theta:=u\odot v$ with the mean of half the squares "
            r"as loss, no weight crosses zero for $\lambda{relation}{bound}$, with $L$ the loss at "
            r"the start and $G$ the largest root mean square of a column of $X$, and no larger "
            r"bound of this form keeps the force at the start harmless.",
            {
                "bound": Value(1 / (4 * REACH * sympy.sqrt(2 * LOSS0)), "bound"),
                "relation": Relation.AT_MOST,
            },
        ),
        checks=(
            compared(
                "force at the start",
                lambda says, draw: force(says, draw, best=False),
                attained=lambda says: force(says, random.Random(1), best=True),
                kind=Kind.BALL,
            ),
            Check("flows at the bound", Kind.SIMULATION, flows),
        ),
    )


def iterated(says: Statement, settings: Settings) -> Evidence:
    """Within the bound no ratio falls below the floor, however long; beyond, one does."""
    rng = np.random.default_rng(settings.seed)
    beta = rng.uniform(0.05, 0.95, size=200)
    limit = on_arrays(says.expr("bound"), "beta")(beta)
    ground = on_arrays(says.expr("floor"), "beta")(beta)

    def crosses(step: Callable[[], Array]) -> Array:
        r, lowest = np.ones(200), np.ones(200)
        for _ in range(3000):
            r = np.where(lowest <= 0, r, 1 - step() + beta * (1 - 1 / r))
            lowest = np.minimum(lowest, r / ground - 1 + 1e-9)
        return lowest < 0

    inside = crosses(lambda: limit * rng.uniform(-1, 1, 200)) | crosses(lambda: limit * 0.9999)
    outside = crosses(lambda: limit * 1.01)
    said = f"{int(np.sum(inside))} of 200 fall inside, {int(np.sum(outside))} of 200 outside"
    return Evidence(not np.any(inside) and bool(np.all(outside)), said)


@claim(
    "papazov2024.no-crossing-of-the-iteration",
    catalogue="D12",
    where="when the balance stays",
    printed=LOST,
)
def crossing_of_the_iteration() -> Claim:
    r"""$r'=1\mp x+\beta(1-1/r)$. If $r\ge\sqrt\beta$ and $|x|\le(1-\sqrt\beta)^2$ then
    $r'\ge1-(1-\sqrt\beta)^2+\beta-\sqrt\beta=\sqrt\beta$; the cold start has $r=1$. A constant $x$
    above it makes the roots of $r^2-(1+\beta-x)r+\beta$ complex and the weight cross.
    """

    def threshold(says: Statement, draw: random.Random) -> tuple[fmpq, fmpq]:
        """At a momentum with a rational root."""
        root = fmpq(draw.randint(1, 19), 20)
        exact = says.expr("bound").subs(BETA, sympy.Rational(int(root.p), int(root.q)) ** 2)
        return evaluate(exact, {}), root

    def stays(says: Statement, force: fmpq, root: fmpq) -> bool:
        """Whether ratios under this constant force from 1 on have a fixed point, as none crosses
        the smaller one from above; the fixed points are real or every ratio falls below in time."""
        return (1 + root**2 - force) ** 2 >= 4 * root**2 and force < (1 + root) ** 2

    def lowest(says: Statement, draw: random.Random) -> tuple[fmpq, fmpq]:
        """The lowest of some ratios, beside the floor, for random forces within the bound."""
        bound, root = threshold(says, draw)
        ratio = found = fmpq(1)
        for _ in range(12):
            ratio = 1 - bound * fmpq(draw.randint(-20, 20), 20) + root**2 * (1 - 1 / ratio)
            found = min(found, ratio)
        return found, floor(says, root)

    def floor(says: Statement, root: fmpq) -> fmpq:
        exact = says.expr("floor").subs(BETA, sympy.Rational(int(root.p), int(root.q)) ** 2)
        return evaluate(exact, {})

    def fixed(says: Statement) -> tuple[fmpq, fmpq]:
        """The ratio that the force of the bound keeps: no ratio above it falls below."""
        bound, root = threshold(says, random.Random(1))
        return ((1 + root**2) - bound) / 2, floor(says, root)

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"From a cold start every ratio $w_{\pm,k+1}/w_{\pm,k}$ of heavy ball is "
            r"{side}${floor}$ while $\lVert\gamma\nabla L_{B_k}\rVert$, its largest entry, is "
            r"{relation}${bound}$; under a constant one beyond, a weight crosses zero.",
            {
                "bound": Value((1 - sympy.sqrt(BETA)) ** 2, "threshold"),
                "relation": Relation.AT_MOST,
                "floor": Value(sympy.sqrt(BETA), "floor"),
                "side": Relation.AT_LEAST,
            },
        ),
        checks=(
            switches("constant forces", stays, threshold),
            compared("ratios within the bound", lowest, relation="side", attained=fixed, count=20),
            Check("ratios of many runs", Kind.SIMULATION, iterated),
        ),
    )


@claim(
    "papazov2024.balance-falls",
    catalogue="D14",
    where="Figure 4",
    printed=read(r"the trajectories for which the iterates do not cross zero satisfy"),
)
def balance_falls() -> Claim:
    r"""$f(r)=r-1-\ln r\ge0$ for $r>0$ with equality at 1 only, so every step without a crossing
    lowers the balance; at $r=1+e$ the loss is $\frac{1+\beta}{2(1-\beta)}e^2+O(e^3)$. Across zero
    $f$ is negative for $r<-W(1/e)$, and $\Delta_\infty$ may exceed $\Delta_0$.
    """
    r = 1 + E

    def loss(ratio: arb, beta: fmpq) -> arb:
        """Of the sum of log|w_+-| beyond the gradient, in a step of this ratio."""
        size = abs(ratio).log()
        return (ratio - 1 - size + arb(beta) * (1 / ratio - 1 + size)) / arb(1 - beta)

    def small_steps(says: Statement, settings: Settings) -> Sequence[float]:
        beta = fmpq(random.Random(settings.seed).randint(1, 9), 10)
        found = []
        with precision(settings.digits):
            for j in range(6):
                e = fmpq(1, 16 * 2**j)
                told = at(says.expr("loss"), e=e, beta=beta)
                found.append(float(abs(loss(arb(1 + e), beta) - told).mid()))
        return found

    def fallen(says: Statement, draw: random.Random) -> tuple[int, int]:
        """The balance at the end over its start beside 1: ratios on the stated side of zero."""
        beta, total = fmpq(draw.randint(0, 9), 10), arb(0)
        with precision(40):
            for _ in range(6):
                ratio = fmpq(draw.randint(1, 60), 20)
                ratio = -ratio if says["signs"] is Signs.ANY and draw.random() < 0.5 else ratio
                total -= loss(arb(ratio), beta)
            return sign(total), 0

    def positive() -> sympy.Expr:
        f, g = r - 1 - sympy.log(r), 1 / r - 1 + sympy.log(r)
        whole = (f + BETA * g) / (1 - BETA)
        return sum(c * E**n for n, c in enumerate(taylor_coefficients(whole, E, 3)))

    return Claim(
        says=Statement(
            Type.INEQUALITY,
            r"Heavy ball on $\theta:=u\odot v$ that moves and ends at an interpolator has "
            r"$\Delta_\infty{relation}\Delta_0$ {signs}: a step of ratio $r:=1+e$ takes ${loss}$ "
            r"from $\log\lvert w_\pm\rvert$ beyond the gradient, up to {error} as $e$ falls.",
            {
                "loss": Value((1 + BETA) / (2 * (1 - BETA)) * E**2),
                "relation": Relation.BELOW,
                "signs": Signs.SAME,
                "error": Order(3, "e"),
            },
        ),
        checks=(
            tends("observed order in e", small_steps),
            on("loss", identical("series of a step", positive)),
            compared("random ratios", fallen, kind=Kind.BALL, count=60),
        ),
    )
