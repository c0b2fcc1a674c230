"""Order, convergence and modes of the momentum flow of Papazov, Pesme and Flammarion (2024).

The flow is lambda x'' + x' + grad F = 0; the iteration is heavy ball with step size gamma.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import sympy
from flint import fmpq, fmpq_mat

from derive import heavy_ball
from derive.engine.momentum_flow import LAMBDA
from derive.language.formula import Formula
from verify.claims.checks.heavy_ball import value
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.momentum_grid import at, drawn
from verify.claims.checks.stated import switches
from verify.claims.claim import OURS, Check, Claim, Evidence, Kind, Settings, Verdict, claim, on
from verify.claims.slots import Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.written_fields import damped
from verify.papers.papazov2024.crossings import real_modes
from verify.papers.papazov2024.discretization import FLOW
from verify.running.families import bounded_polynomial, starting_point
from verify.running.numbers import RATIONAL, PowerSeries, power_series
from verify.running.trajectories import vector

TIME = sympy.Symbol("t")


@claim("papazov2024.convergence", catalogue="D05", where="Proposition 2")
def convergence() -> Claim:
    """V = (λ/2)|x'|² + F falls at the rate |x'|², so |x'|² is integrable. For a minimizer z and
    a = |x-z|²/2 the flow gives λa'' + a' = λ|x'|² - ⟨∇F(x), x-z⟩, and convexity makes the last term
    at most -(F(x) - F(z)). Hence F(x) - F(z) is integrable, F(x) tends to its minimum as V falls,
    a has a limit for every z, and the path converges to a minimizer (Álvarez 2000, Opial's lemma).
    """

    def by_hand() -> sympy.Expr:
        x, v, g, z = sympy.symbols("x v g z")
        acceleration = -(v + g) / LAMBDA
        left = LAMBDA * (v**2 + (x - z) * acceleration) + (x - z) * v
        return sympy.expand(left + (x - z) * g).coeff(v, 2)

    def along_flow(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for dimension in (1, 2, 3):
            loss = bounded_polynomial(draw, dimension)
            scale, x0 = drawn(draw), starting_point(draw, dimension)
            v0, z = starting_point(draw, dimension), starting_point(draw, dimension)
            length = 6
            rows = damped(loss).taylor([*x0, *v0], [1 / scale, 1 / scale], length + 2, RATIONAL)
            grad = loss.gradient_function(power_series(length))
            place = [_in_time(row) for row in rows[:dimension]]
            speed = [_in_time(row) for row in rows[dimension:]]
            slopes = grad(vector([PowerSeries(p.polynomial, length) for p in place]))
            square = sum(v * v for v in speed)
            gap = sum(((p - c) ** 2 for p, c in zip(place, z, strict=True)), place[0] * 0) * fmpq(
                1, 2
            )
            pull = sum(s * (p - c) for s, p, c in zip(slopes, place, z, strict=True))
            bend, slope = _rate(_rate(gap)), _rate(gap)
            weight = at(candidate, {"lambda": scale})
            left = bend * scale + slope - square * weight + pull
            if any(left[i] != 0 for i in range(length)):
                return False, f"another rate at lambda = {scale}"
        return True, "Taylor series of the flow agree through t^5, 3 random losses"

    return Claim(
        statement=(
            r"Along $\lambda\ddot x+\dot x+\nabla F(x) = 0$ the half squared distance $a$ to a "
            r"point $z$ satisfies $\lambda\ddot a+\dot a = c|\dot x|^2-\langle\nabla F(x), "
            r"x-z\rangle$ with $c$ equal to {formula}; so for convex $F$ with a minimizer the "
            "path converges to one."
        ),
        printed=Formula("distanceRate", LAMBDA, r"|\dot x|^{2}", given=FLOW),
        checks=(
            identical("expansion by hand", by_hand),
            exact("Taylor series of the flow", Kind.SERIES, along_flow),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            r"$F$ is convex and $C^1$ with a locally Lipschitz gradient and has a minimizer. The "
            "statement is recalled: its printed wording could not be compared."
        ),
    )


def _in_time(row: Sequence[fmpq]) -> PowerSeries:
    """A power series in time, kept in the type that has one variable."""
    t = PowerSeries.step(len(row))
    return sum((t**i * c for i, c in enumerate(row)), t * 0)


def _rate(series: PowerSeries) -> PowerSeries:
    return PowerSeries(series.polynomial.derivative(), series.length - 1)


@claim("papazov2024.initial-velocity", catalogue="D17", where="balancedness, general start")
def initial_velocity_term() -> Claim:
    """With y = log|w| the flow λw'' + w' ± gw = 0 is λ(y'' + y'²) + y' ± g = 0. In the sum over
    both signs g cancels: u = log Δ satisfies λ(u'' + S) + u' = 0 with S the sum of the two y'².
    Solve for u': u'(t) = e^(-t/λ) u'(0) - ∫₀ᵗ e^(-(t-s)/λ) S ds, and integrate once more.
    """

    def by_equation() -> sympy.Expr:
        u = sympy.Function("u")
        start = {u(0): 0, u(TIME).diff(TIME).subs(TIME, 0): 1}
        equation = LAMBDA * u(TIME).diff(TIME, 2) + u(TIME).diff(TIME)
        return sympy.expand(sympy.dsolve(equation, u(TIME), ics=start).rhs)

    def solved(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        difference = sympy.expand(candidate - by_equation())
        return difference == 0, f"difference {difference}"

    def by_series(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        draw, length = random.Random(settings.seed), 7
        for _ in range(5):
            scale = drawn(draw)
            force = [fmpq(draw.randint(-9, 9), 4) for _ in range(length)]
            rates = []
            for sign in (1, -1):
                w = [drawn(draw), drawn(draw)]
                for n in range(length - 2):
                    push = sum((force[i] * w[n - i] for i in range(n + 1)), fmpq(0)) * sign
                    w.append(-((n + 1) * w[n + 1] + push) / (scale * (n + 1) * (n + 2)))
                series = _in_time(w)
                rates.append(_rate(series) / PowerSeries(series.polynomial, length - 1))
            total = rates[0] * rates[0] + rates[1] * rates[1]
            growth, memory = rates[0] + rates[1], [fmpq(0)]
            for n in range(length - 2):
                memory.append((total[n] - memory[n] / scale) / (n + 1))
            factor = sympy.sympify(candidate.subs(LAMBDA, sympy.Rational(str(scale))))
            for n in range(1, length - 1):
                # u - u(0) + lambda int (1 - exp(-(t-s)/lambda)) S ds, its t^n
                left = growth[n - 1] / n + scale * (total[n - 1] / n - memory[n])
                found = (sympy.diff(factor, TIME, n) / sympy.factorial(n)).subs(TIME, 0)
                if left != value(found) * growth[0]:
                    return False, f"another t^{n} at lambda = {scale}"
            if value(factor.subs(TIME, 0)) != 0:
                return False, "not 0 at t = 0"
        return True, "power series through t^5, 5 random forces and starts"

    return Claim(
        statement=(
            r"$\log(\Delta_t/\Delta_0) = c\,\frac{d}{dt}\log\Delta|_0-\lambda\int_0^t "
            r"(1-e^{-(t-s)/\lambda})S_s\,ds$ with $c$ equal to {formula}."
        ),
        printed=Formula(
            "initialVelocityTerm", LAMBDA * (1 - sympy.exp(-TIME / LAMBDA)), given=FLOW
        ),
        checks=(
            exact("the linear equation solved", Kind.SYMBOLIC, solved),
            exact("power series of random flows", Kind.SERIES, by_series),
        ),
        expected=Verdict.CONFIRMED,
        condition="No weight vanishes in $[0, t]$.",
    )


@claim(
    "papazov2024.no-oscillation",
    catalogue="D19",
    where="one quadratic mode",
    printed=OURS,
)
def no_oscillation() -> Claim:
    r"""$\lambda r^2+r+a$ has real roots exactly for $4a\lambda\le1$. The multipliers of heavy ball
    are real for $\gamma a$ up to $(1-\sqrt\beta)^2$, that is for $a\lambda$ up to
    $1/(1+\sqrt\beta)^2$, which tends to $1/4$ as $\beta$ tends to 1.
    """

    def threshold(says: Statement, draw: random.Random) -> tuple[fmpq, fmpq]:
        inertia = drawn(draw)
        return says.number("bound", **{"lambda": inertia}), inertia

    def by_discriminant() -> sympy.Expr:
        rate, curvature = sympy.symbols("r a")
        found = sympy.discriminant(LAMBDA * rate**2 + rate + curvature, rate)
        return sympy.solve(found, curvature)[0]

    def real_multipliers(says: Statement, settings: Settings) -> Evidence:
        """Of a step of heavy ball with 1 - beta = 2^-40 at the step size of this lambda."""
        draw, rest = random.Random(settings.seed), fmpq(1, 2**40)
        for _ in range(10):
            bound, inertia = threshold(says, draw)
            step, beta = inertia * rest**2, 1 - rest
            for side, real in ((fmpq(999999999, 10**9), True), (fmpq(1000000001, 10**9), False)):
                rows = [
                    heavy_ball.step(x, [v], lambda y, a=bound * side: a * y, step, {"beta": beta})
                    for x, v in ((fmpq(1), fmpq(0)), (fmpq(0), fmpq(1)))
                ]
                low, middle, high = fmpq_mat([[x, v] for x, (v,) in rows]).charpoly()
                if (middle**2 >= 4 * low * high) != real:
                    return Evidence(False, f"heavy ball turns elsewhere, lambda = {inertia}")
        return Evidence(True, "heavy ball's multipliers turn complex within 1e-9 of it")

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"A mode of curvature $a$ of the flow $\ddot x:=-(\dot x+ax)/\lambda$ has real rates "
            r"for $a{relation}{bound}$, and oscillates beyond; so, in the limit, do heavy ball's "
            r"modes with $\gamma:=\lambda(1-\beta)^2$ as $\beta$ grows.",
            {"relation": Relation.AT_MOST, "bound": Value(1 / (4 * LAMBDA), "threshold")},
        ),
        checks=(
            on("bound", identical("discriminant", by_discriminant)),
            switches(
                "modes of the flow",
                lambda says, force, inertia: real_modes(inertia, force),
                threshold,
            ),
            Check("multipliers of heavy ball", Kind.ENUMERATION, real_multipliers),
        ),
    )
