"""The potentials on Gunasekar's slides on diagonal linear networks, where conventions are mixed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import sympy
from flint import arb, fmpq

from derive.networks.potentials import ALPHA, THETA
from verify.claims.checks.identities import enclosed
from verify.claims.checks.mirror_maps import (
    MATRICES,
    Weights,
    ball,
    drawn_ball,
    encloses,
    mirror_flow,
    started,
    stationary,
    structurally,
    theta_of,
)
from verify.claims.checks.potentials import (
    FROM_EQUAL,
    POTENTIAL,
    WOODWORTH,
    gradient_on_the_flow,
    potential_of,
)
from verify.claims.checks.stated import measured
from verify.claims.claim import Claim, Settings, claim, on, read
from verify.claims.slots import Instance, Number, Value
from verify.claims.statement import Statement, Type
from verify.models.network_conventions import CONVENTIONS
from verify.running.numbers import precision

PRINTED_START = sympy.sqrt(2) * ALPHA


def descent(
    network: Weights, start: Sequence[arb], rows: Iterable[Sequence[arb]], target: arb, step: arb
) -> Iterable[list[arb]]:
    """theta after every step on |x theta - y|^2, one row x in a step, all coordinates alike."""
    w = None
    for row in rows:
        w = w or [list(start) for _ in row]
        theta = [theta_of(network, pair) for pair in w]
        pull = sum((x * t for x, t in zip(row, theta, strict=True)), -target) * 2 * step
        for pair, x in zip(w, row, strict=True):
            slopes = [
                sum((m * a for m, a in zip(line, pair, strict=True)), arb(0))
                for line in MATRICES[network]
            ]
            pair[:] = [a - pull * x * s for a, s in zip(pair, slopes, strict=True)]
        yield [theta_of(network, pair) for pair in w]


@claim(
    "gunasekar2023.same-start",
    catalogue="C01 C04",
    where="some early results",
    printed=read("All (S)GD trajectories coincide with initialization"),
)
def same_start() -> Claim:
    r"""$\theta=uv=w_+^2-w_-^2$ needs $w_\pm=(u\pm v)/2$, so that $w_\pm(0)=\alpha$ is
    $u(0)=2\alpha$, $v(0)=0$. Gradient descent on $(u,v)$ changes $w_\pm$ by $\mp\gamma gw_\pm$, on
    $w_\pm$ by $\mp2\gamma gw_\pm$: the paths coincide for a step twice as large on $(u,v)$. The
    printed start belongs to $\theta=\frac12(w_+^2-w_-^2)$, and then with equal steps.
    """

    def both(says: Statement, draw: random.Random) -> Iterable[arb]:
        size, step, target = drawn_ball(draw, 4, 8), arb(1) / 50, drawn_ball(draw, 1, 8)
        rows = [[drawn_ball(draw, 1, 8) for _ in range(2)] for _ in range(4)]
        other = [ball(says.expr("other"), {"alpha": size})] * 2
        if other[0] < 0:
            raise ValueError("the size of a weight is not negative.")
        ends = zip(
            descent(says["left"], started(says, size), rows, target, step * says.number("ratio")),
            descent(says["right"], other, rows, target, step),
            strict=True,
        )
        for left, right in ends:
            yield from (a - b for a, b in zip(left, right, strict=True))

    def one_step(says: Statement, network: str, start: Sequence[sympy.Expr]) -> arb:
        """theta after a step of both with the same size, on one row and label, both 1."""
        example = says["example"]
        w = [ball(expr, {"alpha": arb(example[r"\alpha"])}) for expr in start]
        (theta,) = descent(says[network], w, [[arb(1)]], arb(1), arb(example[r"\gamma"]))
        return theta[0]

    def by_convention() -> sympy.Expr:
        """|w_+ w_-| = alpha^2 for the u(0) that the slides' network needs."""
        return sympy.sqrt(ALPHA**4 / CONVENTIONS["gunasekar2023"].start)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Gradient descent on any rows on {left} from $\lvert u_{0,i}\rvert={first}$ and "
            r"$\lvert v_{0,i}\rvert={second}$ with steps ${ratio}\,\gamma$ has the same $\theta$ "
            r"after every step as on {right} from $\lvert w_{\pm,0,i}\rvert={other}$ with steps "
            r"$\gamma$.",
            {
                "left": Weights.PRODUCT,
                "first": Value(2 * ALPHA),
                "second": Value(sympy.Integer(0), "start"),
                "ratio": Value(sympy.Integer(2), "ratio"),
                "right": Weights.SQUARES,
                "other": Value(ALPHA, "start"),
                "example": Instance(None, {r"\alpha": 1, r"\gamma": "1/8"}),
                "slow": Number("0.5"),
                "fast": Number("2.0"),
            },
        ),
        misprint={"first": Value(PRINTED_START), "ratio": Value(sympy.Integer(1), "ratio")},
        because=r"$w_\pm$ is half of $u\pm v$, as then the difference of the squares is $uv$.",
        counterexample=r"one row and label, both one, {example}: the first step comes from the "
        r"printed start to $\theta={slow}$ on the left side, and to $\theta={fast}$ on the right.",
        checks=(
            on(
                "first",
                structurally("balancedness of both starts", by_convention, refutes=True),
            ),
            encloses("four steps of both", both, refutes=True),
            measured(
                "a step from the printed start",
                lambda says, settings: one_step(says, "left", [PRINTED_START, says.expr("second")]),
                number="slow",
            ),
            measured(
                "a step of the other side",
                lambda says, settings: one_step(says, "right", [says.expr("other")] * 2),
                number="fast",
            ),
        ),
    )


