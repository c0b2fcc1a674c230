"""Momentum flow on the diagonal network theta = w_+^2 - w_-^2: Lyu, Wang, Wang and Zhu (2023).

Their letters for w_+ and w_- are u and v. Their flow is alpha w'' + w' + grad L/(1-mu) = 0; L is
the mean square error of a linear model.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import sympy
from flint import arb, fmpq

from derive.networks.potentials import ALPHA, THETA
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.mirror_maps import (
    MATRICES,
    Weights,
    drawn_ball,
    encloses,
    moved,
    structurally,
)
from verify.claims.checks.momentum_grid import at, drawn
from verify.claims.checks.stated import tends
from verify.claims.claim import OURS, Check, Claim, Kind, Settings, claim, on, second_hand
from verify.claims.slots import Choice, Order, Value
from verify.claims.statement import Statement, Type
from verify.models.written_fields import WrittenField
from verify.papers.lyu2023.diagonal import CURVE, KEPT, LINEAR, XI, from_start, in_row_space
from verify.running.flows import flow
from verify.running.losses import Loss
from verify.running.numbers import MPFR, evaluate, log, precision
from verify.running.tape import Node, record

MU, SLOPE = sympy.symbols("mu g")
DIGITS = 20
"""Of the flows: their gaps in alpha are between 1e-13 and 1e-4."""


class Speed(Choice):
    """How fast momentum flow starts."""

    CALM = "at rest or with the velocity of gradient flow"
    ANY = "with any velocity"


Ending = dict[str, Any]


@lru_cache(maxsize=8)
def problem(network: Weights, row: tuple[fmpq, ...], target: fmpq) -> Loss:
    """One sample and two coordinates: the loss of the weights, both of a coordinate together."""

    def value(w: Sequence[Any]) -> Any:
        rest = sum(
            (x * theta_from(network, pair) for x, pair in zip(row, pairs(w), strict=True)), -target
        )
        return rest * rest / 2

    return Loss(4, value, f"least squares of a diagonal network on {row}")


def pairs(w: Sequence[Any]) -> list[Sequence[Any]]:
    """The weights of one coordinate after another."""
    return [w[i : i + 2] for i in range(0, len(w), 2)]


def theta_from(network: Weights, w: Sequence[Any]) -> Any:
    """The coordinate on any numbers; the matrices are symmetric."""
    (a, b), (_, c) = MATRICES[network]
    return (w[0] * w[0] * a + w[0] * w[1] * (2 * b) + w[1] * w[1] * c) / 2


@lru_cache(maxsize=32)
def endings(network: Weights, seed: int, speeds: tuple[int, ...]) -> list[tuple[Any, Ending]]:
    """alpha and what the flow ends with, for alpha = 2^-4 ... 2^-7 and a random problem.

    Args:
        speeds: the velocities at the start over those of gradient flow.
    """
    draw, results = random.Random(seed), []
    row = (fmpq(draw.randint(5, 8), 8), fmpq(draw.randint(5, 8), 9))
    target, mu = fmpq(draw.randint(2, 5), 8), fmpq(draw.randint(1, 3), 5)
    start = [fmpq(4 + 2 * draw.randint(0, 1) + (i % 2 == 0), 10) for i in range(4)]
    loss = problem(network, row, target)

    def compute(nodes: list[Node]) -> list[Node]:
        w, v, (friction, force) = nodes[:4], nodes[4:8], nodes[9:]
        slopes = loss.gradient.replay(w)
        bend = [-(friction * a) - force * g for a, g in zip(v, slopes, strict=True)]
        return [*v, *bend, loss.value(w) * 2]

    program = record(11, compute)
    with precision(DIGITS):
        x0, rate = [MPFR.convert(w) for w in start], MPFR.convert(1 - mu)
        slopes = loss.gradient_function(MPFR)(x0)  # pyright: ignore[reportArgumentType]
        velocity = [-(g / rate) * s for g, s in zip(slopes, speeds, strict=True)]
        for j in range(4, 8):
            alpha = MPFR.convert(fmpq(1, 2**j))
            field = WrittenField(loss, {}, program, (1 / alpha, 1 / (alpha * rate)))
            begin, times = [*x0, *velocity, x0[0] * 0], [x0[0] * 0, x0[0] * 0 + 8]
            end = flow(field, begin, times, digits=DIGITS, arithmetic=MPFR)[-1]
            found = {"mu": MPFR.convert(mu), "square": end[8], "first": pairs(list(x0))}
            found["row"] = [MPFR.convert(x) for x in row]
            results.append((alpha, found | {"last": pairs(list(end[:4]))}))
    return results


def in_alpha(name: str, gap: Callable[[Statement, Any, Ending], Any], *, refutes: bool) -> Check:
    """The gap at the end of the flow vanishes as stated, for every way to start that is stated."""

    def largest(says: Statement, settings: Settings) -> list[float]:
        speeds = [(0, 0, 0, 0), (1, 1, 1, 1)]
        if says["speed"] is Speed.ANY:
            speeds.append((1, 2, 3, -1))
        with precision(DIGITS):
            runs = [endings(says["network"], settings.seed, s) for s in speeds]
            found = [[abs(float(gap(says, *end))) for end in run] for run in runs]
        return [max(several) for several in zip(*found, strict=True)]

    return tends(name, largest, refutes=refutes)


def place(says: Statement, w: Sequence[Any]) -> dict[str, Any]:
    """theta and xi of a coordinate."""
    return {"theta": theta_from(says["network"], w), "xi": says["kept"].of(w)}


class NoError(Choice):
    """An equality that is meant to be exact."""

    NONE = "no error"

    @property
    def power(self) -> int:
        """Beyond every order that can be seen."""
        return 99


INERTIAL = {"speed": Speed.CALM, "error": Order(2, "alpha")}
MOMENTUM_FLOW = (
    r"the flow $\ddot w:=-(\dot w+\nabla L/(1-\mu))/\alpha$ on {network}, started {speed}, while "
    r"no weight vanishes"
)


@claim(
    "lyu2023.momentum-linear-term",
    catalogue="E29",
    where="Theorem 3",
    printed=second_hand(
        r"R^M_j=\frac14\mathrm{arcsinh}\big(\frac{\theta_j(0)}{2\xi_j}+",
        "the catalogue of published statements, E29",
    ),
)
def momentum_linear_term() -> Claim:
    r"""With $d=\log(w_+/w_-)$, that is $\sinh d=\theta/2\xi$, and $s=\log\xi$ the flow is
    $\alpha(d''+d's')+d'+4g/(1-\mu)=0$. Integrated,
    $d(\infty)-d(0)=\alpha d'(0)-\alpha\int d's'-\frac4{1-\mu}\int g$. The gradients $g$ lie in the
    row space, $s'$ is $O(\alpha)$, and $d'(0)$ is 0 from rest or $-4g(0)/(1-\mu)$, again in the row
    space. So up to $O(\alpha^2)$ the linear term is that of gradient flow. The printed second part,
    which is $4\alpha g(0)/(1-\mu)$ added to $d(0)$, does no harm and no good.
    """
    inner = 4 * ALPHA * SLOPE / (1 - MU) * sympy.sqrt(1 + THETA**2 / (4 * XI**2))

    def gap(says: Statement, alpha: Any, end: Ending) -> Any:
        sides, row = [], end["row"]
        rest = sum(
            (x * (theta_from(says["network"], a) - theta_from(says["network"], b)))
            for x, a, b in zip(row, end["first"], end["last"], strict=True)
        )
        for x, first, last in zip(row, end["first"], end["last"], strict=True):
            known = {"g": rest * x, "mu": end["mu"], "alpha": alpha, **place(says, first)}
            sides.append(
                evaluate(says.expr("slope"), place(says, last), MPFR)
                + evaluate(says.expr("linear"), known, MPFR)
            )
        return sides[0] * row[1] - sides[1] * row[0]

    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"Where {MOMENTUM_FLOW}, ends at an interpolator, it minimizes "
            r"$\sum_jQ(\theta_j)+\theta^TR$ among all interpolators, but for a gradient of {error} "
            r"across the row space, where $Q'={slope}$ with $\xi$ the absolute value of the {kept} "
            r"at the end, and ${linear}$ at the start is $R_j$.",
            {**KEPT, **INERTIAL, "linear": Value(LINEAR, "limit"), **CURVE},
        ),
        misprint={
            "linear": Value(sympy.asinh(THETA / (2 * XI) + inner) / 4, "limit"),
            "error": NoError.NONE,
        },
        because=r"the linear term has the wrong sign, as for gradient flow, what is added in it "
        r"changes nothing to this order, and the minimum is not exact.",
        counterexample=r"a start at rest that fits, as for gradient flow: it stays there, with no "
        r"loss and with $\xi$ as it was.",
        checks=(
            on("linear", structurally("Bregman divergence", from_start, refutes=True)),
            encloses("stationary without inertia", in_row_space, refutes=True),
            in_alpha("stationary at the end of the flow", gap, refutes=True),
        ),
    )


@claim(
    "lyu2023.effective-scale",
    catalogue="E29",
    where="Theorem 3",
    printed=second_hand(
        r"$\bar\xi=\xi\exp(-\alpha\phi)$, $\phi=\frac8{(1-\mu)^2}",
        "the catalogue of published statements, E29",
    ),
)
def effective_scale() -> Claim:
    r"""$s=\log\xi$ satisfies $\alpha(s''+p^2+m^2)+s'=0$ with $p=(\log w_+)'$, $m=(\log w_-)'$, so
    that $\log(\bar\xi/\xi)=\alpha s'(0)-\alpha\int(p^2+m^2)$. From rest or with the velocity of
    gradient flow $s'(0)=0$, and $p$, $m$ are $\mp2g/(1-\mu)$ up to $O(\alpha)$ and a layer of
    length $\alpha$.
    """

    def by_hand() -> sympy.Expr:
        p, m = (sign * 2 * SLOPE / (1 - MU) for sign in (-1, 1))
        return sympy.cancel((p**2 + m**2) / SLOPE**2)

    def kept(says: Statement, draw: random.Random) -> Iterable[arb]:
        start, pull = [drawn_ball(draw, 4, 16), drawn_ball(draw, 20, 24)], drawn_ball(draw, 1, 6)
        yield says["kept"].of(moved(says["network"], start, pull)) - says["kept"].of(start)

    def gap(says: Statement, alpha: Any, end: Ending) -> Any:
        rate = evaluate(says.expr("rate"), {"mu": end["mu"]}, MPFR)
        last, first = (says["kept"].of(end[name][0]) for name in ("last", "first"))
        return log(last / first) + alpha * rate * end["row"][0] ** 2 * end["square"]

    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"Where {MOMENTUM_FLOW}, ends, the logarithm of the absolute value of the {{kept}} "
            r"has fallen by $\alpha\,{rate}\int(\nabla_\theta L)^2dt$, up to {error}.",
            {**KEPT, **INERTIAL, "rate": Value(8 / (1 - MU) ** 2, "limit")},
        ),
        misprint={"error": NoError.NONE},
        premise="error",
        because=r"the velocities of gradient flow stand in the place of those of the flow itself, "
        r"with which it would be exact.",
        checks=(
            on("rate", identical("rates of gradient flow", by_hand)),
            encloses("kept without inertia", kept),
            in_alpha("scale at the end of the flow", gap, refutes=True),
        ),
    )


@claim(
    "lyu2023.as-momentum-flow",
    catalogue="E31",
    where="Theorem 3 beside Papazov et al.",
    printed=OURS,
)
def as_momentum_flow() -> Claim:
    r"""In the time $s=2t/(1-\mu)$: $\alpha u''+u'+2ug/(1-\mu)=0$ is
    $\frac{4\alpha}{(1-\mu)^2}u_{ss}+\frac2{1-\mu}u_s+\frac2{1-\mu}ug=0$, that is
    $\lambda u_{ss}+u_s+ug=0$ with $\lambda=2\alpha/(1-\mu)$. With $u=w_+/2$ and $v=w_-/2$ it is the
    flow of $\theta=(w_+^2-w_-^2)/4$, and
    $\alpha\phi=\frac{8\alpha}{(1-\mu)^2}\int g^2dt=2\lambda\int g^2ds$. For heavy ball
    $\alpha=\eta(1+\mu)/(2(1-\mu))$ gives the second-order parameter with $\gamma=2\eta$.
    """

    def by_hand() -> sympy.Expr:
        rate = 2 / (1 - MU)  # ds/dt
        return ALPHA * rate**2 / rate

    def by_series(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, length = random.Random(settings.seed), 8
        for _ in range(10):
            alpha, mu = drawn(draw), fmpq(draw.randint(1, 9), 10)
            values = {"alpha": alpha, "mu": mu}
            rate, scale = (at(says.expr(name), values) for name in ("quicker", "inertia"))
            size = at(says.expr("size"), values)
            force = [fmpq(draw.randint(-9, 9), 4) for _ in range(length)]  # of theta, in s
            w = [drawn(draw), drawn(draw)]
            u = [w[0] / size, w[1] * rate / size]
            for n in range(length - 2):
                ahead = (n + 1) * (n + 2)
                push = sum((force[i] * w[n - i] for i in range(n + 1)), fmpq(0))
                w.append(-((n + 1) * w[n + 1] + push) / (scale * ahead))
                push = sum((force[i] * rate**i * u[n - i] for i in range(n + 1)), fmpq(0))
                u.append(-((n + 1) * u[n + 1] + 2 * push / (1 - mu)) / (alpha * ahead))
            if any(a * size != b * rate**n for n, (a, b) in enumerate(zip(u, w, strict=True))):
                return False, f"another path at alpha = {alpha}, mu = {mu}"
            if u[0] ** 2 != w[0] ** 2 / 4 or not size > 0:
                return False, "another theta"
        return True, "both flows agree through t^7, 10 random forces"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"In the time ${quicker}\,t$ the flow $\ddot u:=-(\dot u+\nabla L/(1-\mu))/\alpha$ on "
            r"$\theta:=u^2-v^2$ is momentum flow on $\theta:=(w_+^2-w_-^2)/4$ with "
            r"$\lambda={inertia}$, where $\lvert w_+/u\rvert$ and $\lvert w_-/v\rvert$ are {size}.",
            {
                "quicker": Value(2 / (1 - MU), "speed"),
                "inertia": Value(2 * ALPHA / (1 - MU)),
                "size": Value(sympy.Integer(2), "scale"),
            },
        ),
        checks=(
            on("inertia", identical("change of time", by_hand)),
            exact("power series of both flows", Kind.SERIES, by_series),
        ),
    )
