"""Momentum on diagonal networks: Papazov, Pesme and Flammarion (2024).

theta = u v, w_+- = u +- v, theta = (w_+^2 - w_-^2)/4, balance D = |w_+ w_-|, g = grad L(theta).
The momentum flow is lambda w'' + w' +- g w = 0; p = w_+'/w_+ and m = w_-'/w_-.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from math import factorial

import sympy
from flint import fmpq, fmpq_poly

from derive.networks.diagonal_networks import (
    LAMBDA,
)
from derive.networks.potentials import DELTA, THETA
from verify.claims.checks.identities import exact, identical, noted
from verify.claims.checks.taylor import taylor_coefficients
from verify.claims.claim import LOST, Check, Claim, Evidence, Kind, Settings, claim, on
from verify.claims.slots import Choice, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import PowerSeries, evaluate
from verify.running.recording import JUDGED

G, P, Q, T = sympy.symbols("g p m t")
TERMS = 9
MOMENTUM_FLOW = (
    r"momentum flow on $\theta:=u\odot v$, with $w_\pm:=u\pm v$, $\Delta:=\lvert w_+w_-\rvert$ and "
    r"the rates $\rho_\pm:=\dot w_\pm/w_\pm$,"
)


class Start(Choice):
    """The velocity that a flow starts with."""

    REST = "from rest"
    ANY = "from any velocity"


def local_series(
    settings: Settings, start: Start = Start.REST
) -> Iterator[tuple[fmpq, dict[str, PowerSeries]]]:
    """Momentum flow in one dimension, L = (theta - y)^2/2, as exact series in time.

    Yields lambda and the series of w_+, w_-, p, m and g.
    """
    draw = random.Random(settings.seed)
    for _ in range(4):
        inertia = fmpq(draw.randint(1, 9), draw.randint(1, 9))
        y = fmpq(draw.randint(1, 9), 2)
        speeds = [fmpq(draw.randint(1, 9), 8) if start is Start.ANY else fmpq(0) for _ in "+-"]
        weights = [[fmpq(draw.randint(1, 9), 4), speed] for speed in speeds]
        for n in range(TERMS):
            cut = [PowerSeries(fmpq_poly(w[: n + 1]), n + 1) for w in weights]
            pull = (cut[0] * cut[0] - cut[1] * cut[1]) / 4 - y
            for w, sign in zip(weights, (1, -1), strict=True):
                here = PowerSeries(fmpq_poly(w[: n + 1]), n + 1)
                forced = -(n + 1) * w[n + 1] - sign * (pull * here)[n]
                w.append(forced / (inertia * (n + 1) * (n + 2)))
        plus, minus = (PowerSeries(fmpq_poly(w), TERMS) for w in weights)
        g = (plus * plus - minus * minus) / 4 - y
        speeds = {name: slope(w) / w for name, w in (("p", plus), ("m", minus))}
        yield inertia, {"plus": plus, "minus": minus, "g": g, **speeds}


def slope(series: PowerSeries) -> PowerSeries:
    return PowerSeries(series.polynomial.derivative(), series.length - 1)


def leaves_nothing(
    name: str, left: Callable[[Statement, fmpq, dict[str, PowerSeries]], PowerSeries]
) -> Check:
    """An identity of the momentum flow holds in every coefficient of its exact series."""

    def judge(says: Statement, settings: Settings) -> Evidence:
        start = says["start"] if "start" in says.slots else Start.ANY
        for inertia, world in local_series(settings, start):
            series = left(says, inertia, world)
            wrong = [n for n in range(series.length) if series[n] != 0]
            if wrong:
                return Evidence(False, f"t^{wrong[0]} is left at lambda = {inertia}")
        return Evidence(True, f"{TERMS - 2} coefficients, 4 flows")

    return Check(name, Kind.SERIES, judge)


def on_series(expr: sympy.Expr, inertia: fmpq, world: dict[str, PowerSeries]) -> PowerSeries:
    """A formula in lambda, p, m, g, rho, theta and Delta on series."""
    told = evaluate(expr, {"lambda": inertia, **world})
    return told if isinstance(told, PowerSeries) else world["p"] * 0 + told


def taylor(expr: sympy.Expr, inertia: fmpq, terms: int) -> list[fmpq]:
    """The coefficients of a formula in t at 0, for this lambda."""
    fixed = expr.subs(LAMBDA, sympy.Rational(int(inertia.p), int(inertia.q)))
    values = map(sympy.Rational, taylor_coefficients(fixed, T, terms))
    return [fmpq(int(value.p), int(value.q)) for value in values]


def balance(says: Statement, inertia: fmpq, world: dict[str, PowerSeries]) -> PowerSeries:
    """ln D over its start, minus what the slots say of it: the kernel folded with p^2 + m^2, and
    the start's rate.

    t^a s^b fold to a! b!/(a+b+1)! t^(a+b+1).
    """
    rate, square = world["p"] + world["m"], world["p"] * world["p"] + world["m"] * world["m"]
    terms = rate.length
    kernel = taylor(says.expr("kernel"), inertia, terms)
    launch = taylor(says.expr("velocity"), inertia, terms) if "velocity" in says.slots else None
    found = [launch[0] * rate[0] if launch else fmpq(0)]
    for n in range(1, terms):
        folded = (
            kernel[a] * square[n - 1 - a] * fmpq(factorial(a) * factorial(n - 1 - a), factorial(n))
            for a in range(n)
        )
        moved = launch[n] * rate[0] if launch else 0
        found.append(rate[n - 1] / n - moved + sum(folded, fmpq(0)))
    return PowerSeries(fmpq_poly(found), terms)


KERNEL = LAMBDA * (1 - sympy.exp(-T / LAMBDA))
FOLDED = r"\int{kernel}\,(\rho_+^2+\rho_-^2)_{T-t}\,dt"


@claim("papazov2024.setting", catalogue="D06", where="diagonal networks, setting", printed=LOST)
def setting() -> Claim:
    r"""$(u+v)^2-(u-v)^2=4uv$. The gradients of $L(uv)$ are $gv$ and $gu$, so that $u\pm v$ is
    multiplied by $1\mp\gamma g$, and the momentum is linear.
    """

    def expanded(candidate: sympy.Expr, settings: Settings) -> Evidence:
        u, v = sympy.symbols("u v")
        squares = (u + v) ** 2 - (u - v) ** 2
        left = sympy.expand(u * v - candidate * squares)
        return Evidence(noted(JUDGED * squares, u * v, left == 0), f"difference {left}")

    def iterated(says: Statement, settings: Settings) -> Evidence:
        """Heavy ball on (u, v) beside the two-step rule of w_+- with what the slots say."""
        draw = random.Random(settings.seed)
        c, rate = says.number("factor"), says.number("rate")
        for _ in range(5):
            y, step, beta = fmpq(draw.randint(1, 9), 2), fmpq(1, 7), fmpq(draw.randint(1, 9), 10)
            u, v = (fmpq(draw.randint(1, 9), 5) for _ in "uv")
            du = dv = fmpq(0)
            w, last = [u + v, u - v], [u + v, u - v]
            for _ in range(3):
                pull = u * v - y
                du, dv = beta * du - step * pull * v, beta * dv - step * pull * u
                u, v = u + du, v + dv
                pull = rate * (c * (w[0] ** 2 - w[1] ** 2) - y)
                w, last = (
                    [
                        (1 - sign * step * pull) * w[i] + beta * (w[i] - last[i])
                        for i, sign in ((0, 1), (1, -1))
                    ],
                    w,
                )
            if w != [u + v, u - v]:
                return Evidence(False, "the paths part")
        return Evidence(True, "heavy ball on u and v, exactly, 5 problems")

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"$u\odot v$ is ${factor}\,(w_+^2-w_-^2)$ for $w_\pm:=u\pm v$, and a step of heavy "
            r"ball on $u$ and $v$ is, beside the momentum, $\mp{rate}\,\gamma\nabla L\odot w_\pm$.",
            {
                "factor": Value(sympy.Rational(1, 4)),
                "rate": Value(sympy.Integer(1), "rate"),
            },
        ),
        checks=(
            on("factor", Check("expanded squares", Kind.SYMBOLIC, expanded)),
            Check("heavy ball on u and v", Kind.ENUMERATION, iterated),
        ),
    )


@claim("papazov2024.mirror-flow", catalogue="D08", where="Lemma 1", printed=LOST)
def mirror_flow() -> Claim:
    r"""$\nabla\psi_\Delta(\theta)=\frac12\mathrm{arcsinh}(2\theta/\Delta)=\frac12\ln|w_+/w_-|$. Its
    rate is $(p-m)/2$ with $p=\rho_+$, $m=\rho_-$, and $\lambda(\dot p+p^2)+p=-g$,
    $\lambda(\dot m+m^2)+m=g$; half the difference.
    """

    def left(says: Statement, inertia: fmpq, world: dict[str, PowerSeries]) -> PowerSeries:
        plus, minus = world["plus"], world["minus"]
        theta = (plus * plus - minus * minus) / 4
        product = plus * minus
        delta = product if product[0] > 0 else -product
        here = {**world, "theta": theta, "Delta": delta}
        mirror = says.expr("mirror")
        rate = sum(
            (
                on_series(sympy.diff(mirror, symbol), inertia, here) * slope(series)
                for symbol, series in ((THETA, theta), (DELTA, delta))
            ),
            slope(theta) * 0,
        )
        heavy = on_series(says.expr("inertia"), inertia, here)
        return slope(rate) * heavy + rate + on_series(says.expr("term"), inertia, here) + world["g"]

    def by_hand() -> sympy.Expr:
        """From p' = (-g - p)/lambda - p^2 and m' = (g - m)/lambda - m^2."""
        p_rate, m_rate = (-G - P) / LAMBDA - P**2, (G - Q) / LAMBDA - Q**2
        return -G - LAMBDA * (p_rate - m_rate) / 2 - (P - Q) / 2

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"While no weight vanishes, {MOMENTUM_FLOW} has "
            r"${inertia}\,\ddot\eta+\dot\eta=-\nabla L-({term})$ for $\eta={mirror}$, with $p$ for "
            r"$\rho_+$ and $m$ for $\rho_-$.",
            {
                "term": Value(LAMBDA / 2 * (P**2 - Q**2)),
                "inertia": Value(LAMBDA, "inertia"),
                "mirror": Value(sympy.asinh(2 * THETA / DELTA) / 2, "mirror map"),
            },
        ),
        checks=(
            leaves_nothing("exact series in time", left),
            on("term", identical("expanded by hand", by_hand)),
        ),
    )


@cache
def by_equation() -> sympy.Expr:
    """The solution of the kernel's equation."""
    u = sympy.Function("u")
    start = {u(0): 0, u(T).diff(T).subs(T, 0): 1}
    equation = LAMBDA * u(T).diff(T, 2) + u(T).diff(T)
    return sympy.expand(sympy.dsolve(equation, u(T), ics=start).rhs)


