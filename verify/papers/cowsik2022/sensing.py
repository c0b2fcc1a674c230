"""Matrix sensing: Cowsik, Can and Glorioso (2022), appendices A.2 and D."""

from __future__ import annotations

import random
from itertools import product

import sympy
from flint import fmpq, fmpq_mat, fmpq_mpoly

from verify.claims.checks.identities import exact, marked, noted
from verify.claims.claim import LOST, Claim, Kind, Settings, claim, read
from verify.claims.slots import Choice, Value
from verify.claims.statement import Statement, Type
from verify.models.linear_networks import (
    Fitted,
    Sensing,
    random_matrix,
    rows,
    squared,
    times,
    trace,
)
from verify.papers.cowsik2022.networks import (
    Symbolic,
    Where,
    covariance_is,
    covariance_with_symbols,
    on_and_off,
    with_symbols,
)

A, B, EPSILON, P = sympy.symbols("a b epsilon P")
SENSING_LOSS = r"matrix sensing with the loss $L:=\frac1{2P}\sum_i(y_i-\mathrm{Tr}A_iUV)^2$"


def sensing(draw: random.Random) -> Sensing:
    return Sensing.random(draw, measurements=draw.randint(1, 4))


@claim(
    "cowsik2022.sensing-trace",
    catalogue="B27",
    where="Appendix D, equation (129)",
    printed=LOST,
)
def sensing_trace() -> Claim:
    r"""$f_i=\mathrm{Tr}(A_iUV)$: the derivative by $U$ is $(VA_i)^T$, that by $V$ is $(A_iU)^T$. As
    in the UV model the residuals do not enter the diagonal.
    """

    def equal(says: Statement, model: Fitted, hessian: fmpq_mat) -> bool:
        if not isinstance(model, Sensing):
            raise TypeError(type(model).__name__)
        sums = model.quantities(model.weights)
        return says.equals("value", trace(hessian), P=fmpq(model.samples), **sums)

    def difference(says: Statement, model: Fitted, written: Symbolic) -> fmpq_mpoly:
        if not isinstance(model, Sensing):
            raise TypeError(type(model).__name__)
        sums = model.quantities(written.weights)
        return says.number("value", P=fmpq(model.samples), **sums) - written.trace

    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"In {SENSING_LOSS}, with $a:=\sum_i\lVert VA_i\rVert_F^2$ and "
            r"$b:=\sum_i\lVert A_iU\rVert_F^2$, {where} $\mathrm{Tr}\,H={value}$.",
            {"value": Value((A + B) / P), "where": Where.ANYWHERE},
        ),
        checks=(
            on_and_off("Hessian at random matrices", sensing, equal),
            with_symbols("differentiated loss", sensing, difference),
        ),
    )


@claim(
    "cowsik2022.sensing-noise",
    catalogue="B27",
    where="Appendix D, equation (130)",
    printed=LOST,
)
def sensing_noise() -> Claim:
    r"""As in the UV model: the gradient's noise is $-\frac\epsilon P\sum_i\xi_i\nabla f_i$, and
    $H=\frac1P\sum_i\nabla f_i\nabla f_i^T$ where the residuals vanish.
    """
    return Claim(
        says=Statement(
            Type.EQUALITY,
            rf"In {SENSING_LOSS} label noise of size $\epsilon$ gives the gradient, {{where}}, the "
            r"covariance $\sigma\sigma^T={factor}\,\epsilon^2H$.",
            {"factor": Value(1 / P), "where": Where.VALLEY},
        ),
        checks=(
            on_and_off("all labels of +-1", sensing, covariance_is),
            with_symbols("differentiated loss", sensing, covariance_with_symbols),
        ),
    )


class Entries(Choice):
    """How the entries of a random matrix go together."""

    INDEPENDENT = "independent entries"
    EQUAL = "entries that are all the same"


@claim(
    "cowsik2022.sensing-test-error",
    catalogue="B32",
    where="Appendix A.2, equation (13)",
    printed=read(
        "the expected test that we plot is proportional to the squared Frobenius norm of the"
    ),
)
def sensing_test_error() -> Claim:
    r"""$\mathbb E[(\sum_{ij}A_{ij}D_{ji})^2]=\sum_{ij}D_{ji}^2$ where the entries of $A$ have no
    correlations, with $D$ the difference of the two matrices; the noise in the label adds its
    variance.
    """

    def mean(says: Statement, settings: Settings) -> tuple[bool, str]:
        """Over all signs of the entries and of the noise."""
        draw = random.Random(settings.seed)
        for _ in range(4):
            gap = random_matrix(draw, 2, 2)
            size = fmpq(draw.randint(1, 9), 4)
            alike = says["entries"] is Entries.EQUAL
            signs = [s * 4 for s in ((1,), (-1,))] if alike else product((1, -1), repeat=4)
            squares = [
                (trace(fmpq_mat(times(rows(list(map(fmpq, s)), 2), gap))) + size * noise) ** 2
                for s in signs
                for noise in (1, -1)
            ]
            found = sum(squares, fmpq(0)) / len(squares)
            told = says.number("factor") * squared(gap) + says.number("noise", epsilon=size)
            if found != told:
                return False, f"the mean is {found}, not {told}"
        return True, "means over all signs, 4 random matrices"

    def moments(says: Statement, settings: Settings) -> tuple[bool, str]:
        """With symbols: only squares of entries keep a mean."""
        a, d = (sympy.symbols(f"{name}:4") for name in "ad")
        xi, e = sympy.symbols("xi epsilon")
        alike = says["entries"] is Entries.EQUAL
        form = sum(x * y for x, y in zip([a[0]] * 4 if alike else a, d, strict=True)) + e * xi
        powers = sympy.Poly(sympy.expand(form**2), *a, xi).terms()
        kept = sum((c for exponents, c in powers if max(exponents) == 2), sympy.Integer(0))
        told, written = (
            form.expr("factor") * sum(y**2 for y in d) + form.expr("noise")
            for form in (says, marked(says))
        )
        equal = sympy.expand(kept - told) == 0
        return noted(written, kept, equal), "second moments with symbols for the matrices"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"In matrix sensing with $A$ of {entries} of mean zero and variance one, and label "
            r"noise of size $\epsilon$, the mean of $(\mathrm{Tr}A(UV-M)+\epsilon\xi)^2$ over $A$ "
            r"and $\xi$ is ${factor}\,\lVert UV-M\rVert_F^2{+noise}$.",
            {
                "factor": Value(sympy.Integer(1)),
                "noise": Value(EPSILON**2),
                "entries": Entries.INDEPENDENT,
            },
        ),
        checks=(
            exact("all signs of the entries", Kind.ENUMERATION, mean),
            exact("second moments", Kind.SYMBOLIC, moments),
        ),
    )
