"""Examples: Ghosh, Lyu, Zhang and Wang (2023), the model of section 4.1 and its Figure 1."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from flint import fmpq

from derive import gradient_descent, heavy_ball
from derive.language.formula import BETA, H
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.heavy_ball import ONE_MINUS, by_engine, memory_fades
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stated import beside, bounded, measured, observed, tends
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, on, read
from verify.claims.slots import Instance, Number, Order, Point, Value, When
from verify.claims.statement import Statement, Type
from verify.models.scalar_network import model
from verify.models.written_fields import follow_written
from verify.running.chain_rule import gradient
from verify.running.convergence import ConvergenceStudy, Flow
from verify.running.numbers import (
    MPFR,
    RATIONAL,
    PowerSeries,
    log,
    power_series,
    precision,
)
from verify.running.tape import Node, record
from verify.running.trajectories import iterates

X, Y, W1, W2 = sympy.symbols("x y w1 w2")
MODEL = (Y - W1 * W2 * X) ** 2 / 2
E_OF_W = r"$E:=(y-w_1w_2x)^2/2$"


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

    run = ConvergenceStudy(gradient_descent, loss, [fmpq(1), fmpq(1, 2)], {}, 1, range(5, 10))
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


START = (fmpq(14, 5), fmpq(17, 5))


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
            [arithmetic.convert(w) for w in START],
            h=h,
            steps=8,
            parameters={"beta": arithmetic.convert(beta)},
            arithmetic=arithmetic,
        )
        rate = [(w[0] ** 2 - w[1] ** 2)[2] for w in path]
        for root in (fmpq(1), beta, beta, beta**2):
            rate = [b - root * a for a, b in pairwise(rate)]
        lasting = {r / ((1 - beta) ** 2 * (1 - beta**2)) for r in rate}
        w1, w2 = START
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
    w1, w2 = map(MPFR.convert, START)
    before, v1, v2, r = w1 * w1 - w2 * w2, h * 0, h * 0, y
    while abs(r) + abs(v1) > 1e-12:
        r = y - w1 * w2
        v1, v2 = b * v1 + h * r * w2, b * v2 + h * r * w1
        w1, w2 = w1 + v1, w2 + v2
    return log((w1 * w1 - w2 * w2) / before)