@claim("papazov2024.balance-in-time", catalogue="D09", where="balance at finite time", printed=LOST)
def balance_in_time() -> Claim:
    r"""$\ell=\ln\Delta$ has $\dot\ell=\rho_++\rho_-$ and $\lambda\ddot\ell+\dot\ell=-\lambda S$
    with $S=\rho_+^2+\rho_-^2$. From rest its solution is minus the convolution of $S$ with the
    kernel $K$ with $\lambda\ddot K+\dot K=0$, $K(0)=0$, $\dot K(0)=1$.
    """

    def kernel_equation(candidate: sympy.Expr, settings: Settings) -> Evidence:
        rate = sympy.diff(candidate, T)
        left = [
            sympy.expand(LAMBDA * sympy.diff(rate, T) + rate),
            candidate.subs(T, 0),
            sympy.expand(rate.subs(T, 0) - 1),
        ]
        equal = noted(candidate, by_equation(), all(term == 0 for term in left))
        return Evidence(equal, f"left over: {left}")

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"While no weight vanishes, {MOMENTUM_FLOW} {{start}} has "
            rf"$\log(\Delta_T/\Delta_0)=-{FOLDED}$ over the time $t$ up to $T$.",
            {"kernel": Value(KERNEL), "start": Start.REST},
        ),
        checks=(
            on("kernel", Check("equation of the kernel", Kind.SYMBOLIC, kernel_equation)),
            leaves_nothing("exact series in time", balance),
        ),
    )