@claim(
    "gunasekar2023.start-and-potential",
    catalogue="C05",
    where="changing scale of initialization",
    printed=read(
        r"\mathbf{u}_{\vec{\alpha}}(\mathbf{0}) = \vec{\alpha}, \mathbf{v}_{\vec{\alpha}}"
        r"(\mathbf{0}) = \mathbf{0}"
    ),
)
def start_and_potential() -> Claim:
    r"""$u(0)=\alpha$, $v(0)=0$ gives $u=\alpha\cosh P$, $v=\alpha\sinh P$ and
    $\theta=uv=\frac{\alpha^2}2\sinh(2P)$. So $\mathrm{arcsinh}(2\theta/\alpha^2)=2P$. With
    $q'(z)=\mathrm{arcsinh}(z/2)$ the potential is $\alpha^2q(4\theta/\alpha^2)$; the printed
    $q(\theta/\alpha^2)$ belongs to $u(0)=2\alpha$. Its weight is the matter of another claim.
    """

    def ratio(says: Statement, settings: Settings) -> arb:
        """Of the printed gradients at two coordinates whose pulls are P and r P."""
        with precision(settings.digits):
            at = says["example"]
            near, far = (
                gradient_on_the_flow(says, POTENTIAL, arb(1), arb(at["P"] * r))
                for r in (1, at["r"])
            )
            return far / near

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Gradient flow on {network} from $\lvert u_{0,i}\rvert={first}$ and $\lvert "
            r"v_{0,i}\rvert={second}$, $\alpha:=\alpha_i$, minimizes, if it ends at an "
            r"interpolator, the sum over the coordinates of ${potential}$ among all interpolators.",
            {
                "network": Weights.PRODUCT,
                "first": Value(ALPHA, "start"),
                "second": Value(sympy.Integer(0), "start"),
                "potential": Value(
                    2 * ALPHA**2
                    - 2 * sympy.sqrt(ALPHA**4 + 4 * THETA**2)
                    + 4 * THETA * sympy.asinh(2 * THETA / ALPHA**2)
                ),
                "rate": Value(sympy.Integer(8), "rate"),
                "example": Instance(None, {"P": 1, "r": 2}),
                "wrong": Number("3.22"),
            },
        ),
        misprint={"potential": Value(POTENTIAL)},
        because=r"$\lvert u^2-v^2\rvert$ is $\alpha^2$ and not four times it. Along the way the "
        r"gradient of the right sum, which vanishes at the origin as the sum does, is "
        r"$-{rate}\int\nabla L$.",
        counterexample=r"one row with the entries one and $r$, and a pull $P$ along it, {example}: "
        r"the entries of the gradient of what is printed have the ratio {wrong}, so that it is "
        r"not along the row.",
        checks=(
            on(
                "potential",
                enclosed(
                    "mirror map",
                    lambda: 4 * potential_of("gunasekar2023"),
                    lambda draw: {
                        "theta": fmpq(draw.randint(-99, 99), 7),
                        "alpha": fmpq(draw.randint(1, 30), 10),
                    },
                ),
            ),
            mirror_flow("alpha"),
            stationary("alpha", refutes=True),
            measured("gradient of the printed sum", ratio, number="wrong"),
        ),
    )


@claim(
    "gunasekar2023.weighted-potential",
    catalogue="C06",
    where="changing scale of initialization",
    printed=read(
        r"\operatorname{argmin}_{Xw=y} Q_{\vec{\alpha}}(w) := \sum_{i \in [d]} "
        r"q\left(\frac{w_i}{\vec{\alpha}_i^2}\right)"
    ),
)
def weighted_potential() -> Claim:
    r"""The derivative of $q(\theta/\alpha^2)$ with respect to $\theta$ is
    $\mathrm{arcsinh}(\theta/2\alpha^2)/\alpha^2$: without the weight $\alpha^2$ it is the pull over
    $\alpha^2$. For equal $\alpha_i$ that is a factor in front; for different ones it is another
    minimizer.
    """
    printed = POTENTIAL / ALPHA**2

    def entry(says: Statement, settings: Settings, name: str) -> arb:
        """Of the printed gradient at a coordinate with this scale, after the pull P."""
        with precision(settings.digits):
            at = says["example"]
            return gradient_on_the_flow(says, printed, arb(at[name]), arb(at["P"]))

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"Gradient flow on {FROM_EQUAL} minimizes, if it ends at an interpolator, the sum "
            r"over the coordinates of ${potential}$ among all interpolators.",
            {
                **WOODWORTH,
                "potential": Value(POTENTIAL),
                "rate": Value(sympy.Integer(4), "rate"),
                "example": Instance(None, {r"\alpha_1": 1, r"\alpha_2": 2, "P": 1}),
                "near": Number("4"),
                "far": Number("1"),
            },
        ),
        misprint={"potential": Value(sympy.expand(printed))},
        because=r"the weight $\alpha_i^2$ is missing. Along the way the gradient of the right "
        r"sum, which vanishes at the origin as the sum does, is $-{rate}\int\nabla L$.",
        counterexample=r"one row with two equal entries, and a pull $P$ along it, {example}: the "
        r"entries of the gradient of what is printed are {near} and {far}, so that it is not "
        r"along the row.",
        checks=(
            on(
                "potential",
                structurally("integral of the mirror map", lambda: potential_of("woodworth2020")),
            ),
            mirror_flow("alpha"),
            stationary("alpha", refutes=True),
            measured("first entry", lambda says, s: entry(says, s, r"\alpha_1"), number="near"),
            measured("second entry", lambda says, s: entry(says, s, r"\alpha_2"), number="far"),
        ),
    )
