"""Adam as a differential equation: Barakat and Bianchi (2021), "Convergence and dynamical behavior
of the Adam algorithm for nonconvex stochastic optimization".

Its momenta are tied to the step: a and b are the rates at which the two averages follow.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from flint import arb, arb_poly, arb_series, fmpq, fmpq_series

from derive.language.formula import H
from derive.optimizers import NONLINEAR
from verify.claims.checks.identities import exact, marked, noted
from verify.claims.checks.stated import for_losses, observed, switches
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, second_hand
from verify.claims.slots import Losses, Order, Relation, Value, When
from verify.claims.statement import Statement, Type
from verify.running.families import starting_point
from verify.running.losses import Loss
from verify.running.numbers import MPFR, precision
from verify.running.orders import observed_order
from verify.running.reals import REAL, Real, reals

Number = Any
State = tuple[np.ndarray, np.ndarray, np.ndarray]
HALF = sympy.Rational(1, 2)
ADAM = NONLINEAR["adam-corrected"]
A, B = sympy.symbols("a b")
EPS = fmpq(1, 5)
AT = {"a": fmpq(3, 2), "b": fmpq(2, 3)}
"""The rates of the runs."""
EQUATION = (
    r"$\dot x:=-\hat m/(\sqrt{\hat v}+\varepsilon)$, $\dot m:=a(\nabla E-m)$, "
    r"$\dot v:=b((\nabla E)^2-v)$, $\hat m:=m/(1-e^{-at})$, $\hat v:=v/(1-e^{-bt})$"
)


def momenta(says: Statement, h: fmpq) -> dict[str, Real]:
    """beta1 and beta2 as stated, at the rates of the runs."""
    values = {name: MPFR.convert(value) for name, value in (AT | {"h": h}).items()}
    both = zip(("beta1", "beta2"), ("first", "second"), strict=True)
    return {name: Real(says.number(slot, **values)) for name, slot in both}


def step_error(says: Statement, loss: Loss, start: Sequence[fmpq], h: fmpq) -> float:
    """How far one declared step leads from the stated equation, over h."""
    size, rates = len(start), [REAL.convert(r) for r in AT.values()]
    grad = loss.gradient_function(MPFR)
    clock = REAL.convert(says.number("clock")) if "clock" in says.slots else REAL.convert(fmpq(0))

    def gradient(x: np.ndarray) -> np.ndarray:
        return reals([Real(g) for g in grad(np.array([p.value for p in x]))])

    eps, long, now = REAL.convert(EPS), REAL.convert(h), REAL.convert(fmpq(7, 8))

    def speed(state: State, at: Number) -> State:
        x, m, v = state
        g = gradient(x)
        old = [1 - np.exp(-r * at) for r in rates]
        moved = -(m / old[0]) / (np.sqrt(v / old[1]) + eps)
        return moved, (g - m) * rates[0], (g * g - v) * rates[1]

    def after(state: State, at: Number, time: Number) -> State:
        """One step of the classical Runge-Kutta method, whose error is of fifth order in time."""

        def ahead(by: State, part: Number) -> State:
            x, m, v = (p + q * part for p, q in zip(state, by, strict=True))
            return x, m, v

        one = speed(state, at)
        two = speed(ahead(one, time / 2), at + time / 2)
        three = speed(ahead(two, time / 2), at + time / 2)
        four = speed(ahead(three, time), at + time)
        total = [p + q * 2 + r * 2 + s for p, q, r, s in zip(one, two, three, four, strict=True)]
        return ahead((total[0], total[1], total[2]), time / 6)

    one = reals([REAL.convert(fmpq(i + 2, 5)) for i in range(size)])
    here = (reals([REAL.convert(p) for p in start]), one, one * one + REAL.convert(fmpq(1, 3)))
    x = after(here, now, clock * long)[0]
    count = int(fmpq(7, 8) / h)
    values = momenta(says, h) | {"eps": eps}
    stepped, memory = ADAM.step(
        x, [here[1], here[2], REAL.convert(fmpq(count))], gradient, long, values
    )
    there = after(here, now, long)
    last = after(here, now, long + clock * long)[0]
    gaps = [*(stepped - last), *(memory[0] - there[1]), *(memory[1] - there[2])]
    return max(abs(float(gap)) for gap in gaps) / float(h)


def one_step(says: Statement, loss: Loss, draw: random.Random) -> bool:
    """A step from the stated equation stays on it to the stated order."""
    start = starting_point(draw, loss.dimension)
    with precision(60):
        errors = [step_error(says, loss, start, fmpq(1, 2**j)) for j in range(18, 23)]
    return observed_order(errors).supports(says["order"].power)


def slope(x: Number) -> Number:
    """The gradient of x^4/8 + x^2/2."""
    return x * x * x / 2 + x


TERMS, PIECES = 26, 16
BEGIN = fmpq(2)


def expansion(x: arb, m: arb, v: arb, now: fmpq) -> list[arb_series]:
    """x, m, v in powers of the time from now on, of the stated equation."""
    s = arb_series([0, 1], prec=TERMS + 1)
    faded = []
    for rate in AT.values():
        old = 1 - (-(s + now) * rate).exp()
        faded.append(arb_series([old[i + 1] for i in range(TERMS)], prec=TERMS) if not now else old)

    def averaged(start: arb, rate: fmpq, seen: arb_series) -> arb_series:
        terms = [start]
        for n in range(TERMS):
            terms.append((seen[n] - terms[n]) * rate / (n + 1))
        return arb_series(terms, prec=TERMS + 1)

    series = arb_series([x], prec=TERMS + 1)
    first, second = series, series
    for _ in range(TERMS):
        g = slope(series)
        first, second = averaged(m, AT["a"], g), averaged(v, AT["b"], g * g)
        both = [first, second]
        if not now:  # both averages begin at 0: a power of the time is divided out
            both = [arb_series([p[i + 1] for i in range(TERMS)], prec=TERMS) for p in both]
        young, old = (p / q for p, q in zip(both, faded, strict=True))
        series = (-young / (old.sqrt() + EPS)).integral() + x
    return [series, first, second]


def at(series: arb_series, time: fmpq) -> arb:
    """The middle of the value of a series."""
    return arb_poly([series[i] for i in range(TERMS)])(arb(time)).mid()


def continuous(says: Statement, start: arb, h: fmpq, steps: int) -> list[float]:
    """x of the stated equation at the times that belong to the iterates."""
    clock = says.number("clock") if "clock" in says.slots else fmpq(0)
    x, m, v = start, arb(0), arb(0)
    found, now = list[float](), fmpq(0)
    while len(found) <= steps:
        parts = expansion(x, m, v, now)
        end = now + fmpq(1, PIECES)
        while len(found) <= steps and (len(found) + clock) * h <= end:
            found.append(float(at(parts[0], (len(found) + clock) * h - now)))
        x, m, v = (at(part, fmpq(1, PIECES)) for part in parts)
        now = end
    return found


def beside(says: Statement, settings: Settings) -> list[tuple[float, float]]:
    """How far Adam is from the stated equation, most and at last, at shorter and shorter steps."""
    found = list[tuple[float, float]]()
    for j in range(4, 9):
        with precision(30):
            h, g = fmpq(1, 2**j), slope(BEGIN)
            long, zero = REAL.convert(h), reals([REAL.convert(fmpq(0))])
            shift = h * says.number("shift") * g / (g + EPS) if "shift" in says.slots else fmpq(0)
            path = continuous(says, arb(BEGIN + shift), h, 2**j)
            values = momenta(says, h) | {"eps": REAL.convert(EPS)}
            x, memory = reals([REAL.convert(BEGIN)]), (zero, zero, REAL.convert(fmpq(0)))
            apart = list[float]()
            for there in path[1:]:
                x, memory = ADAM.step(x, memory, slope, long, values)
                apart.append(abs(float(x[0]) - there))
        found.append((max(apart), apart[-1]))
    return found


CHECKS = (
    for_losses("one step from the equation", one_step),
    observed("observed order", beside),
)
"""One step anywhere, and all steps from the start."""
ITERATES = (
    r"$x_{k+1}:=x_k-h\hat m_{k+1}/(\sqrt{\hat v_{k+1}}+\varepsilon)$, with bias correction and "
    r"full batches,"
)


@claim(
    "barakat2021.continuous-adam",
    catalogue="F07",
    where="Theorem 3.1",
    printed=second_hand(r"in the regime $1-\beta_1\approx a\gamma$", "claims-next, F07"),
)
def continuous_adam() -> Claim:
    r"""Both averages take a step of Euler's method in every step of Adam, and $x$ one that reads
    them a step late: the order is that of Euler's method. $\beta_1^k$ is $e^{-at}$ up to $O(h)$.
    Nothing here asks for $b\le4a$.
    """
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"The iterates of Adam, {ITERATES} are {{order}}-close, {{when}}, at the times "
            rf"$t:=kh$ to {EQUATION}, from $x_0$ and $m,v:=0$ at $t:=0$, with $\beta_1={{first}}$, "
            r"$\beta_2={second}$, for {losses}.",
            {
                "first": Value(1 - A * H),
                "second": Value(1 - B * H),
                "order": Order(1),
                "when": When.EVERY_STEP,
            }
            | {"losses": Losses.EVERY},
        ),
        checks=CHECKS,
    )


@claim("barakat2021.leapfrog", catalogue="F07", where="the next order, derived here", printed=OURS)
def leapfrog() -> Claim:
    r"""The averages turn to a gradient that is taken in the middle of their step, $x$ moves along a
    quotient that is read in the middle of its own: Adam is the leapfrog of the equation, if $x_k$
    stands half a step later than $m_k$. An average of a constant moves by the factor
    $\beta_1=e^{-ah}$ in a step, exactly.
    """

    def opening(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The stated start is where the equation begins to be at x_0 when iterate 0 is met."""
        with precision(settings.digits):
            begin = expansion(arb(BEGIN), arb(0), arb(0), fmpq(0))
            speed, size = begin[0][1], arb(slope(BEGIN))
            gap = says.number("shift") * size / (size + EPS) + says.number("clock") * speed
            return gap.contains(0) and gap.rad() < 1e-20, f"{gap.str(5)} h away"

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"The iterates of Adam, {ITERATES} are {{order}}-close, {{when}}, at the times "
            rf"$t:=(k{{+clock}})h$ to {EQUATION}, with $\beta_1={{first}}$, "
            r"$\beta_2={second}$, from $x={shift}\,hg_0/(\lvert g_0\rvert+\varepsilon)+x_0$, "
            r"$g_0:=\nabla E(x_0)$, and $m,v:=0$ at $t:=0$, for {losses}.",
            {"first": Value(sympy.exp(-A * H)), "second": Value(sympy.exp(-B * H))}
            | {"clock": Value(HALF), "shift": Value(HALF), "order": Order(2)}
            | {"when": When.EVERY_STEP, "losses": Losses.EVERY},
        ),
        checks=(*CHECKS, exact("series of the start", Kind.BALL, opening)),
    )


