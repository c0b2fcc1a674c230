"""Momentum on diagonal networks: Papazov, Pesme and Flammarion (2024).

theta = u v, w_+- = u +- v, theta = (w_+^2 - w_-^2)/4, balance D = |w_+ w_-|, g = grad L(theta).
The momentum flow is lambda w'' + w' +- g w = 0; p = w_+'/w_+ and m = w_-'/w_-.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from math import factorial

import numpy as np
import sympy
from flint import arb, fmpq, fmpq_poly

from derive.language.formula import BETA
from derive.networks.diagonal_networks import (
    LAMBDA,
    RHO,
    SUMS,
    R,
    flow_loss_rate,
    momentum_step_loss,
)
from derive.networks.potentials import DELTA, THETA
from verify.claims.checks.diagonal_runs import (
    CLOSE,
    FLOW_CLOSE,
    ExactRun,
    FlowEnd,
    at,
    flow,
    integrate_flow,
    long_run,
    minimizer_distance,
    on_arrays,
    over_exact_runs,
    random_problem,
    random_start,
)
from verify.claims.checks.identities import enclosed, exact, identical
from verify.claims.checks.stated import tends
from verify.claims.claim import LOST, Check, Claim, Evidence, Kind, Settings, claim, on
from verify.claims.slots import Choice, Order, Value
from verify.claims.statement import Statement, Type
from verify.models.diagonal_network import Array
from verify.running.numbers import PowerSeries, evaluate

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
    found = []
    for n in range(terms):
        value = sympy.Rational(sympy.diff(fixed, T, n).subs(T, 0))
        found.append(fmpq(int(value.p), int(value.q)) / factorial(n))
    return found


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
        left = sympy.expand(u * v - candidate * ((u + v) ** 2 - (u - v) ** 2))
        return Evidence(left == 0, f"difference {left}")

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
            r"$u\odot v$ is ${factor}\,(w_+^2-w_-^2)$ for $w_\pm:=u\pm v$, and a step of "
            r"heavy ball "
            r"on $u$ and $v$ is, beside the momentum, $\mp{rate}\,\gamma\nabla L\odot w_\pm$.",
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


@claim("papazov2024.balance-in-time", catalogue="D09", where="balance at finite time", printed=LOST)
def balance_in_time() -> Claim:
    r"""$\ell=\ln\Delta$ has $\dot\ell=\rho_++\rho_-$ and $\lambda\ddot\ell+\dot\ell=-\lambda S$
    with $S=\rho_+^2+\rho_-^2$. From rest its solution is minus the convolution of $S$ with the
    kernel $K$ with $\lambda\ddot K+\dot K=0$, $K(0)=0$, $\dot K(0)=1$.
    """

    def kernel_equation(candidate: sympy.Expr, settings: Settings) -> Evidence:
        rate = sympy.diff(candidate, T)
        left = [
            sympy.simplify(LAMBDA * sympy.diff(rate, T) + rate),
            candidate.subs(T, 0),
            sympy.simplify(rate.subs(T, 0) - 1),
        ]
        return Evidence(all(term == 0 for term in left), f"left over: {left}")

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

    def by_equation() -> sympy.Expr:
        u = sympy.Function("u")
        start = {u(0): 0, u(T).diff(T).subs(T, 0): 1}
        equation = LAMBDA * u(T).diff(T, 2) + u(T).diff(T)
        return sympy.expand(sympy.dsolve(equation, u(T), ics=start).rhs)

    def solved(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        difference = sympy.expand(candidate - by_equation())
        return difference == 0, f"difference {difference}"

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


CALM = 0.05
"""An inertia at which no weight of the drawn problems crosses zero."""


@claim("papazov2024.no-crossing", catalogue="D10", where="Theorem 1", printed=LOST)
def no_crossing() -> Claim:
    r"""$\lambda(\dot p+p^2)+p=-g$ integrates to $\ln|w_+|+\int g+\lambda\int p^2=$ const, as $p$
    starts and ends at 0. So every weight loses $\lambda\int p^2$ beyond the gradients; the
    gradients stay in the row space. The loss of both is $\ln(\Delta_0/\Delta_\infty)$, that of one
    is half of what moves $\tilde\theta_0$. A crossing is a pole $1/(t-t_0)$ of $p$, where the
    integral diverges.
    """

    def ends(candidate: sympy.Expr, settings: Settings) -> Evidence:
        found = flow(settings.seed % 5, SUMS, CALM)
        function = on_arrays(candidate, "lambda", "rho")
        # The integrals of rho^2 enter as one square.
        loss = function(CALM, np.sqrt(found.speeds))
        start, problem = random_start(settings.seed % 5), random_problem(settings.seed % 5)
        gap = minimizer_distance(problem, SUMS, start, loss, found.theta)
        return Evidence(bool(gap < FLOW_CLOSE), f"distance {gap:.1e} from the end of the flow")

    def left(says: Statement, inertia: fmpq, world: dict[str, PowerSeries]) -> PowerSeries:
        """ln|w_+| over its start, with both integrals and lambda p, which vanishes at the end."""
        p = world["p"]
        loss = on_series(says.expr("loss"), inertia, {**world, "rho": p})
        whole = (p + world["g"] + loss).polynomial.integral()
        return PowerSeries(whole, p.length - 1) + p * inertia

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"If no weight vanishes, {MOMENTUM_FLOW} {{start}} ends, where it ends at an "
            r"interpolator, at the minimizer of the divergence of $\psi_{\Delta_\infty}$ among all "
            r"interpolators, from where $\log\lvert w_\pm\rvert$ has fallen by $\int{loss}\,dt$, "
            r"$\rho:=\rho_\pm$.",
            {"loss": Value(LAMBDA * RHO**2), "start": Start.REST},
        ),
        checks=(
            leaves_nothing("exact series in time", left),
            on("loss", Check("end of the flow", Kind.SIMULATION, ends)),
            on("loss", identical("limit of the ratios", flow_loss_rate)),
        ),
    )


@claim("papazov2024.small-inertia", catalogue="D11", where="after Theorem 1", printed=LOST)
def small_inertia() -> Claim:
    r"""$p=-g+O(\lambda)$ and $m=g+O(\lambda)$ after a layer of width $\lambda$, so
    $\lambda(p^2+m^2)=2\lambda g^2(1+O(\lambda))$ in the integral.
    """

    @cache
    def ended(seed: int, inertia: float, first: Start) -> tuple[Array, FlowEnd]:
        # A step resolves the layer of width lambda.
        start, step = random_start(seed), min(0.02, inertia / 4)
        speed = start / 2 if first is Start.ANY else None
        problem = random_problem(seed)
        return start, integrate_flow(problem, start, SUMS, inertia, 10.0, step, speed)

    def errors(says: Statement, settings: Settings) -> Sequence[float]:
        function, found = on_arrays(says.expr("rate"), "lambda", "g"), []
        for j in range(4):
            inertia = 0.08 / 2**j
            start, end = ended(settings.seed % 3, inertia, says["start"])
            change = np.log(np.abs(end.w[0] * end.w[1] / (start[0] * start[1])))
            told = function(inertia, np.sqrt(end.square))
            found.append(float(np.max(np.abs(change + told))))
        return found

    def layer() -> sympy.Expr:
        """lambda (p^2 + m^2) at the leading order of p and m."""
        return LAMBDA * (P**2 + Q**2).subs({P: -G, Q: G})

    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"If no weight vanishes, {MOMENTUM_FLOW} {{start}} has "
            r"$\log(\Delta_\infty/\Delta_0)=-\int{rate}\,dt$ with $g:=\nabla L$, up to {error} as "
            r"$\lambda$ falls.",
            {
                "rate": Value(2 * LAMBDA * G**2, "limit"),
                "start": Start.REST,
                "error": Order(2, "lambda"),
            },
        ),
        checks=(
            tends("observed order in lambda", errors),
            on("rate", identical("leading order", layer)),
        ),
    )


@claim(
    "papazov2024.momentum-loss",
    catalogue="D13 D15",
    where="momentum gradient descent",
    printed=LOST,
)
def momentum_loss() -> Claim:
    r"""$(1-\beta)\ln|r|=r-1+\beta(1/r-1)-[f(r)+\beta f(1/r)]$ with $f(r)=r-1-\ln|r|$, and
    $r_k-1=\mp x_k+\beta(1-1/r_{k-1})$: the $\beta$-terms telescope to $\beta(1/r_{K-1}-1)$, which
    vanishes in the limit. Nothing is asked of the signs of $r$, and of the batches only that $x_k$
    lies in the row space. $\log(\Delta_0/\Delta_\infty)$ is the sum over both signs and all steps.
    """

    def differences(says: Statement, path: ExactRun) -> Iterator[arb]:
        share = arb(says.number("share", beta=path.beta))
        for row, sign in ((0, 1), (1, -1)):
            for i in range(3):
                ratios = [step.ratios[row, i] for step in path.steps]
                lost = (at(says.expr("loss"), r=r, beta=path.beta) for r in ratios)
                pull = sign * sum((step.x[i] for step in path.steps), fmpq(0))
                rest = path.beta * (1 / ratios[-1] - 1) / (1 - path.beta)
                kept = arb(abs(path.steps[-1].w[row, i] / path.start[row, i])).log()
                yield sum(lost, arb(0)) + kept + share * arb(pull) - arb(rest)

    def ends(candidate: sympy.Expr, settings: Settings) -> Evidence:
        function, worst, crossed = on_arrays(candidate, "r", "beta"), 0.0, 0
        for beta, first in ((0.5, 1.7), (0.9, 0.02)):
            path = long_run(settings.seed % 5, SUMS, beta, first)
            with np.errstate(all="ignore"):
                loss = function(path.ratios, beta).sum(axis=0)
            gap = minimizer_distance(path.problem, SUMS, path.start, loss, path.found)
            worst = gap if not gap <= worst else worst
            crossed += int(np.sum(path.ratios < 0))
        return Evidence(bool(worst < CLOSE), f"distance {worst:.1e}, {crossed} crossings")

    def points(draw: random.Random) -> dict[str, fmpq]:
        return {
            "r": fmpq(draw.randint(-300, 300), 100) + fmpq(1, 997),
            "beta": fmpq(draw.randint(1, 99), 100),
        }

    loss = (R - 1 - sympy.log(sympy.Abs(R)) + BETA * (1 / R - 1 + sympy.log(sympy.Abs(R)))) / (
        1 - BETA
    )
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Heavy ball from a cold start on $\theta:=u\odot v$, $w_\pm:=u\pm v$, with any "
            r"batches "
            r"and across zero, ends, where it ends at an interpolator, at the minimizer of the "
            r"divergence of $\psi_{\Delta_\infty}$ among all interpolators; all in all a step of "
            r"ratio $r$ takes from $\log\lvert w_\pm\rvert$, beside $\pm{share}\,\gamma\nabla "
            r"L_B$, "
            r"which is along the rows, {loss}, as much as the divergence starts lower.",
            {"loss": Value(loss), "share": Value(1 / (1 - BETA), "share")},
        ),
        checks=(
            on("loss", enclosed("one step", momentum_step_loss, points)),
            Check(
                "exact runs",
                Kind.ENUMERATION,
                over_exact_runs(SUMS, momentum=True, differences=differences),
            ),
            on("loss", Check("the limit of stochastic momentum", Kind.SIMULATION, ends)),
        ),
    )
