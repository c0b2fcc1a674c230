"""Averages of gradients that go through any map: what a step between them and the loss adds.

`E` is the loss, `K` any smooth function of the averaged gradient, `m` the average with beta_2.
"""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import sympy
from flint import fmpq

from derive.engine.invariant_manifold import general_flow
from derive.language.formula import BETA, K
from derive.optimizers import NONLINEAR
from verify.claims.checks.averaged_past import BETA1, BETA2, Average, MomentRule
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical, noted
from verify.claims.claim import OURS, Check, Claim, Kind, Settings, claim, on
from verify.claims.equality import in_ring
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type

LION_K = NONLINEAR["lion-k"]
ITERATES = (
    r"$x_{k+1}:=x_k-h\nabla K(\beta_1m_k+(1-\beta_1)\nabla E(x_k))$, "
    r"$m_{k+1}:=\beta_2m_k+(1-\beta_2)\nabla E(x_k)$"
)
KEPT = 1 - BETA2


def curved(c: Any) -> Any:
    """The derivative of a K that is neither even nor a power."""
    return c + c**2 / 5


def by_engine(order: int, parts: dict[str, tuple[str, ...]], *, sign: int = 1) -> Check:
    """The term of this order of the flow, for a K of which nothing is known.

    Args:
        parts: by slot, what stands in the derivative of K: a vector of gradients of K each.
    """

    def judge(says: Statement, settings: Settings) -> tuple[bool, str]:
        flow = general_flow(LION_K, order=order + 1)
        left = flow.algebra.unnamed(flow.flow["x"][order])
        for name, shape in parts.items():
            found, left = taken_out(left, shape)
            equal = not in_ring(found - sign * says.expr(name))
            if not noted(says.expr(name), sign * found, equal):
                return False, f"{name}: {found}"
        return not left, "the term of the engine" if not left else "there is more"

    return exact("flow of the engine", Kind.SYMBOLIC, judge)


def taken_out(term: Any, shape: tuple[str, ...]) -> tuple[sympy.Expr, Any]:
    """The weight of a derivative of K in a term, and what the term is without it."""
    symbol = next(s for s in term.symbols if s.kind == "field" and _shape(s) == shape)
    weight = term.derivative(symbol)
    return sympy.sympify(_plain(weight)), term - weight * term.algebra.variable(symbol)


def _shape(s: Any) -> tuple[str, ...]:
    """What a derivative of K is applied to, each argument by its name."""
    return tuple(sorted(repr(v) for _, v in s.data[2]))


def _plain(weight: Any) -> sympy.Expr:
    algebra = weight.algebra

    def written(polynomial: Any) -> sympy.Expr:
        total = sympy.Integer(0)
        for exponents, value in polynomial.to_dict().items():
            powers = [
                sympy.Symbol(algebra.symbols[i].name) ** n for i, n in enumerate(exponents) if n
            ]
            total += sympy.Mul(sympy.Rational(int(value.p), int(value.q)), *powers)
        return total

    return written(weight.num) / written(weight.den)


@claim("undertow.any-map", catalogue="F01", where="linear memory, nonlinear readout", printed=OURS)
def any_map() -> Claim:
    r"""Past gradients are $\nabla E(x-jhx')$, so that the average that is read is
    $g-h\frac{\beta_1}{1-\beta_2}Hx'$ with $x'=-\nabla K(g)$: its mean age is
    $\beta_1/(1-\beta_2)$. Half a step more comes from the step itself. Both are
    $D\nabla K(g)$ applied to $H\nabla K(g)=\nabla(K(\nabla E))$, for any $K$.
    """
    past = MomentRule(LION_K, {"m": Average("beta2")}, through=curved)
    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"Through the term in $h$ the modified flow of {ITERATES}, is that of "
            r"$-\nabla K(\nabla\tilde E)$ with $\tilde E={weight}hK(\nabla E)+E$.",
            {"weight": Value(sympy.Rational(1, 2) + BETA1 / KEPT)},
        ),
        checks=(
            past.by_running(lambda says, at: -says.number("weight", **at), over_slope=True),
            by_engine(1, {"weight": ("E[kappa]",)}, sign=-1),
        ),
    )