@claim(
    "papazov2024.initial-velocity",
    catalogue="D17",
    where="balancedness, general start",
    printed=LOST,
)
def initial_velocity_term() -> Claim:
    r"""In the sum over both signs of $\lambda(\dot\rho_\pm+\rho_\pm^2)+\rho_\pm\pm g=0$ the force
    cancels: $\ell=\log\Delta$ satisfies $\lambda(\ddot\ell+S)+\dot\ell=0$. Solve for $\dot\ell$:
    $\dot\ell(t)=e^{-t/\lambda}\dot\ell(0)-\int_0^te^{-(t-s)/\lambda}S_sds$, and integrate once
    more.
    """

    def solved(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        difference = sympy.expand(candidate - by_equation())
        return noted(candidate, by_equation(), difference == 0), f"difference {difference}"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"While no weight vanishes, {MOMENTUM_FLOW} from any velocity has "
            rf"$\log(\Delta_T/\Delta_0)=r\,{{velocity}}-{FOLDED}$, the first at $t:=T$ and "
            rf"with $r$ "
            r"the rate of $\log\Delta$ at the start, the second over the time $t$ up to $T$.",
            {"velocity": Value(KERNEL), "kernel": Value(KERNEL, "kernel")},
        ),
        checks=(
            on("velocity", exact("the linear equation solved", Kind.SYMBOLIC, solved)),
            leaves_nothing("exact series in time", balance),
        ),
    )
