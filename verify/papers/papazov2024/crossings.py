"""When no weight crosses zero, and what follows: Papazov, Pesme and Flammarion (2024).

theta = u v, w_+- = u +- v; momentum flow is lambda w'' + w' +- g w = 0 with g = grad L(theta).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import numpy as np
import sympy
from flint import arb, fmpq, fmpq_mat

from derive.language.formula import BETA, Formula
from derive.networks.diagonal_networks import LAMBDA, SUMS
from verify.claims.checks.diagonal_runs import (
    at,
    integrate_flow,
    on_arrays,
    random_problem,
    random_start,
    real,
)
from verify.claims.checks.identities import identical, order_of
from verify.claims.checks.stated import switches
from verify.claims.claim import LOST, Check, Claim, Evidence, Kind, Settings, Verdict, claim
from verify.claims.slots import Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.diagonal_network import Array
from verify.running.numbers import evaluate, precision

E, LOSS0, REACH = sympy.symbols("e L0 G")


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


@claim("papazov2024.explicit-inertia", catalogue="D12", where="when the balance stays")
def explicit_inertia() -> Claim:
    """λ|w'|²/2 + L decreases, so L ≤ L_0 from rest, and |∂_j L| = |X_j·r|/n ≤ |X_j|/√n √(2L) by
    Cauchy-Schwarz. With G the largest |X_j|/√n the force stays below G√(2L_0) ≤ 1/(4λ). Equality
    at the start in one dimension.
    """

    def equality(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        with precision(settings.digits):
            for _ in range(10):
                x, r = (fmpq(draw.randint(1, 30), 7) for _ in "xr")
                told = at(candidate, G=x, L0=r**2 / 2)
                left = 4 * told * arb(x * r) - 1
                if not (left.is_finite() and left.contains(0)):
                    return Evidence(False, f"4 lambda |grad L| - 1 = {left.str(4, radius=False)}")
        return Evidence(True, "4 lambda |grad L| = 1 at the start, one dimension, 10 problems")

    def flows(candidate: sympy.Expr, settings: Settings) -> Evidence:
        closest = 0.0
        for seed in (settings.seed % 5, settings.seed % 5 + 1):
            problem, start = random_problem(seed), random_start(seed)
            reach = float(np.max(np.linalg.norm(problem.x, axis=0)) / np.sqrt(2))
            theta = (start[0] ** 2 - start[1] ** 2) / 4
            value = float(np.sum(problem.residual(theta) ** 2) / 4)
            inertia = real(candidate, G=reach, L0=value)
            if not 0 < inertia < 100:
                return Evidence(False, f"lambda = {inertia:.3g}")
            step = min(0.02, inertia / 4)
            end = integrate_flow(problem, start, SUMS, inertia, 5.0, step)
            force = float(np.max(np.abs(problem.gradient(theta))))
            closest = max(closest, 4 * inertia * force)
            if not (np.all(end.w > 0) and 4 * inertia * force <= 1):
                return Evidence(False, f"4 lambda |grad L| = {4 * inertia * force:.3f}")
        return Evidence(True, f"no crossing; 4 lambda |grad L| at most {closest:.3f} at the start")

    return Claim(
        statement=(
            r"No weight crosses zero for $\lambda$ up to {formula}, with $L_0$ the loss at the "
            r"start and $G = \max_j\|X_j\|/\sqrt n$."
        ),
        printed=Formula("explicitInertia", 1 / (4 * REACH * sympy.sqrt(2 * LOSS0)), given=()),
        checks=(
            Check("one dimension", Kind.BALL, equality),
            Check("flows at the bound", Kind.SIMULATION, flows),
        ),
        expected=Verdict.CONFIRMED,
        condition="From rest. Sufficient, not necessary: the force falls while the weights move.",
    )


@claim("papazov2024.no-crossing-of-the-iteration", catalogue="D12", where="when the balance stays")
def crossing_of_the_iteration() -> Claim:
    """r' = 1 ∓ x + β(1 - 1/r). If r ≥ √β and |x| ≤ (1-√β)² then
    r' ≥ 1 - (1-√β)² + β - √β = √β; the cold start has r = 1. A constant x above it makes the roots
    of r² - (1+β-x) r + β complex and the weight cross.
    """

    def fixed_point(candidate: sympy.Expr, settings: Settings) -> Evidence:
        """With root beta rational: r = sqrt(beta) is the double fixed point, exactly."""
        for n in range(1, 20):
            root = fmpq(n, 20)
            limit = evaluate(
                candidate.subs(sympy.sqrt(BETA), sympy.Rational(n, 20)), {"beta": root**2}
            )
            if 1 - limit + root**2 * (1 - 1 / root) != root:
                return Evidence(False, f"not a fixed point at sqrt(beta) = {root}")
        return Evidence(True, "sqrt(beta) is kept, exactly, 19 beta")

    def iterated(candidate: sympy.Expr, settings: Settings) -> Evidence:
        rng = np.random.default_rng(settings.seed)
        beta = rng.uniform(0.05, 0.95, size=200)
        limit = on_arrays(candidate, "beta")(beta)

        def crosses(step: Callable[[], Array]) -> Array:
            r, lowest = np.ones(200), np.ones(200)
            for _ in range(3000):
                r = np.where(lowest <= 0, r, 1 - step() + beta * (1 - 1 / r))
                lowest = np.minimum(lowest, r / np.sqrt(beta) - 1 + 1e-9)
            return lowest < 0

        random_inside = crosses(lambda: limit * rng.uniform(-1, 1, 200))
        edge = crosses(lambda: limit * 0.9999)
        outside = crosses(lambda: limit * 1.01)
        said = (
            f"{int(np.sum(random_inside | edge))} of 400 fall below sqrt(beta) inside, "
            f"{int(np.sum(outside))} of 200 outside"
        )
        return Evidence(not np.any(random_inside | edge) and bool(np.all(outside)), said)

    return Claim(
        statement=(
            r"Every ratio $w_{k+1}/w_k$ stays at least $\sqrt\beta$ while "
            r"$\gamma\|\nabla L_{B_k}\|_\infty$ is at most {formula}."
        ),
        printed=Formula("crossingOfTheIteration", (1 - sympy.sqrt(BETA)) ** 2),
        checks=(
            Check("fixed point", Kind.ENUMERATION, fixed_point),
            Check("ratios of many runs", Kind.SIMULATION, iterated),
        ),
        expected=Verdict.CONFIRMED,
        condition="Cold start. The constant is the best, as a constant gradient shows.",
    )


@claim("papazov2024.balance-falls", catalogue="D14", where="Figure 4")
def balance_falls() -> Claim:
    """f(r) = r - 1 - ln r ≥ 0 for r > 0 with equality at 1 only, so every step without a crossing
    lowers the balance; at r = 1 + e the loss is (1+β)/(2(1-β)) e² + O(e³). Across zero f is
    negative for r < -W(1/e) = -0.278, and D_∞ may exceed D_0.
    """
    r = 1 + E

    def exact_loss(e: fmpq, beta: fmpq) -> arb:
        ratio = arb(1 + e)
        f, g = ratio - 1 - ratio.log(), 1 / ratio - 1 + ratio.log()
        return (f + beta * g) / (1 - beta)

    def small_steps(candidate: sympy.Expr, settings: Settings) -> Sequence[float]:
        beta = fmpq(random.Random(settings.seed).randint(1, 9), 10)
        found = []
        with precision(settings.digits):
            for j in range(6):
                e = fmpq(1, 16 * 2**j)
                found.append(float(abs(exact_loss(e, beta) - at(candidate, e=e, beta=beta)).mid()))
        return found

    def positive() -> sympy.Expr:
        f = r - 1 - sympy.log(r)
        g = 1 / r - 1 + sympy.log(r)
        return sympy.series((f + BETA * g) / (1 - BETA), E, 0, 3).removeO()

    return Claim(
        statement=(
            r"A step with ratio $r = 1 + e > 0$ lowers $\log|w_\pm|$ beyond the gradient by a "
            r"positive amount, for small $e$ {formula}; so $\Delta_\infty < \Delta_0$ without "
            "crossings."
        ),
        printed=Formula("balanceFalls", (1 + BETA) / (2 * (1 - BETA)) * E**2),
        checks=(
            order_of("observed order in e", small_steps, 3),
            identical("series of a step", positive),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"No weight crosses zero; with crossings $\Delta_\infty$ may exceed $\Delta_0$.",
    )
