"""Sharpness-aware minimization with a normalized ascent, on batches, and at a minimum."""

from __future__ import annotations

import random
from typing import Any

import sympy
from flint import fmpq, fmpq_poly

from derive.batches.minibatch_flow import minibatch_step
from derive.engine.order_h import G, coefficient
from derive.language.formula import Z
from derive.language.trees import tree
from derive.optimizers import NONLINEAR, sam
from verify.claims.checks.identities import exact, identical, marked, noted
from verify.claims.checks.stated import bounded
from verify.claims.checks.valleys import DESCENDS
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, on
from verify.claims.slots import Choice, Point, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import precision
from verify.running.reals import REAL, reals

NORMALIZED = NONLINEAR["sam-normalized"]
RHO, RADIUS = sympy.symbols("rho r")
SHORT = fmpq(1, 10**20)
PYTHAGOREAN = ((3, 4, 5), (5, 12, 13), (-8, 15, 17))
"""Gradients with a rational norm, and that."""
Plane = tuple[fmpq, fmpq]


def drawn_hessian(draw: random.Random) -> tuple[Plane, Plane]:
    """A symmetric matrix."""
    a, b, c = (fmpq(draw.randint(-9, 9), 4) for _ in range(3))
    return (a, b), (b, c)


def times(matrix: tuple[Plane, Plane], vector: Any) -> tuple[Any, Any]:
    """A matrix times a vector of any numbers."""
    (a, b), (c, d) = matrix
    return a * vector[0] + b * vector[1], c * vector[0] + d * vector[1]


@claim("undertow.sam-normalized", catalogue="F11", where="normalized ascent", printed=OURS)
def normalized() -> Claim:
    r"""$\nabla E(x+\rho hg/\lVert g\rVert)=g+\rho hHg/\lVert g\rVert+O(h^2)$, and
    $Hg/\lVert g\rVert$ is the gradient of $\lVert\nabla E\rVert$; the step itself adds
    $\frac h4\lVert\nabla E\rVert^2$.
    """

    def one_step(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The h^2 term of a step on quadratics of the plane, beside that of the stated flow."""
        draw, worst = random.Random(settings.seed), 0.0
        with precision(70):
            h = REAL.convert(SHORT)
            for *gradient, norm in PYTHAGOREAN:
                hessian, rho = drawn_hessian(draw), fmpq(draw.randint(1, 9), 4)
                g = (fmpq(gradient[0]), fmpq(gradient[1]))

                def grad(x: Any, g: Plane = g, hessian: Any = hessian) -> Any:
                    moved = zip(g, times(hessian, x), strict=True)
                    return reals([REAL.convert(a) + b for a, b in moved])

                zero = reals([REAL.convert(fmpq(0))] * 2)
                x, _ = NORMALIZED.step(zero, (), grad, h, {"rho": REAL.convert(rho)})
                radius, step = (says.number(n, rho=rho) for n in ("radius", "step"))
                pull = fmpq(1, 2) - radius / norm - 2 * step
                for one, own, bent in zip(x, g, times(hessian, g), strict=True):
                    told = pull * bent
                    seen = (one + h * REAL.convert(own)) / h / h
                    worst = max(worst, abs(float(seen) - float(told)) / 5)
        return worst < 1e-9, f"{worst:.0e} off"

    def by_engine(says: Statement, settings: Settings) -> tuple[bool, str]:
        c = coefficient(NORMALIZED)
        found = c.subs({s: sympy.Symbol(s.name) for s in c.free_symbols - {G}})
        parts = marked(says)
        left = sympy.cancel(found - says.expr("radius") / G - 2 * says.expr("step"))
        told = parts.expr("radius") / G + 2 * parts.expr("step")
        return noted(told, found, left == 0), f"difference {left}"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Through the term in $h$, $x_{k+1}:=x_k-h\nabla E(x_k+\rho hg/\lVert g\rVert)$, "
            r"$g:=\nabla E(x_k)$, follows the flow of $-\nabla(E{+radius}\,h\sqrt S{+step}\,hS)$, "
            r"$S:=\lVert\nabla E\rVert^2$, where $g$ is not the zero vector.",
            {"radius": Value(RHO), "step": Value(sympy.Rational(1, 4))},
        ),
        checks=(
            exact("one step on quadratics of the plane", Kind.SIMULATION, one_step),
            exact("flow of the engine", Kind.SYMBOLIC, by_engine),
        ),
    )


class Ascent(Choice):
    """On which batch the ascent is."""

    SAME = "on the batch of the step"
    OWN = "on a batch of its own, drawn independently"


Batch = tuple[Plane, tuple[Plane, Plane]]
"""The gradient of a quadratic at the origin, and its Hessian."""


def drawn_batches(draw: random.Random) -> list[Batch]:
    """Three quadratics of the plane, each with a gradient of rational norm."""
    return [((fmpq(a), fmpq(b)), drawn_hessian(draw)) for a, b, _ in PYTHAGOREAN]


def mean_of(vectors: list[Plane]) -> Plane:
    """The mean of vectors."""
    first, second = (sum(row, fmpq(0)) / len(vectors) for row in zip(*vectors, strict=True))
    return first, second


@claim("undertow.sam-batches", catalogue="F11", where="on batches", printed=OURS)
def on_batches() -> Claim:
    r"""The mean of $\nabla E_n(x+\rho h\nabla E_m(x))$ is $\nabla E+\rho h\,\mathbb E H_ng_m$. With
    $m=n$, $H_ng_n$ is half the gradient of $\lVert\nabla E_n\rVert^2$, whose mean is $S+F$. With
    $m$ independent of $n$ the mean of the product is $Hg$: no $F$ is felt.
    """

    def enumerated(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for rho in (fmpq(1, 3), fmpq(5, 2)):
            batches = drawn_batches(draw)
            count, h = len(batches), fmpq_poly([0, 1])
            pairs = [(n, n) for n in range(count)]
            if says["ascent"] is Ascent.OWN:
                pairs = [(n, m) for n in range(count) for m in range(count)]
            found = []
            for n, m in pairs:
                (g, hessian), (up, _) = batches[n], batches[m]
                bent = times(hessian, [rho * h * u for u in up])
                found.append([-h * (a + b) for a, b in zip(g, bent, strict=True)])
            mean = [sum(column, fmpq_poly()) / len(pairs) for column in zip(*found, strict=True)]
            full = times(_mean_hessian(batches), mean_of([g for g, _ in batches]))
            both = mean_of([times(hessian, g) for g, hessian in batches])
            weights = [says.number(name, rho=rho) for name in ("full", "noise")]
            for x, own, each in zip(mean, full, both, strict=True):
                if x[2] != -2 * (weights[0] * own + weights[1] * (each - own)):
                    return False, f"another mean at rho = {rho}"
        return True, "all batches, 2 radii"

    def by_series(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The tree of two nodes, of one colour: half of it, with the sign of f = -grad E."""
        weight = -minibatch_step(sam, order=2, k=0)[tree("[[]]")].as_expr() / 2
        felt = weight if says["ascent"] is Ascent.SAME else 0
        left = [sympy.cancel(weight - says.expr("full")), sympy.cancel(felt - says.expr("noise"))]
        told = marked(says).expr("noise")
        noted(told, sympy.sympify(felt), left[1] == 0)
        return left == [0, 0], f"differences {left[0]}, {left[1]}"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"With the ascent {ascent}, the mean of a step $-h\nabla E_n(x_k+\rho h\nabla "
            r"E_m(x_k))$ is through the second power of $h$ the step $-h\nabla(E{+full}hS{+noise}"
            r"hF)$, $S:=\lVert\nabla E\rVert^2$, $F:=\mathbb E\lVert\nabla E_n-\nabla E\rVert^2$.",
            {"ascent": Ascent.SAME, "full": Value(RHO / 2), "noise": Value(RHO / 2)},
        ),
        checks=(
            exact("every batch", Kind.ENUMERATION, enumerated),
            exact("coloured series of a step", Kind.SYMBOLIC, by_series),
        ),
    )