@cache
def _left_by_a_step(beta1: str, beta2: str) -> sympy.Expr:
    """The h^3 term of a step from the averages of the past less the flow, at a point of a line,
    in the weights bend_, fork_ and chain_."""
    x, h, j = sympy.symbols("x h j")
    b1, b2 = sympy.Rational(beta1), sympy.Rational(beta2)
    g = 1 + 2 * x + x**2 / 3
    c = sympy.Symbol("c")
    v, slope, third = (sympy.diff(curved(c), c, n).subs(c, g) for n in range(3))
    gh, gt = sympy.diff(g, x), sympy.diff(g, x, 2)
    bend, fork, chain = sympy.symbols("bend_ fork_ chain_")
    first = -(sympy.Rational(1, 2) + b1 / (1 - b2)) * slope * gh * v
    second = bend * third * (gh * v) ** 2 + fork * slope * gt * v**2
    second += chain * slope * gh * slope * gh * v
    there = sympy.Rational(1, 3)

    def moved(of: sympy.Expr, time: sympy.Expr) -> sympy.Expr:
        """of(x(time)) through h^3, for x' = -v + h first + h^2 second."""
        total, terms = of, {0: of}  # by power of h of the field
        for n in (1, 2, 3):
            turned: dict[int, sympy.Expr] = {}
            for power, term in terms.items():
                for more, speed in enumerate((-v, first, second)):
                    if power + more + n <= 3:
                        part = sympy.expand(sympy.diff(term, x) * speed)
                        turned[power + more] = turned.get(power + more, 0) + part
            terms = turned
            scale = time**n / sympy.factorial(n)
            total += sum((h**p * t * scale for p, t in terms.items()), sympy.Integer(0))
        return sympy.expand(total.subs(x, there))

    past = moved(g, -j * h)
    mean = {1: 1 / (1 - b2), 2: (1 + b2) / (1 - b2) ** 2, 3: (1 + 4 * b2 + b2**2) / (1 - b2) ** 3}
    average = sum((past.coeff(j, n) * mean.get(n, 1) for n in range(4)), sympy.Integer(0))
    read = b1 * average + (1 - b1) * g.subs(x, there)
    gap = moved(x, h) - there + h * curved(read)
    return sympy.expand(gap).coeff(h, 3)


AGES = BETA1 / KEPT
BOTH = sympy.Rational(1, 12)


@claim(
    "undertow.any-map-next", catalogue="F01", where="linear memory, the next order", printed=OURS
)
def any_map_next() -> Claim:
    r"""With the mean $\beta_1/(1-\beta_2)$ and the mean square
    $\beta_1(1+\beta_2)/(1-\beta_2)^2$ of the ages, the average that is read is expanded to $h^2$
    along the flow, and the step is the flow over $h$.
    """
    slots = {
        "bend": Value(-(AGES**2 + AGES) / 2 - BOTH),
        "fork": Value(-BETA1 / KEPT**2 - BOTH),
        "chain": Value(-(BETA1**2 - BETA1 * BETA2 + 2 * BETA1) / KEPT**2 - 4 * BOTH),
    }

    def along_a_line(says: Statement, settings: Settings) -> tuple[bool, str]:
        """Exactly in one variable: the flow's own past goes into the average, a step comes out."""
        draw = random.Random(settings.seed)
        b1, b2 = (fmpq(n, 10) for n in draw.sample(range(1, 10), 2))
        weights = (says.number(name, beta1=b1, beta2=b2) for name in slots)
        pairs = zip(slots, weights, strict=True)
        values = {f"{name}_": sympy.Rational(str(w)) for name, w in pairs}
        left = _left_by_a_step(str(b1), str(b2)).subs(values)
        return left == 0, f"a step leaves {left} at h^3"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"The term in $h^2$ of the modified flow of {ITERATES}, is "
            r"${bend}D\kappa[Hv,Hv]{+fork}K''T[v,v]{+chain}K''HK''Hv$ with $v:=\nabla K(g)$, "
            r"$K'':=\nabla^2K(g)$, $D\kappa:=\nabla^3K(g)$, $g,H,T$ the derivatives of $E$.",
            slots,
        ),
        checks=(
            exact("the flow's own past", Kind.ENUMERATION, along_a_line),
            by_engine(
                2,
                {
                    "bend": ("E[kappa]", "E[kappa]"),
                    "fork": ("E[kappa, kappa]",),
                    "chain": ("E[kappa[E[kappa]]]",),
                },
            ),
        ),
    )


@claim(
    "undertow.corrected-age", catalogue="F05", where="age of a bias-corrected average", printed=OURS
)
def corrected_age() -> Claim:
    r"""The weights $\beta^j$ of the ages $j=0,\dots,k$ sum to $(1-\beta^{k+1})/(1-\beta)$; the mean
    of $j$ is $\beta$ times the logarithmic derivative of the sum by $\beta$.
    """

    def summed(says: Statement, settings: Settings) -> tuple[bool, str]:
        for beta in (fmpq(1, 3), fmpq(9, 10), fmpq(-2, 5)):
            for k in range(12):
                weights = [beta**j for j in range(k + 1)]
                age = sum((j * w for j, w in enumerate(weights)), fmpq(0)) / sum(weights, fmpq(0))
                if says.number("age", k=k, beta=beta) != age:
                    return False, f"{age} at k = {k}, beta = {beta}"
        return True, "the sums of 12 steps, 3 beta"

    def by_logarithm() -> sympy.Expr:
        total = (1 - BETA ** (K + 1)) / ONE_MINUS
        return BETA * sympy.diff(sympy.log(total), BETA)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The mean age of the gradients in $m_k/\sum_j\beta^j$, with $m_{k+1}:=\beta m_k+"
            r"\nabla E$ and the sum over the ages $j$ up to $k$, is ${age}$.",
            {"age": Value(BETA / ONE_MINUS - (K + 1) * BETA ** (K + 1) / (1 - BETA ** (K + 1)))},
        ),
        checks=(
            exact("sums of the first steps", Kind.ENUMERATION, summed),
            on("age", identical("logarithmic derivative", by_logarithm)),
        ),
    )
