"""Momentum under a schedule: with which delay it is seen, and what a changing momentum adds."""

from __future__ import annotations

import math
from functools import cache

import sympy
from flint import fmpq

from derive.engine.schedules import seen_schedule
from derive.language.formula import BETA, H
from derive.language.update_rule import Optimizer
from derive.optimizers import scheduled_buffer, scheduled_heavy_ball
from verify.claims.checks.identities import exact, identical, noted
from verify.claims.checks.schedules import RISING, Move, T, beside_schedule
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, on
from verify.claims.slots import Domain, Instance, Losses, Order, Value, When
from verify.claims.statement import Statement, Type

HALF = sympy.Rational(1, 2)
FADING = Domain((sympy.Gt(BETA, -1), sympy.Lt(BETA, 1)))
TURN = Value((1 + BETA) / (2 * (1 - BETA) ** 3))


def schedule_claim(words: str, rule: Optimizer, move: Move, lag: sympy.Expr) -> Claim:
    """A step that changes in time, seen with a delay."""

    def pull(says: Statement, rate: sympy.Expr, momentum: sympy.Expr) -> sympy.Expr:
        return rate.subs(T, T - H * says.expr("lag")) / (1 - momentum)

    def turn() -> sympy.Expr:
        seen = seen_schedule(rule)
        return seen.speed * seen.turn

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"The iterates of {words} from two on it are {{order}}-close, {{when}}, at the times "
            r"$t_k:=kh$ to "
            r"$-\dot x:=\eta(t-\ell h)\nabla E/(1-\beta)+h\tau\eta^2\nabla^2E\,\nabla E$ with "
            r"$\ell={lag}$ and $\tau={turn}$, for {losses}, smooth $\eta$ and {domain}.",
            {"order": Order(2), "when": When.EVERY_STEP, "lag": Value(lag), "turn": TURN}
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=(
            *beside_schedule(move, pull),
            on("lag", identical("derived flow, delay", lambda: seen_schedule(rule).lag)),
            on("turn", identical("derived flow, turn", turn)),
        ),
    )


@claim("undertow.rate-outside-the-buffer", catalogue="H01", where="schedules", printed=OURS)
def rate_outside() -> Claim:
    r"""The buffer $b_k=\beta b_{k-1}+\nabla E(x_k)$ knows no rate, and a step with $\eta(t_k)$
    covers the time from $t_k$ to $t_{k+1}$, so the rate is read in its middle.
    """
    return schedule_claim(
        r"$x_{k+1}:=x_k-h\eta(t_k)b_k$, $b_k:=\beta b_{k-1}+\nabla E(x_k)$",
        scheduled_buffer,
        lambda last, x, grad, h, eta, beta: (
            x - eta(0) * (beta(0) * (last - x) / eta(-1) + h * grad)
        ),
        sympy.Rational(1, 2),
    )


@claim(
    "undertow.rate-inside-the-velocity",
    catalogue="H02",
    where="schedules",
    printed=OURS,
)
def rate_inside() -> Claim:
    r"""A velocity that holds $\eta(t_{k-j})$ times the gradient of step $k-j$ has it with the
    weight $\beta^j$, whose mean age is $\beta/(1-\beta)$ steps. So the two conventions are one up
    to a rescaling of the buffer for a constant rate only: under a schedule the one inside is late
    by that many steps, and by nothing else at this order.
    """
    return schedule_claim(
        r"$x_{k+1}:=x_k+v_k$, $v_k:=\beta v_{k-1}-h\eta(t_k)\nabla E(x_k)$",
        scheduled_heavy_ball,
        lambda last, x, grad, h, eta, beta: x + beta(0) * (x - last) - h * eta(0) * grad,
        (1 + BETA) / (2 * (1 - BETA)),
    )


@claim("undertow.changing-momentum", catalogue="H04", where="schedules", printed=OURS)
def changing_momentum() -> Claim:
    r"""The buffer rests at $\nabla E/(1-\beta)-h\beta\beta'/(1-\beta)^3\,\nabla E$: while the
    momentum rises it remembers less than it will. Half a step is read earlier, which takes
    $h\beta'/(2(1-\beta)^2)$ off once more.
    """

    def pull(says: Statement, rate: sympy.Expr, momentum: sympy.Expr) -> sympy.Expr:
        slope = says.expr("extra").subs(BETA, momentum) * sympy.diff(momentum, T)
        return rate.subs(T, T - H / 2) / (1 - momentum) - H * rate * slope

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"The iterates $x_{k+1}:=x_k-h\eta(t_k)b_k$, $b_k:=\beta(t_k)b_{k-1}+\nabla E(x_k)$ "
            r"from two on it are {order}-close, {when}, at the times $t_k:=kh$ to $-\dot "
            r"x:=\eta(t-h/2)\nabla E/(1-\beta)-h\rho\eta\beta'\nabla "
            r"E+h\tau\eta^2\nabla^2E\,\nabla E$ with $\rho={extra}$ and $\tau={turn}$, for "
            r"{losses}, smooth $\eta$ and $\beta$, and {domain}.",
            {"order": Order(2), "when": When.EVERY_STEP, "turn": TURN}
            | {"extra": Value((1 + BETA) / (2 * (1 - BETA) ** 3))}
            | {"losses": Losses.EVERY, "domain": FADING},
        ),
        checks=beside_schedule(
            lambda last, x, grad, h, eta, beta: (
                x - eta(0) * (beta(0) * (last - x) / eta(-1) + h * grad)
            ),
            pull,
            RISING,
        ),
    )