FAR = fmpq(10**12)
"""The root of the second moment over epsilon, where the energy falls most slowly."""


def energy_change(a: fmpq, b: fmpq, root: fmpq) -> fmpq:
    """The change of F + m^2/(2U) per time, late, at a point with F' = S = 0, m = eps = 1."""
    m = fmpq_series([1, -a], prec=2)
    below = fmpq_series([1 + root, -b * root / 2], prec=2)  # v' = -b v, the root of v
    return (m * m / below)[1] / (2 * a)


@claim(
    "barakat2021.energy",
    catalogue="F07",
    where="the condition on a and b",
    printed=OURS,
)
def energy() -> Claim:
    r"""With $U=a(1-e^{-at})(\varepsilon+\sqrt{\hat v})$ the energy changes by the sum of
    $-\frac{m^2}U(a+\frac{U'}{2U})$, and $\frac{U'}U\ge\frac{ae^{-at}}{1-e^{-at}}
    -\frac b{2(1-e^{-bt})}\frac{\sqrt{\hat v}}{\varepsilon+\sqrt{\hat v}}$ with equality where
    $S=0$. With $y=e^{-at}$ and $b=4a$ what is left of the bracket is above
    $\frac{a(y+y^2+y^3-y^4)}{2(1-y^4)}>0$; where $b>4a$ it is negative late in the run and for large
    $v$. The condition is for this energy; closeness needs none.
    """

    def falls(says: Statement, b: fmpq, point: dict[str, fmpq]) -> bool:
        draw = random.Random(int(point["a"].p))
        roots = [FAR, *(fmpq(draw.randint(1, 900), 10) for _ in range(5))]
        return all(energy_change(point["a"], b, root) < 0 for root in roots)

    def value(says: Statement, draw: random.Random) -> tuple[fmpq, dict[str, fmpq]]:
        point = {"a": fmpq(draw.randint(1, 40), 10)}
        return says.number("most", **point), point

    def bracket(says: Statement, settings: Settings) -> tuple[bool, str]:
        """At all times: the least of the bracket, where the root is large, as a function of y."""
        y, w = sympy.symbols("y w", positive=True)
        ratio = sympy.cancel(says.expr("most") / A)
        if ratio.free_symbols or 1 - ratio / 4 != 0:  # the bracket as t grows, over a
            return False, f"at b = {ratio} a it is {1 - ratio / 4} a in the end"
        least = 1 + y / (2 * (1 - y)) - ratio / (4 * (1 - y**ratio))
        signs = [
            sympy.Poly(part, w).all_coeffs()
            for part in sympy.fraction(sympy.cancel(least.subs(y, 1 / (1 + w))))
        ]
        noted(marked(says).expr("most") / A, sympy.Integer(4), equal=True)
        above = all(c >= 0 for c in signs[0]) and all(c >= 0 for c in signs[1])
        return above, f"{sympy.factor(least)} above 0 for 0 < y < 1"

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"Along $\dot x:=-\hat m/(\sqrt{\hat v}+\varepsilon)$, $\dot m:=a(\nabla F-m)$, "
            r"$\dot v:=b(S-v)$ the energy $V:=F(x)+\frac12\sum_im_i^2/U_i$, "
            r"$U:=a(1-e^{-at})(\varepsilon+\sqrt{\hat v})$, falls wherever $m$ is not the zero "
            r"vector, at every time and for all $F$, $S$ and $\varepsilon$, where "
            r"$b${relation}${most}$, and only there.",
            {"relation": Relation.AT_MOST, "most": Value(4 * A, "threshold")},
        ),
        checks=(
            switches("energy along the equation", falls, value),
            exact("bracket at all times", Kind.SYMBOLIC, bracket),
        ),
    )
