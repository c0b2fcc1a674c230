"""Where heavy ball ends in Figure 1 of Ghosh, Lyu, Zhang and Wang (2023), section 4.1."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import sympy
from flint import arb, fmpq

from derive.optimizers import heavy_ball_two_step
from verify.claims.checks.identities import exact
from verify.claims.checks.stated import measured
from verify.claims.claim import OURS, Check, Claim, Evidence, Kind, Settings, claim, read
from verify.claims.slots import Instance, Number, Relation, Slot, Value
from verify.claims.statement import Statement, Type
from verify.models.scalar_network import limit, model
from verify.papers.ghosh2023.examples import E_OF_W, START, X, Y
from verify.running.numbers import (
    MPFR,
    precision,
)
from verify.running.trajectories import iterates

RATE = fmpq(1, 100)
MOMENTA = (fmpq(0), fmpq(1, 2), fmpq(4, 5), fmpq(9, 10))
"""Figure 1: the effective learning rate, the start and the momenta."""
AT_MOMENTA = {rf"\beta_{i}": str(beta) for i, beta in enumerate(MOMENTA, 1)}
RUN = Instance(None, {r"\eta": str(RATE), "w_1": str(START[0]), "w_2": str(START[1])})
NAMES = ("first", "second", "third", "fourth")
DIGITS = 12
"""Of the enclosed norms, which are stated to six digits."""


def stated_limit(says: Statement, index: int) -> tuple[arb, arb]:
    """The limit at the place and with the numbers that are stated."""
    at, run = says["place"], says["run"]
    beta, start = says["momenta"][rf"\beta_{index + 1}"], (run["w_1"], run["w_2"])
    return limit(at["x"], at["y"], beta, DIGITS, run[r"\eta"], start)


def stated_norm(says: Statement, index: int) -> arb:
    """The norm of that limit."""
    with precision(60):
        w1, w2 = stated_limit(says, index)
        return (w1 * w1 + w2 * w2).sqrt()


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
                "run": RUN,
                "momenta": Instance(None, AT_MOMENTA),
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


FIRST = ("0.215259", "0.231820", "0.317969", "-0.828656")


def on_the_curve(says: Statement, settings: Settings) -> Evidence:
    """The product of the weights of each limit, enclosed."""
    at, found = says["place"], list[arb]()
    with precision(60):
        product = says.number("product", x=at["x"], y=at["y"])
        for i in range(len(MOMENTA)):
            try:
                first, second = stated_limit(says, i)
            except ArithmeticError as error:
                return Evidence(False, str(error))
            found.append(first * second)
        met = all(p.contains(product) and p.rad() < 1e-9 for p in found)
    return Evidence(met, ", ".join(p.str(10, radius=False) for p in found))


@claim(
    "ghosh2023.figure-minima",
    catalogue="A37",
    where="section 4.1 (a)",
    printed=read(r"lie on the global minima curve"),
)
def figure_minima() -> Claim:
    r"""The enclosure of a limit rests on a bound of the rest of the path by a geometric series,
    along which $E$ falls to $0$. For a large $x$ the steps are too long and there is no limit: the
    text does not give $(x,y)$.
    """

    def floats(says: Statement, settings: Settings) -> tuple[bool, str]:
        x, y = (float(sympy.Rational(says["place"].numbers[name])) for name in "xy")
        rate, *start = (float(sympy.Rational(text)) for text in says["run"].numbers.values())
        wanted, products = float(says.expr("product").subs({X: x, Y: y})), list[float]()
        for text in says["momenta"].numbers.values():
            beta, w, v = float(sympy.Rational(text)), np.array(start), np.zeros(2)
            for _ in range(20000):
                pull = rate * (1 - beta) * (y - w[0] * w[1] * x) * x
                v = beta * v + pull * w[::-1]
                w = w + v
                if not np.all(np.abs(w) < 1e6):
                    return False, f"no limit for beta = {beta}"
            products.append(float(w[0] * w[1]))
        return bool(np.allclose(products, wanted, rtol=1e-9, atol=0)), f"{products}"

    def of(index: int) -> Any:
        return lambda says, settings: float(stated_limit(says, index)[0].mid())

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"On {E_OF_W} with {{place}}, heavy ball with the effective learning rate and from "
            r"the start {run} has for {momenta} in turn limits with $w^*_1w^*_2={product}$, where "
            r"$w^*_1$ is {first}, {second}, {third} and {fourth}.",
            {
                "product": Value(Y / X),
                "place": Instance(None, {"x": "3/2", "y": "3/5"}),
                "run": RUN,
                "momenta": Instance(None, AT_MOMENTA),
                **{name: Number(first) for name, first in zip(NAMES, FIRST, strict=True)},
            },
        ),
        misprint={"place": Instance(None, {"x": 20, "y": "3/5"})},
        premise="place",
        because=r"for a large $x$ the steps are too long, and there is no limit; the text does not "
        r"give $(x,y)$.",
        checks=(
            Check("enclosures of the limits", Kind.BALL, on_the_curve, refutes=True),
            exact("iterates in floats", Kind.SIMULATION, floats, refutes=True),
            *(
                measured(f"{name} limit, enclosed", of(i), number=name, kind=Kind.BALL)
                for i, name in enumerate(NAMES)
            ),
        ),
    )


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