SHARES = {
    "linear": sympy.Rational(7, 8),
    "cosine": (8 + 3 * sympy.pi) / (6 * sympy.pi),
}


@cache
def integrated() -> dict[str, sympy.Expr]:
    """The shares and the means of `before_the_decay`, from the integrals of the rates."""
    t, found = sympy.Symbol("t"), dict[str, sympy.Expr]()
    for name, rate in (("linear", 1 - t), ("cosine", sympy.cos(sympy.pi * t / 2) ** 2)):
        whole, early = (sympy.integrate(rate**2, (t, 0, end)) for end in (1, HALF))
        way = sympy.integrate(rate, (t, 0, 1))
        found |= {f"{name}_share": early / whole, f"{name}_mean": whole / way}
    return {name: sympy.radsimp(right) for name, right in found.items()}


@claim("undertow.regularizer-before-the-decay", catalogue="H05", where="schedules", printed=OURS)
def before_the_decay() -> Claim:
    r"""In the loss the regularizer weighs $h\eta(1+\beta)/(4(1-\beta)^2)$, so it moves $x$ by
    $\eta^2$ in a unit of time and the loss by $\eta$: the shares are quotients of the integrals of
    $(1-t)^2$ and $\cos^4(\pi t/2)$, and the mean weights those over the integrals of $\eta$.
    """

    def integrals(says: Statement, settings: Settings) -> tuple[bool, str]:
        for slot, right in integrated().items():
            equal = sympy.expand(says.expr(slot) - right) == 0
            if not noted(says.expr(slot), right, equal):
                return False, f"{slot} is {right}"
        return True, "four integrals"

    def sums(says: Statement, settings: Settings) -> tuple[bool, str]:
        count, worst = 256, 0.0
        for name in SHARES:
            rates = [
                1 - (i + 0.5) / count
                if name == "linear"
                else math.cos(math.pi * (i + 0.5) / (2 * count)) ** 2
                for i in range(count)
            ]
            acts = sum(r * r for r in rates)
            share, mean = sum(r * r for r in rates[: count // 2]) / acts, acts / sum(rates)
            for slot, found in ((f"{name}_share", share), (f"{name}_mean", mean)):
                worst = max(worst, abs(float(says.expr(slot)) - found))
        return worst < 1e-4, f"{worst:.0e} from sums of {count} steps"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The regularizer, whose weight follows the rate, has over a run that falls linearly a "
            r"mean weight of ${linear_mean}$ of that at the peak and does the share "
            r"${linear_share}$ of its work before the rate halves; over half a cosine these are "
            r"${cosine_mean}$ and ${cosine_share}$.",
            {f"{name}_share": Value(share) for name, share in SHARES.items()}
            | {"linear_mean": Value(sympy.Rational(2, 3))}
            | {"cosine_mean": Value(sympy.Rational(3, 4))},
        ),
        checks=(
            exact("integrals", Kind.SYMBOLIC, integrals),
            exact("sums over the steps of a run", Kind.SIMULATION, sums),
        ),
    )


@claim(
    "undertow.second-iterate-under-a-schedule",
    catalogue="H06",
    where="what libraries do",
    printed=OURS,
)
def second_iterate() -> Claim:
    r"""The buffer of the second step is $1+\beta$ for a unit gradient, and the velocity has kept
    $\beta$ times the first rate beside the second.
    """

    def run(says: Statement, inside: bool) -> fmpq:
        at = says["example"]
        x, kept = at["x_0"], fmpq(0)
        for rate in (at[r"\eta_0"], at[r"\eta_1"]):
            kept = at[r"\beta"] * kept + (rate if inside else 1)
            x -= kept if inside else rate * kept
        return x

    def steps(says: Statement, settings: Settings) -> tuple[bool, str]:
        found = {"outside": run(says, False), "inside": run(says, True)}
        wrong = [f"{name} {value}" for name, value in found.items() if not says.equals(name, value)]
        return not wrong, ", ".join(wrong) or "equal"

    def both(says: Statement, settings: Settings) -> tuple[bool, str]:
        at = says["example"]
        first, second = at[r"\eta_0"], at[r"\eta_1"]
        wanted = {
            "outside": at["x_0"] - first - second * (1 + at[r"\beta"]),
            "inside": at["x_0"] - first * (1 + at[r"\beta"]) - second,
        }
        wrong = [name for name, value in wanted.items() if not says.equals(name, value)]
        return not wrong, f"{', '.join(wrong) or 'neither'} differs"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"With a gradient of one everywhere, {example}, the second iterate is ${outside}$ "
            r"where the rate stands outside the buffer and ${inside}$ where it stands inside the "
            r"velocity.",
            {
                "example": Instance(
                    None,
                    {"x_0": 0, r"\beta": "9/10", r"\eta_0": "1/10", r"\eta_1": "1/100"},
                ),
                "outside": Value(sympy.Rational(-119, 1000)),
                "inside": Value(sympy.Rational(-1, 5)),
            },
        ),
        checks=(
            exact("two steps of either", Kind.SIMULATION, steps),
            exact("by hand", Kind.ENUMERATION, both),
        ),
    )
