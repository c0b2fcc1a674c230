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

from derive.language.formula import Formula
from derive.networks.diagonal_networks import ROTATED, X, step_gain
from verify.claims.checks.diagonal_runs import ExactRun, at, over_exact_runs, real
from verify.claims.checks.gains import GAIN, points
from verify.claims.checks.identities import enclosed
from verify.claims.checks.stated import switches
from verify.claims.claim import Check, Claim, Evidence, Kind, Settings, Verdict, claim, read
from verify.claims.slots import Relation, Value
from verify.claims.statement import Statement, Type
from verify.models.diagonal_network import Regression, run
from verify.running.numbers import precision

THRESHOLD = 1 + sympy.LambertW(sympy.exp(-1))
X1, X2 = sympy.symbols("x1 x2")


@claim("gunasekar2023.sum-outside", catalogue="C11", where="characterization")
def sum_outside() -> Claim:
    """ln|w_+ w_-| is a sum over the steps; the logarithm of α_∞ is half of it. After two steps the
    slides' formula reads 2 g(x₁+x₂) for ln(α²/α_∞²). Their g, "-½ log((1-x²))²", means
    -½ log((1-x²)²).
    """

    def two_steps(candidate: sympy.Expr, path: ExactRun) -> Iterator[arb]:
        first, second = path.steps[:2]
        for i in range(3):
            ratio = second.w[0, i] * second.w[1, i] / path.start[0, i] / path.start[1, i]
            yield at(candidate, x1=first.x[i], x2=second.x[i]) + arb(abs(ratio)).log()

    def two_points(draw: random.Random) -> dict[str, fmpq]:
        return {"x1": points(draw)["x"], "x2": points(draw)["x"]}

    return Claim(
        statement=(
            r"After the steps $x_1$ and $x_2$, $\log(\alpha^2/\alpha_\infty^2)$ is {formula}."
        ),
        printed=Formula("sumInsidePrinted", 2 * GAIN.subs(X, X1 + X2), given=()),
        right=Formula("sumOutside", GAIN.subs(X, X1) + GAIN.subs(X, X2), given=()),
        checks=(
            enclosed(
                "ratios of two steps",
                lambda: step_gain().subs(X, X1) + step_gain().subs(X, X2),
                two_points,
                refutes=True,
            ),
            Check(
                "two exact steps",
                Kind.ENUMERATION,
                over_exact_runs(ROTATED, momentum=False, differences=two_steps),
                refutes=True,
            ),
        ),
        expected=Verdict.CORRECTED,
        condition=r"$\alpha_\infty^2 = \alpha^2\exp(-\sum_k g(x_k))$.",
        because=(
            "the sum stands inside g, where gradients of opposite sign cancel, and the square "
            "of $\\alpha_\\infty$ is missing."
        ),
        counterexample=(
            r"$x_1 = 1/2$, $x_2 = -1/2$: $\alpha_\infty^2 = 9\alpha^2/16$; the slides give "
            r"$\alpha_\infty = \alpha$."
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


@claim("gunasekar2023.shift-range", catalogue="C12", where="characterization")
def shift_range() -> Claim:
    """θ̃₀ = (α_+² - α_-²)/2 and α_± = α exp(-½ Σ q_±(x_k)). q_+(x) = -2x - 2 ln|1-x| is at least 0
    exactly for x ≤ 1 + W(1/e), the root of x + ln(x-1) = 0. Inside ±(1 + W(1/e)) both α_± are at
    most α, and |θ̃₀| ≤ α²/2. Beyond, every step multiplies one of them by more than 1, and a long
    run of them by as much as one likes, while q is still positive up to √2.
    """

    def start_after(x: float, steps: int) -> float:
        """|theta_0|/alpha^2 after equal steps x on one coordinate, from the weights themselves."""
        plus = 2 * (steps * np.log(abs(1 - x)) + steps * x)
        minus = 2 * (steps * np.log(abs(1 + x)) - steps * x)
        with np.errstate(over="ignore"):
            return float(abs(np.exp(plus) - np.exp(minus)) / 2)

    def bounded_inside_only(candidate: sympy.Expr, settings: Settings) -> Evidence:
        end = real(candidate)
        if not end > 0:
            return Evidence(False, "no range")
        inside = max(start_after(end * part, 2000) for part in (0.2, 0.6, 0.9, 0.9999))
        outside = start_after(end * 1.001, 2000)
        said = f"|start|/alpha^2 is {inside:.3g} inside and {outside:.3g} at 1.001 of the range"
        return Evidence(inside <= 0.5 and outside > 1, said)

    def root(candidate: sympy.Expr, settings: Settings) -> Evidence:
        with precision(settings.digits):
            end = arb(str(sympy.N(candidate, settings.digits + 5)))
            left = end + (end - 1).log()
            return Evidence(
                bool(abs(left) < arb(10) ** (5 - settings.digits)),
                f"x + ln(x-1) = {left.str(3, radius=False)}",
            )

    return Claim(
        statement=(
            r"The divergence is taken from a point within $\alpha^2/2$ of 0, for every sequence of "
            r"steps with $|x|$ up to {formula}."
        ),
        printed=Formula("shiftRangePrinted", sympy.sqrt(2), given=()),
        right=Formula("shiftRange", THRESHOLD, given=()),
        checks=(
            Check("equal steps", Kind.SIMULATION, bounded_inside_only, refutes=True),
            Check("root of the shift", Kind.BALL, root, refutes=True),
        ),
        expected=Verdict.CORRECTED,
        condition=r"Every $|x|$ is at most $1 + W(1/e) = 1.278\dots$",
        because=r"$q(x) \ge 0$ up to $\sqrt2$, but $q_+(x) < 0$ from $1 + W(1/e)$ on.",
        counterexample=(
            r"one step with $x = \sqrt2$: $\alpha_+^2 = (\sqrt2-1)^2 e^{2\sqrt2}\alpha^2 = "
            r"2.90\,\alpha^2$ and the start is $1.28\,\alpha^2$; ten such steps give "
            r"$2.1\cdot10^4\alpha^2$."
        ),
    )