def _mean_hessian(batches: list[Batch]) -> tuple[Plane, Plane]:
    first, second = (mean_of([hessian[i] for _, hessian in batches]) for i in range(2))
    return first, second


@claim("undertow.sam-at-a-minimum", catalogue="F11", where="where g vanishes", printed=OURS)
def at_a_minimum() -> Claim:
    r"""On a mode $x\mapsto x-h\lambda(x+r\operatorname{sign}x)$: the size goes to
    $\lvert(1-h\lambda)\lvert x\rvert-h\lambda r\rvert$ and its fixed point with a change of sign is
    the solution of $a=h\lambda r-(1-h\lambda)a$. The flow of $-\nabla(E+r\lVert\nabla E\rVert)$
    comes to rest.
    """

    def settles(says: Statement, point: Point, settings: Settings) -> bool:
        h, radius = fmpq(1, 3), fmpq(5, 2)
        curvature = point["z"] / h
        size = says.number("size", z=point["z"], r=radius)

        def step(x: fmpq) -> fmpq:
            return x - h * curvature * (x + (radius if x > 0 else -radius))

        if not size > 0 or step(size) != -size or step(-size) != size:
            return False
        x = size * fmpq(9, 8)
        for _ in range(150):  # what is left falls to 9/10 a step or faster, for z in (1/10, 19/10)
            x = step(x)
        return bool(abs(abs(x) - size) < fmpq(1, 10**6) * size)

    def solved() -> sympy.Expr:
        a = sympy.Symbol("a")
        return sympy.solve(a - Z * (a + RADIUS) + a, a)[0]

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"On a mode of curvature $\lambda$, with a fixed radius $r$ and $z:=h\lambda$, "
            r"$x_{k+1}:=x_k-h\nabla E(x_k+rg/\lVert g\rVert)$ from nearby tends to jumps between "
            r"two points at the distance ${size}$ from the minimum, for {domain}.",
            {"size": Value(Z * RADIUS / (2 - Z)), "domain": DESCENDS},
        ),
        checks=(
            bounded("runs on a mode", settles, kind=Kind.ENUMERATION),
            on("size", identical("fixed point with a change of sign", solved)),
        ),
    )
