"""How small or large an initialization must be: Woodworth, Gunasekar et al. (2020).

theta = w_+^2 - w_-^2 from w_+- = alpha; a = alpha^2, q(z) = 2 - sqrt(4+z^2) + z arcsinh(z/2).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import combinations

import numpy as np
import sympy
from flint import arb, fmpq

from derive.networks.diagonal_networks import SQUARES
from derive.networks.potentials import Potential, mirror_map
from verify.claims.checks.diagonal_runs import (
    FLOW_CLOSE,
    at,
    encloses_zero,
    integrate_flow,
    on_arrays,
    random_problem,
    real,
)
from verify.claims.checks.identities import enclosed, noted
from verify.claims.checks.mirror_maps import (
    ball,
    drawn_ball,
    encloses,
    moved,
    started,
    theta_of,
)
from verify.claims.checks.potentials import FROM_EQUAL, WOODWORTH
from verify.claims.checks.stated import bounded, compared
from verify.claims.claim import OURS, RECALLED, Check, Claim, Evidence, Kind, Settings, claim, on
from verify.claims.slots import Domain, Point, Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.diagonal_regression import Regression
from verify.models.interpolators import constrained_minimum
from verify.running.numbers import precision
from verify.running.recording import JUDGED

ALPHA, D, EPS, M, W = sympy.symbols("alpha d epsilon M w")
POSITIVE = Domain((sympy.Gt(EPS, 0),))
SLOPE = sympy.log(W / (2 * ALPHA**2) + sympy.sqrt((W / (2 * ALPHA**2)) ** 2 + 1, evaluate=False))
LOG_SMALL = (
    sympy.log(M) + (1 + EPS) / EPS * (sympy.log((1 + EPS) / D) - 1) - sympy.log(2) / EPS
) / 2
MARGIN = sympy.log(2 * (1 + EPS)) + (1 + EPS) * sympy.log(2 * (1 + EPS) / (2 + EPS))
LARGE = M / 2 * sympy.sqrt((1 + EPS) / (EPS * (2 + EPS)))


def drawn(draw: random.Random) -> dict[str, fmpq]:
    """d >= 2, 0 < epsilon < d and M > 0."""
    d = draw.randint(2, 40)
    return {
        "d": fmpq(d),
        "epsilon": fmpq(draw.randint(1, 40 * d - 1), 40),
        "M": fmpq(draw.randint(1, 400), draw.randint(1, 40)),
    }


def solves(
    slot: str, equation: Callable[[sympy.Expr], sympy.Expr], *, below: sympy.Expr | None = None
) -> Check:
    """The equation, at the slot's value and the parameters, is 0 at 20 points, where the value is
    between 0 and a bound, if there is one."""

    def judge(candidate: sympy.Expr, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)

        def differences() -> Iterator[arb]:
            for _ in range(20):
                point = drawn(draw)
                if below is not None and not 0 < at(candidate, **point) < at(below, **point):
                    yield arb("nan")
                yield at(equation(candidate), **point)

        with precision(settings.digits):
            found = encloses_zero(differences(), settings.digits, "the equation of the proof")
        noted(equation(JUDGED), sympy.Integer(0), found.passed is True)
        return found

    return on(slot, Check("equation of the proof", Kind.BALL, judge))


@claim("woodworth2020.mirror-flow", catalogue="C02", where="Theorem 1", printed=RECALLED)
def mirror_flow() -> Claim:
    r"""$\ln(w_+/w_-)=\mathrm{arcsinh}(\theta/2\alpha^2)$, as $w_+w_-=\alpha^2$ stays. Its
    derivative is $-4\nabla L$, so at the limit it lies in the row space of $X$: the stationarity of
    $\sum\alpha^2q(\theta_i/\alpha^2)$, with $q'(z)=\mathrm{arcsinh}(z/2)$.
    """

    @cache
    def ended(seed: int, alpha: float) -> tuple[np.ndarray, np.ndarray]:
        start = np.full((2, 4), alpha)
        found = integrate_flow(random_problem(seed), start, SQUARES, 0.0, 20.0, 0.01)
        return found.theta, found.gradient

    def along(says: Statement, settings: Settings) -> Evidence:
        function, worst = on_arrays(says.expr("slope"), "w", "alpha"), 0.0
        rate = float(sympy.Rational(says.expr("rate")))
        for alpha in (0.3, 0.6):
            theta, gradient = ended(settings.seed, alpha)
            with np.errstate(all="ignore"):
                gap = float(np.max(np.abs(function(theta, alpha) + rate * gradient)))
            worst = gap if not gap <= worst else worst
        return Evidence(bool(worst < FLOW_CLOSE), f"off by {worst:.1e}")

    def quotient(says: Statement, draw: random.Random) -> Iterable[arb]:
        scale, pull = drawn_ball(draw, 2, 12), drawn_ball(draw, -8, 8)
        w = moved(says["network"], started(says, scale), pull)
        told = ball(says.expr("slope"), {"w": theta_of(says["network"], w), "alpha": scale})
        yield told - (w[0] / w[1]).log()
        yield told - says.number("rate") * pull

    def points(draw: random.Random) -> dict[str, fmpq]:
        return {"w": fmpq(draw.randint(-30, 30), 7), "alpha": fmpq(draw.randint(1, 30), 10)}

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"Along gradient flow on {FROM_EQUAL} $\log\lvert w_+/w_-\rvert={{slope}}$ at "
            r"$w:=\theta$, and this is $-{rate}\int\nabla L$: where it ends it is along the rows.",
            {"slope": Value(SLOPE), "rate": Value(sympy.Integer(4), "rate"), **WOODWORTH},
        ),
        checks=(
            encloses("quotient on the flow", quotient),
            Check("integrated flow", Kind.SIMULATION, along),
            on(
                "slope",
                enclosed(
                    "quotient of the weights",
                    lambda: 4 * mirror_map(W, ALPHA**2, Potential(SQUARES)),
                    points,
                ),
            ),
        ),
    )


def one_row(share: float, columns: int, scale: float) -> Regression:
    """w_1 + share (w_2 + ... ) = scale: the least l1 norm is scale, alone on w_1."""
    row = np.full((1, columns), share)
    row[0, 0] = 1.0
    return Regression(row, np.array([scale]))


def least_l1_of(problem: Regression) -> float:
    """The smallest l1 norm over all basic solutions of two rows."""
    norms = []
    for columns in combinations(range(problem.x.shape[1]), 2):
        block = problem.x[:, columns]
        norms.append(float(np.sum(np.abs(np.linalg.solve(block, problem.y)))))
    return min(norms)


def ended_at(problem: Regression, log_alpha: float) -> np.ndarray:
    """The limit of gradient flow from w_+- = alpha."""
    weights = np.full((2, problem.x.shape[1]), np.exp(2 * log_alpha))
    return constrained_minimum(problem, weights, digits=30).astype(float)


def sparse_cases(seed: int) -> list[tuple[Regression, float]]:
    """Problems with their least l1 norm, one of them close to the worst."""
    general = random_problem(seed)
    return [
        (general, least_l1_of(general)),
        (one_row(0.7, 4, 1.5), 1.5),
        (one_row(0.9, 3, 0.5), 0.5),
    ]


START = r"gradient flow on $\theta:=w_+^2-w_-^2$ from $w_\pm:=\alpha$ that ends at an interpolator"


@claim(
    "woodworth2020.small-initialization",
    catalogue="C08 C09",
    where="Theorem 2, first part, without units",
    printed=OURS,
)
def small_initialization() -> Claim:
    r"""$z\ln(z/a)-z\le aq(z/a)\le z\ln(1+z/a)$ for $z\ge0$. With $N=|\theta|_1$ of the limit and
    the log-sum inequality, $N(\ln(N/(ad))-1)\le Q(\theta)\le Q(\theta_{\ell_1})\le M\ln(1+M/a)$. If
    $N$ were $(1+\epsilon)M$ or more then
    $(1+\epsilon)(\ln((1+\epsilon)M/(ad))-1)\le\ln(M/a)+\ln(1+a/M)$; at $a<M$ the last term is below
    $\ln2$, and with $\ln2$ equality is the bound. It needs no unit: $\theta\to s\theta$, $a\to sa$.
    What the theorem prints is smaller and follows from it.
    """

    def equation(log_alpha: sympy.Expr) -> sympy.Expr:
        log_a = 2 * log_alpha
        left = (1 + EPS) * (sympy.log((1 + EPS) * M / D) - log_a - 1)
        return left - (sympy.log(M) - log_a + sympy.log(2))

    def sides(
        says: Statement, eps: float, case: tuple[Regression, float], smaller: float = 0.0
    ) -> tuple[float, float]:
        """The norm at the bound, or from a smaller start, and what it is compared with."""
        problem, least = case
        log_alpha = real(says.expr("bound"), d=problem.x.shape[1], epsilon=eps, M=least)
        if not -300 < log_alpha < 20:
            raise ValueError(f"ln alpha = {log_alpha:.3g}")
        return float(np.sum(np.abs(ended_at(problem, log_alpha - smaller)))), (1 + eps) * least

    def within(says: Statement, draw: random.Random) -> tuple[float, float]:
        cases = sparse_cases(draw.randint(0, 9))
        return sides(says, draw.uniform(0.05, 0.5), draw.choice(cases), draw.choice([0.0, 1.0]))

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        case = sparse_cases(settings.seed)[1]
        eps = float(int(point["epsilon"].p) / int(point["epsilon"].q))
        norm, limit = sides(says, eps, case)
        return norm < limit

    return Claim(
        says=Statement(
            Type.INEQUALITY,
            rf"The limit of {START} exceeds the least $\ell_1$ norm $M$ by a relative part "
            r"{relation}$\epsilon$, for {domain} and $\log\alpha={bound}$ or any smaller start: "
            r"the start that the convexity of the potential gives.",
            {
                "relation": Relation.BELOW,
                "bound": Value(LOG_SMALL, "bound"),
                "domain": POSITIVE,
            },
        ),
        checks=(
            solves("bound", equation),
            compared("solved instances", within, kind=Kind.SIMULATION, count=5),
            bounded("excesses of the domain", holds, kind=Kind.SIMULATION, count=1),
        ),
    )


@claim(
    "woodworth2020.small-initialization-printed",
    catalogue="C08",
    where="Theorem 2, first part",
    printed=RECALLED,
)
def small_initialization_printed() -> Claim:
    r"""The theorem asks $\ln(1/a)\ge\frac{2+\epsilon}\epsilon\ln(2(1+\epsilon)M)$ and
    $\ln(1/a)\ge2d/(\epsilon M)$ with $a=\alpha^2$. Weighted by $1/(2+\epsilon)$ and
    $(1+\epsilon)/(2+\epsilon)$ they give
    $\epsilon\ln(1/a)\ge\ln(2(1+\epsilon)M)+2d(1+\epsilon)/((2+\epsilon)M)$. What this leaves of
    $\epsilon\ln(M/a)-(1+\epsilon)(1+\ln(d/(1+\epsilon)))$ is least at $M=2d/(2+\epsilon)$. The
    bound without units needs $\ln(1+a/M)$ there; the margin is above $\ln2$, and $1+\epsilon<ed$
    makes $a<M$.
    """

    def margin(says: Statement, e: arb, d: arb, m: arb) -> arb:
        first, second = (at(says.expr(n), epsilon=e, d=d, M=m) for n in ("first", "second"))
        log_inverse = (first + (1 + e) * second) / (2 + e)
        return e * (log_inverse + m.log()) - (1 + e) * (1 + (d / (1 + e)).log())

    def least(says: Statement, settings: Settings) -> Evidence:
        draw = random.Random(settings.seed)
        with precision(settings.digits):
            tiny = arb(10) ** (5 - settings.digits)
            for _ in range(20):
                point = drawn(draw)
                d, e, m = (arb(point[n]) for n in ("d", "epsilon", "M"))
                told, place = (at(says.expr(n), **point) for n in ("margin", "place"))
                left = told - margin(says, e, d, place)
                if not (left.is_finite() and left.contains(0)):
                    return Evidence(False, f"off by {left.str(5, radius=False)}")
                if not margin(says, e, d, m) - told > -tiny:
                    return Evidence(False, "another M leaves less")
                if not told > arb(2).log():
                    return Evidence(False, "not above ln 2")
        return Evidence(True, "the least margin over M, above ln 2, at 20 points")

    def excess(says: Statement, draw: random.Random) -> tuple[float, float]:
        """The relative excess of the limit at the printed start, beside epsilon."""
        problem, l1 = draw.choice(sparse_cases(draw.randint(0, 9)))
        known = {"d": problem.x.shape[1], "epsilon": draw.uniform(0.3, 1.0), "M": l1}
        two = [real(says.expr(name), **known) for name in ("first", "second")]
        norm = float(np.sum(np.abs(ended_at(problem, -max(*two, 0.0) / 2))))
        return norm / l1 - 1, known["epsilon"]

    return Claim(
        says=Statement(
            Type.INEQUALITY,
            rf"The limit of {START} exceeds the least $\ell_1$ norm $M$ by a relative part "
            r"{relation}$\epsilon$ where $-\log(\alpha^2)$ is neither below {first} nor below "
            r"{second}: weighed against each other they exceed what is enough without units, in "
            r"$-\epsilon\log(\alpha^2)$, by {margin} and more, and by no more for $M={place}$.",
            {
                "margin": Value(MARGIN),
                "relation": Relation.BELOW,
                "first": Value((2 + EPS) / EPS * (sympy.log(M) + sympy.log(2 + 2 * EPS)), "bound"),
                "second": Value(2 * D / (EPS * M), "bound"),
                "place": Value(2 * D / (2 + EPS), "place"),
            },
        ),
        checks=(
            Check("least margin", Kind.BALL, least),
            compared("solved instances", excess, kind=Kind.SIMULATION, count=5),
        ),
    )


@claim(
    "woodworth2020.large-initialization",
    catalogue="C08",
    where="Theorem 2, second part, sharpened",
    printed=OURS,
)
def large_initialization() -> Claim:
    r"""$q''=(4+z^2)^{-1/2}$, so $Q\le|\theta|^2/(4a)$ and, on $|\theta_i|\le R$,
    $Q\ge|\theta|^2/(4a\sqrt{1+R^2/(4a^2)})$. Go from the least squares solution (norm $m$) towards
    the limit until the squared norm is $(1+\epsilon)m^2$, where $R^2\le(1+\epsilon)m^2$; convexity
    keeps $Q$ there at most $Q$ of the start: $1+\epsilon\le\sqrt{1+(1+\epsilon)m^2/(4a^2)}$.
    Equality is the bound. The theorem is recalled with $2(1+\epsilon)(1+2/\epsilon)m$, which is
    larger for every $\epsilon$: of order $1/\epsilon$ where $\epsilon^{-1/2}$ is enough.
    """

    def equation(a: sympy.Expr) -> sympy.Expr:
        return sympy.sqrt(1 + (1 + EPS) * M**2 / (4 * a**2)) - 1 - EPS

    def sides(
        says: Statement, eps: float, problem: Regression, larger: float = 1.0
    ) -> tuple[float, float]:
        """The relative excess of the squared norm at the bound, or a multiple, beside epsilon."""
        m2 = float(np.linalg.norm(np.linalg.lstsq(problem.x, problem.y, rcond=None)[0]))
        a = real(says.expr("bound"), epsilon=eps, M=m2)
        if not a > 0:
            raise ValueError(f"alpha^2 = {a:.3g}")
        return float(np.sum(ended_at(problem, np.log(a * larger) / 2) ** 2)) / m2**2 - 1, eps

    def within(says: Statement, draw: random.Random) -> tuple[float, float]:
        problems = (random_problem(draw.randint(0, 9)), one_row(0.3, 2, 1.5), one_row(0.5, 4, 1.0))
        return sides(says, draw.uniform(0.01, 0.5), draw.choice(problems), draw.choice([1.0, 4.0]))

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        eps = float(int(point["epsilon"].p) / int(point["epsilon"].q))
        found, limit = sides(says, eps, one_row(0.3, 2, 1.5))
        return found < limit

    return Claim(
        says=Statement(
            Type.INEQUALITY,
            rf"The squared Euclidean norm of the limit of {START} exceeds the least one, "
            rf"$M^2$, by a "
            r"relative part {relation}$\epsilon$, for {domain} and $\alpha^2={bound}$ or any "
            r"larger start: the start that the convexity of the potential gives.",
            {"relation": Relation.BELOW, "bound": Value(LARGE, "bound"), "domain": POSITIVE},
        ),
        checks=(
            solves("bound", equation, below=2 * (1 + EPS) * (1 + 2 / EPS) * M),
            compared("solved instances", within, kind=Kind.SIMULATION, count=5),
            bounded("excesses of the domain", holds, kind=Kind.SIMULATION, count=1),
        ),
    )
