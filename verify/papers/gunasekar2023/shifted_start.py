"""Which start large steps amount to, on the slides of Gunasekar (2023).

theta = u v with w_+- = (u +- v)/sqrt(2) and x = gamma grad L_B.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import numpy as np
import sympy
from flint import arb, fmpq

from derive.networks.diagonal_networks import ROTATED, X, step_gain
from verify.claims.checks.diagonal_runs import ExactRun, at, over_exact_runs
from verify.claims.checks.gain_bounds import sign
from verify.claims.checks.identities import enclosed, marked, noted
from verify.claims.checks.mean_gain import GAIN, points
from verify.claims.checks.stated import compared, measured, switches
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, claim, on, read
from verify.claims.slots import Instance, Number, Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.diagonal_regression import Regression, run
from verify.running.numbers import precision

THRESHOLD = 1 + sympy.LambertW(sympy.exp(-1))
X1, X2 = sympy.symbols("x1 x2")


@claim(
    "gunasekar2023.sum-outside",
    catalogue="C11",
    where="characterization",
    printed=read(r"\exp\left(-g\left(\sum_t \gamma_t \nabla \bar{L}_{B_t}(w(t))\right)\right)"),
)
def sum_outside() -> Claim:
    r"""$\ln|w_+w_-|$ is a sum over the steps; the logarithm of $\alpha_\infty$ is half of it. After
    two steps the slides' formula reads $2g(x_1+x_2)$ for $\ln(\alpha^2/\alpha_\infty^2)$. Their
    $g$, "$-\frac12\log((1-x^2))^2$", means $-\frac12\log((1-x^2)^2)$.
    """
    printed = 2 * GAIN.subs(X, X1 + X2)

    def two_steps(says: Statement, path: ExactRun) -> Iterator[arb]:
        first, second = path.steps[:2]
        for i in range(3):
            ratio = second.w[0, i] * second.w[1, i] / path.start[0, i] / path.start[1, i]
            told = at(says.expr("gain"), x1=first.x[i], x2=second.x[i])
            yield told + arb(abs(ratio)).log()

    def two_points(draw: random.Random) -> dict[str, fmpq]:
        return {"x1": points(draw)["x"], "x2": points(draw)["x"]}

    def after(says: Statement, gain: sympy.Expr) -> arb:
        """alpha_infinity^2 over alpha^2 in the example, by a formula."""
        example = says["example"]
        return (-at(gain, x1=example["x_1"], x2=example["x_2"])).exp()

    def weights(says: Statement, settings: Settings) -> fmpq:
        """|w_+ w_-| after both steps from 1, as the weights are multiplied."""
        product = fmpq(1)
        for x in (says["example"]["x_1"], says["example"]["x_2"]):
            product *= abs((1 - x) * (1 + x))
        return product

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"After the steps $x_1$ and $x_2$, $x_k:=\gamma\nabla L_{B_k}$, of SGD on "
            r"$\theta:=u\odot v$, $\log(\alpha^2/\alpha_\infty^2)={gain}$.",
            {
                "gain": Value(GAIN.subs(X, X1) + GAIN.subs(X, X2)),
                "example": Instance(None, {"x_1": "1/2", "x_2": "-1/2"}),
                "kept": Number("0.5625"),
                "wrong": Number("1.0000"),
            },
        ),
        misprint={"gain": Value(printed)},
        because=r"the sum stands inside $g$, where gradients of opposite sign cancel, and the "
        r"square of $\alpha_\infty$ is missing.",
        counterexample=r"{example}: $\alpha_\infty^2$ is {kept} times $\alpha^2$; by the slides it "
        r"is {wrong} times.",
        checks=(
            on(
                "gain",
                enclosed(
                    "ratios of two steps",
                    lambda: step_gain().subs(X, X1) + step_gain().subs(X, X2),
                    two_points,
                    refutes=True,
                ),
            ),
            Check(
                "two exact steps",
                Kind.ENUMERATION,
                over_exact_runs(ROTATED, momentum=False, differences=two_steps),
                refutes=True,
            ),
            measured("weights of the example", weights, number="kept"),
            measured("slides on the example", lambda says, _: after(says, printed), number="wrong"),
        ),
    )


@claim(
    "gunasekar2023.gain-sign",
    catalogue="C12",
    where="characterization",
    printed=read(r"\geq 0 \quad \forall |x| \leq \sqrt{2}"),
)
def gain_sign() -> Claim:
    r"""$q(x)\ge0$ means $(1-x^2)^2\le1$, that is $0\le x^2\le2$."""

    def square(says: Statement, draw: random.Random) -> tuple[fmpq, None]:
        """The square of the stated bound; a bound below 0 is never met."""
        bound = says.expr("bound")
        found = sympy.Rational(bound**2) if bound > 0 else sympy.Rational(-1)
        return fmpq(int(found.p), int(found.q)), None

    def kept(says: Statement, settings: Settings) -> Evidence:
        """|w_+ w_-| after a step with x just within the bound and just beyond, in exact numbers."""
        draw, end = random.Random(settings.seed), square(says, random.Random())[0]
        if end < 0:
            return Evidence(False, "no range")
        root = fmpq(math.isqrt(int((end * 10**24).floor())), 10**12)
        for side, falls in ((1 - fmpq(1, 10**9), True), (1 + fmpq(1, 10**9), False)):
            weights = np.array([[fmpq(draw.randint(1, 9), 7)], [fmpq(draw.randint(1, 9), 7)]])
            row, theta = np.array([[fmpq(1)]]), (weights[0] ** 2 - weights[1] ** 2) / 2
            problem = Regression(row, theta - root * side)
            (step,) = run(problem, ROTATED, weights, gammas=fmpq(1), batches=[[0]])
            before, after = (abs(w[0][0] * w[1][0]) for w in (weights, step.w))
            if (after < before) != falls:
                return Evidence(False, f"the product does not turn at x = {float(root):.12g}")
        return Evidence(True, "|w_+ w_-| falls within and grows beyond, to 1e-9, exactly")

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"A step with $x:=\gamma\nabla L_B$ in a coordinate does not raise $|w_+w_-|$ there, "
            r"so that its gain $-\log|w_+w_-|$ is not negative, for $|x|{relation}{bound}$, and "
            r"raises it beyond.",
            {"relation": Relation.AT_MOST, "bound": Value(sympy.sqrt(2), "threshold")},
        ),
        checks=(
            switches(
                "product of the weights",
                lambda says, squared, _: abs(1 - squared) <= 1,
                square,
            ),
            Check("exact steps", Kind.SIMULATION, kept),
        ),
    )


@claim(
    "gunasekar2023.shift-range",
    catalogue="C12",
    where="characterization",
    printed=read(r"\tilde{w}_0 \leq \alpha^2 \leftarrow$ small in our case and ignorable"),
)
def shift_range() -> Claim:
    r"""$\tilde\theta_0=(\alpha_+^2-\alpha_-^2)/2$ and $\alpha_\pm=\alpha e^{-\frac12\sum
    q_\pm(x_k)}$. $q_+(x)=-2x-2\ln|1-x|$ is at least 0 for $x\le1+W(1/e)$, the root of
    $x+\ln(x-1)=0$, and for no larger $x$. Inside both $\alpha_\pm$ are at most $\alpha$, and
    $|\tilde\theta_0|\le\alpha^2/2$. Beyond, every step multiplies one of them by more than 1, and a
    long run of them by as much as one likes, while $q$ is still positive up to $\sqrt2$.
    """

    def logs(x: arb, steps: int) -> tuple[arb, arb]:
        """The logarithms of alpha_+-^2/alpha^2 after equal steps, from the weights themselves."""
        return 2 * steps * (abs(1 - x).log() + x), 2 * steps * (abs(1 + x).log() - x)

    def start_after(x: arb, steps: int) -> arb:
        plus, minus = logs(x, steps)
        return abs(plus.exp() - minus.exp()) / 2

    def reach(says: Statement) -> arb:
        return arb(str(sympy.N(says.expr("reach"), 60)))

    def range_of_steps(says: Statement, settings: Settings) -> Evidence:
        """A long run of equal steps lowers both just within the reach, and not beyond."""
        with precision(40):
            end, near = reach(says), arb("1e-9")
            if not end > 1:
                return Evidence(False, "no weight crosses zero so early")
            turns = [sign(logs(end * (1 + side * near), 1)[0]) for side in (-1, 0, 1)]
        stated = marked(says).expr("reach")
        noted(sympy.log((1 - stated) ** 2) / 2 + stated, sympy.Integer(0), turns[1] == 0)
        wanted = [says["within"].admits(place, 1) for place in (0, 1, 2)]
        return Evidence([turn <= 0 for turn in turns] == wanted, f"signs {turns} about the end")

    def farthest(says: Statement, draw: random.Random) -> tuple[int, int]:
        """The start after random steps within the reach beside the bound."""
        with precision(40):
            end, total = reach(says), [arb(0), arb(0)]
            for _ in range(draw.randint(1, 9)):
                plus, minus = logs(end * fmpq(draw.randint(-999, 998), 1000), 1)
                total = [total[0] + plus, total[1] + minus]
            start = abs(total[0].exp() - total[1].exp()) / 2
            return sign(start - arb(says.number("bound"))), 0

    def supremum(says: Statement, settings: Settings) -> Evidence:
        """A run of steps of the whole reach comes as near to the bound as 1e-12."""
        with precision(40):
            gap = start_after(reach(says), 2000) - arb(says.number("bound"))
            return Evidence(bool(abs(gap) < arb("1e-12")), f"{gap.str(3, radius=False)} off")

    def size(says: Statement, steps: int) -> arb:
        with precision(40):
            return start_after(arb(says["example"]["x"]), steps)

    return Claim(
        says=Statement(
            Type.INEQUALITY,
            r"After every sequence of steps of SGD with $|x|{within}{reach}$ the divergence is "
            r"taken from a $\tilde\theta$ with $|\tilde\theta|{relation}{bound}\,\alpha^2$, and no "
            r"nearer; beyond this reach it is as far as one likes.",
            {
                "reach": Value(THRESHOLD, "threshold"),
                "within": Relation.AT_MOST,
                "relation": Relation.BELOW,
                "bound": Value(sympy.Rational(1, 2), "bound"),
                "example": Instance(None, {"x": "7/5", "K": 10}),
                "near": Number("1.140"),
                "far": Number("7951"),
            },
        ),
        misprint={
            "reach": Value(sympy.sqrt(2), "threshold"),
            "relation": Relation.AT_MOST,
            "bound": Value(sympy.Integer(1), "bound"),
        },
        because=r"the gain is positive so far, but the loss of one of the two weights is not.",
        counterexample=r"{example}: one step $x$, which the slides allow, takes the start to "
        r"{near} times $\alpha^2$, and $K$ of them to {far} times.",
        checks=(
            Check("range of the steps", Kind.BALL, range_of_steps, refutes=True),
            compared("random steps", farthest, kind=Kind.BALL, refutes=True),
            Check("a long run", Kind.BALL, supremum),
            measured("one step", lambda says, _: size(says, 1), number="near"),
            measured(
                "several steps", lambda says, _: size(says, int(says["example"]["K"])), number="far"
            ),
        ),
    )
