"""Examples: Ghosh, Lyu, Zhang and Wang (2023), the model of section 4.1 and its Figure 1."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from flint import arb, fmpq

from derive import gradient_descent, heavy_ball
from derive.language.formula import BETA, H
from derive.optimizers import heavy_ball_two_step
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.heavy_ball import ONE_MINUS, by_engine, memory_fades
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stated import beside, bounded, measured, observed, tends
from verify.claims.claim import OURS, Check, Claim, Evidence, Kind, Settings, claim, on, read
from verify.claims.slots import Instance, Number, Order, Point, Relation, Slot, Value, When
from verify.claims.statement import Statement, Type
from verify.models.written_fields import follow_written
from verify.running.experiments import Experiment, Flow
from verify.running.losses import Loss, polynomial
from verify.running.numbers import (
    MPFR,
    RATIONAL,
    PowerSeries,
    log,
    power_series,
    precision,
)
from verify.running.tape import Node, gradient, record
from verify.running.trajectories import iterates

X, Y, W1, W2 = sympy.symbols("x y w1 w2")
MODEL = (Y - W1 * W2 * X) ** 2 / 2
E_OF_W = r"$E:=(y-w_1w_2x)^2/2$"


@lru_cache(maxsize=64)
def model(x: fmpq, y: fmpq) -> Loss:
    """The loss (y - w1 w2 x)^2/2 of the scalar two-layer network."""
    terms = (((0, 0), y * y / 2), ((1, 1), -x * y), ((2, 2), x * x / 2))
    return polynomial(2, terms, f"({y} - {x} w1 w2)^2/2")


@claim(
    "ghosh2023.model-regularizer",
    catalogue="A16",
    where="section 4.1",
    printed=read(r"= \frac{h_{GD}}{4} (w_1^2 + w_2^2) E$ , which will regularize"),
)
def model_regularizer() -> Claim:
    r"""With $r=y-w_1w_2x$ the gradient is $-rx(w_2,w_1)$, so $\lVert\nabla E\rVert^2=r^2x^2(w_1^2+
    w_2^2)$. Since $r^2=2E$, it is $2x^2(w_1^2+w_2^2)E$, and $h/4$ of it is $hx^2/2(w_1^2+w_2^2)E$.
    The printed $h/4$ would need $2x^2=1$.
    """

    def polynomial_identity() -> sympy.Expr:
        square = sum(sympy.diff(MODEL, w) ** 2 for w in (W1, W2))
        quotient, rest = sympy.div(
            sympy.expand(H / 4 * square), sympy.expand((W1**2 + W2**2) * MODEL), W1, W2
        )
        if rest != 0:
            raise ArithmeticError(f"{rest} is left of the division by the model")
        return quotient

    def enumerated(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(20):
            x, y, a, b = (fmpq(draw.randint(-9, 9), 7) + fmpq(1, 2) for _ in range(4))
            slopes = model(x, y).gradient_function(RATIONAL)(np.array([a, b], dtype=object))
            value, h = (y - a * b * x) ** 2 / 2, fmpq(draw.randint(1, 9), 5)
            regularizer = sum(slope * slope for slope in slopes) * says.number("weight", h=h)
            if says.number("factor", h=h, x=x) * (a * a + b * b) * value != regularizer:
                return False, f"wrong at (x, y, w1, w2) = ({x}, {y}, {a}, {b})"
        return True, "equal at 20 rational points"

    loss = model(fmpq(3, 2), fmpq(3, 5))

    def follow(says: Statement, run: Flow) -> list[np.ndarray]:
        def compute(nodes: list[Node]) -> list[Node]:
            weights, h = nodes[:2], nodes[2]
            size = sum((w * w for w in weights), weights[0] * 0)
            factor = says.number("factor", h=h, x=fmpq(3, 2))
            modified = loss.value(weights) * (size * factor + 1)
            return [-slope for slope in gradient(modified, weights)]

        return follow_written(run, record(3, compute), (run.h,), list(run.x0))

    def at_the_example(part: int) -> Any:
        def value(says: Statement, settings: Settings) -> fmpq:
            x, y, a, b = (says["example"][name] for name in ("x", "y", "w_1", "w_2"))
            residual = y - a * b * x
            square = (residual * x) ** 2 * (a * a + b * b)
            return square if part == 0 else (a * a + b * b) * residual**2 / 2

        return value

    run = Experiment(gradient_descent, loss, [fmpq(1), fmpq(1, 2)], {}, 1, range(5, 10))
    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"On {E_OF_W} the implicit regularizer ${{weight}}\lVert\nabla E\rVert^2$ of gradient "
            r"descent is ${factor}(w_1^2+w_2^2)E$, and the iterates are {order}-close, {when}, to "
            r"the gradient flow of $E$ plus this.",
            {
                "factor": Value(H * X**2 / 2),
                "weight": Value(H / 4),
                "order": Order(2),
                "when": When.EVERY_STEP,
                "example": Instance(None, {"x": 1, "y": 0, "w_1": 1, "w_2": 1}),
                "square": Number("2"),
                "product": Number("1"),
            },
        ),
        misprint={"factor": Value(H / 4)},
        because=r"the factor that takes $(w_1^2+w_2^2)E$ to $\lVert\nabla E\rVert^2$ depends on "
        r"$x$, and is missing.",
        counterexample=r"{example}: $\lVert\nabla E\rVert^2$ is {square}, and $(w_1^2+w_2^2)E$ is "
        r"{product}.",
        checks=(
            on("factor", identical("division of polynomials", polynomial_identity, refutes=True)),
            exact("gradient at rational points", Kind.ENUMERATION, enumerated, refutes=True),
            observed("observed order", beside(run, follow), refutes=True),
            measured("squared gradient", at_the_example(0), number="square"),
            measured("loss times squared norm", at_the_example(1), number="product"),
        ),
    )


RATE = fmpq(1, 100)
FROM = (fmpq(14, 5), fmpq(17, 5))
MOMENTA = (fmpq(0), fmpq(1, 2), fmpq(4, 5), fmpq(9, 10))
"""Figure 1: the effective learning rate, the start and the momenta."""
NAMES = ("first", "second", "third", "fourth")
DIGITS = 12
"""Of the enclosed norms, which are stated to six digits."""


@lru_cache(maxsize=64)
def limit_norm(
    x: fmpq,
    y: fmpq,
    beta: fmpq,
    digits: int,
    rate: fmpq = RATE,
    start: tuple[fmpq, fmpq] = FROM,
) -> arb:
    """An enclosure of the norm of the limit of heavy ball on the model, written out in balls.

    Args:
        digits: the enclosure is narrower than 10^-digits.
        rate: the effective learning rate.
    Raises:
        ArithmeticError: no limit is certified within about 100 steps a digit.
    """
    with precision(4 * digits + 100):  # the balls widen as fast as the path converges
        h, b, scale = arb((1 - beta) * rate), arb(beta), arb(x)
        w1, w2, v1, v2 = arb(start[0]), arb(start[1]), arb(0), arb(0)
        for step in range(1, 100 * (digits + 100)):
            pull = h * scale * (arb(y) - w1 * w2 * scale)
            v1, v2 = b * v1 + pull * w2, b * v2 + pull * w1
            w1, w2 = w1 + v1, w2 + v2
            if step % 200 == 0:
                norm = (w1 * w1 + w2 * w2).sqrt()
                rest = _remaining_travel(
                    norm, abs(arb(y) - w1 * w2 * scale), v1 * v1 + v2 * v2, abs(scale), h, b
                )
                if rest is not None and rest < arb(10) ** (-digits - 1):
                    return norm + arb(0, rest)
    raise ArithmeticError(f"no limit is certified at (x, y) = ({x}, {y}), beta = {beta}")


def _remaining_travel(norm: arb, r: arb, speed: arb, x: arb, h: arb, beta: arb) -> arb | None:
    """A bound on the length of the path from here on, None where none is found.

    Let |r| be the residual |y - w1 w2 x|, speed |v|^2. In a ball of radius 1/100 the Hessian's norm
    is at most L and |grad E|^2 = 2 x^2 |w|^2 E >= 2 mu E. With V = E + beta |v|^2/(2h), the descent
    lemma for v_(k+1) = beta v_k - h g gives V_(k+1) <= V_k - (c/h)|v_(k+1)|^2, c = 1-beta-hL/2, and
    E <= |g|^2/(2 mu) gives V_k <= (|v_k|^2 + |v_(k+1)|^2)(1/(mu h^2) + 1/(2h)). Hence
    V_(k+2) <= V_k/(1+eta), eta = c mu h/(1 + mu h/2), and the sum of |v| is a geometric series. It
    and the next step must stay in the ball.
    """
    ball = arb(1) / 100
    far = norm + ball
    lipschitz = (x * far) ** 2 + x * (r + x * ball * far)
    mu = (x * (norm - ball)) ** 2
    c = 1 - beta - h * lipschitz / 2
    if not (c > 0 and norm > ball):
        return None
    v = (r * r / 2 + beta * speed / (2 * h)).upper()
    eta = c * mu * h / (1 + mu * h / 2)
    travel = 2 * (h * v / c).sqrt() / (1 - 1 / (1 + eta).sqrt())
    jump = (2 * beta * h * v).sqrt() + h * x * far * (2 * v).sqrt()
    return travel if travel + jump < ball else None


def stated_norm(says: Statement, index: int) -> arb:
    """The norm of the limit at the place and with the numbers that are stated."""
    at, run = says["place"], says["run"]
    return limit_norm(
        at["x"],
        at["y"],
        says["momenta"][rf"\beta_{index + 1}"],
        DIGITS,
        run[r"\eta"],
        (run["w_1"], run["w_2"]),
    )


def enclosed_fall(says: Statement, settings: Settings) -> Evidence:
    """The enclosures of the norms, each beside the one before."""
    try:
        norms = [stated_norm(says, i) for i in range(len(MOMENTA))]
    except ArithmeticError as error:
        return Evidence(False, str(error))
    shown = ", ".join(norm.str(7, radius=False) for norm in norms)
    if any(not (a > b or a < b) for a, b in pairwise(norms)):
        return Evidence(None, f"enclosures overlap: {shown}")
    seen = [Relation.BELOW if b < a else Relation.ABOVE for a, b in pairwise(norms)]
    return Evidence(seen == [says["relation"], says["relation"], says["last"]], shown)


def declared(says: Statement, settings: Settings) -> tuple[bool, str]:
    """The same norms by the declared two-step rule in multiprecision, 3000 steps."""
    at, run, norms = says["place"], says["run"], []
    with precision(30):
        for i in range(len(MOMENTA)):
            beta = says["momenta"][rf"\beta_{i + 1}"]
            path = iterates(
                heavy_ball_two_step,
                model(at["x"], at["y"]),
                [MPFR.convert(run[name]) for name in ("w_1", "w_2")],
                h=MPFR.convert((1 - beta) * run[r"\eta"]),
                steps=3000,
                parameters={"beta": MPFR.convert(beta)},
                arithmetic=MPFR,
            )
            norms.append(sum(w * w for w in path[-1]) ** 0.5)
    wrong = [n for n, norm in zip(NAMES, norms, strict=True) if not says[n].agrees(norm)]
    return not wrong, ", ".join(f"{float(norm):.7f}" for norm in norms)


def figure(
    place: Instance, last: Relation, norms: Sequence[str], misprint: dict[str, Slot]
) -> Claim:
    """The norms of the four limits of Figure 1 at a place (x, y).

    Args:
        last: how the last one compares with the one before.
    """

    def of(index: int) -> Any:
        return lambda says, settings: float(stated_norm(says, index).mid())

    momenta = {rf"\beta_{i}": str(beta) for i, beta in enumerate(MOMENTA, 1)}
    return Claim(
        says=Statement(
            Type.INEQUALITY,
            rf"On {E_OF_W} with {{place}}, heavy ball with the effective learning rate and from "
            r"the start {run} has limits $w^*$ whose norms, for {momenta} in turn, are {first}, "
            r"{second}, {third} and {fourth}: in the second and third place "
            r"$\lVert w^*_i\rVert{relation}\lVert w^*_{i-1}\rVert$, in the last "
            r"$\lVert w^*_i\rVert{last}\lVert w^*_{i-1}\rVert$.",
            {
                "place": place,
                "run": Instance(None, {r"\eta": "1/100", "w_1": "14/5", "w_2": "17/5"}),
                "momenta": Instance(None, momenta),
                "relation": Relation.BELOW,
                "last": last,
                **{name: Number(norm) for name, norm in zip(NAMES, norms, strict=True)},
            },
        ),
        misprint=misprint,
        premise="place" if misprint else "",
        because=r"how far the norm falls depends on $(x,y)$, which the text does not give; see the "
        r"claim on other values."
        if misprint
        else "",
        checks=(
            Check("enclosures of the limits", Kind.BALL, enclosed_fall, refutes=bool(misprint)),
            exact("declared iteration", Kind.SIMULATION, declared),
            *(
                measured(f"{name} norm, enclosed", of(i), number=name, kind=Kind.BALL)
                for i, name in enumerate(NAMES)
            ),
        ),
    )


ELSEWHERE = Instance(None, {"x": 2, "y": 1})


@claim(
    "ghosh2023.figure-norms",
    catalogue="A17",
    where="section 4.1 (b), Figure 1",
    printed=read(r"the converged solutions have decreasing value of  $\ell_2$  norm"),
)
def figure_norms() -> Claim:
    r"""Heavy ball is iterated in balls until the rest of the path is bounded below the last digit:
    with $V=E+\beta\lVert v\rVert^2/(2h)$ the descent lemma gives $V$ to drop by $(1-\beta-hL/2)/h
    \lVert v\rVert^2$ a step, and $\lVert\nabla E\rVert^2=2x^2\lVert w\rVert^2E$ makes the drop
    geometric. So the limit exists, is a minimum, and its norm is enclosed. The text does not give
    $(x,y)$; at $(1,1)$ the norms fall as well.
    """
    norms = ("1.946793", "1.892996", "1.735539", "1.455675")
    place = Instance(None, {"x": 1, "y": "3/5"})
    return figure(place, Relation.BELOW, norms, {"place": ELSEWHERE})


@claim(
    "ghosh2023.figure-norms-elsewhere",
    catalogue="A17",
    where="section 4.1 (b), for other data",
    printed=OURS,
)
def figure_norms_elsewhere() -> Claim:
    r"""The observation of the source is made without a value of $(x,y)$. At $(2,1)$, with the same
    start and steps, the limits are enclosed as before: the norm has risen again at $\beta=0.9$. The
    regularizer is the first term of a series in $h$, and at the start $h/(1-\beta)$ times the
    curvature $x^2\lVert w\rVert^2$ is $0.78$, not small. As $h/(1-\beta)$ tends to $0$ the norm
    falls for all four momenta.
    """
    norms = ("1.807681", "1.595575", "1.000724", "1.776450")
    return figure(ELSEWHERE, Relation.ABOVE, norms, {})


@claim(
    "ghosh2023.imbalance",
    catalogue="A17",
    where="section 4.1 (b) and Remark 4.2, made exact",
    printed=OURS,
)
def imbalance() -> Claim:
    r"""Let $D=w_1\partial_1-w_2\partial_2$. It annuls $w_1w_2$, so $DE=0$ and $D\lVert\nabla E
    \rVert^2=2r^2x^2(w_1^2-w_2^2)$. Along the flow of $E+c\lVert\nabla E\rVert^2$, in the time of
    the effective step, $(\log|w_1^2-w_2^2|)'=-4cr^2x^2$: gradient descent has $c=h/(4(1-\beta))$,
    heavy ball $(1+\beta)/(1-\beta)$ times that. In a minimum $\lVert w\rVert^4$ is
    $(w_1^2-w_2^2)^2+ 4y^2/x^2$. So for small steps the norm falls as $\beta$ grows.
    """

    def by_loss() -> sympy.Expr:
        def rate(c: sympy.Expr) -> sympy.Expr:
            loss = MODEL + c * (sympy.diff(MODEL, W1) ** 2 + sympy.diff(MODEL, W2) ** 2)
            return sympy.expand(W1 * sympy.diff(loss, W1) - W2 * sympy.diff(loss, W2))

        plain = by_engine(gradient_descent).subs(H, H / ONE_MINUS)
        return sympy.cancel(rate(by_engine(heavy_ball)) / rate(plain))

    def lasting_rate(says: Statement, point: Point, settings: Settings) -> bool:
        """The lasting h^2 part of a step's change of w1^2 - w2^2, exactly."""
        beta, arithmetic, h = point["beta"], power_series(3), PowerSeries.step(3)
        path = iterates(
            heavy_ball,
            model(fmpq(2), fmpq(3)),
            [arithmetic.convert(w) for w in FROM],
            h=h,
            steps=8,
            parameters={"beta": arithmetic.convert(beta)},
            arithmetic=arithmetic,
        )
        rate = [(w[0] ** 2 - w[1] ** 2)[2] for w in path]
        for root in (fmpq(1), beta, beta, beta**2):
            rate = [b - root * a for a, b in pairwise(rate)]
        lasting = {r / ((1 - beta) ** 2 * (1 - beta**2)) for r in rate}
        w1, w2 = FROM
        plain = -((2 * (3 - 2 * w1 * w2) / (1 - beta)) ** 2) * (w1**2 - w2**2)
        return memory_fades(heavy_ball, point) and lasting == {
            plain * says.number("limit", beta=beta)
        }

    def differences(says: Statement, settings: Settings) -> list[float]:
        beta = fmpq(1, 2)
        with precision(settings.digits):
            ratio = says.number("limit", beta=MPFR.convert(beta))
            steps = [fmpq(1, 2**j) for j in range(8, 13)]
            return [float(abs(_shrunk(beta, h) / _shrunk(fmpq(0), h) - ratio)) for h in steps]

    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"On {E_OF_W}, from a start that is no minimum and where $w_1^2$ and $w_2^2$ differ, "
            r"the logarithm of the factor by which heavy ball shrinks $w_1^2-w_2^2$ is that of "
            r"gradient descent of the same effective learning rate $\eta$ times {limit} and "
            r"{error}, for {domain}.",
            {
                "limit": Value((1 + BETA) / ONE_MINUS, "limit"),
                "error": Order(1, "eta"),
                "domain": FADING,
            },
        ),
        checks=(
            on("limit", identical("derivative of the modified loss", by_loss)),
            bounded("exact iteration", lasting_rate),
            tends("approach to the limit", differences),
        ),
    )


def _shrunk(beta: fmpq, effective: fmpq) -> Any:
    """log of the last w1^2 - w2^2 over the first one, on the model (1, 3/5)."""
    h, b, y = map(MPFR.convert, (effective * (1 - beta), beta, fmpq(3, 5)))
    w1, w2 = map(MPFR.convert, FROM)
    before, v1, v2, r = w1 * w1 - w2 * w2, h * 0, h * 0, y
    while abs(r) + abs(v1) > 1e-12:
        r = y - w1 * w2
        v1, v2 = b * v1 + h * r * w2, b * v2 + h * r * w1
        w1, w2 = w1 + v1, w2 + v2
    return log((w1 * w1 - w2 * w2) / before)
