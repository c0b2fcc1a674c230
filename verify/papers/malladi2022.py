"""Larger batches for Adam: Malladi, Lyu, Panigrahi and Arora (2022), "On the SDEs and scaling rules
for adaptive gradient algorithms", as recalled.

On one mode, exactly. kappa is how much larger a batch is, s the standard deviation of its noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy
from flint import fmpq

from derive.language.formula import H
from verify.claims.checks.identities import exact, noted
from verify.claims.checks.stated import tends
from verify.claims.checks.valleys import pair_sum
from verify.claims.claim import RECALLED, Claim, Kind, Settings, claim
from verify.claims.slots import Order, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import ema_mode
from verify.running.numbers import MPFR, precision, sqrt

KAPPA, LAMBDA, S, EPSILON = sympy.symbols("kappa lambda s epsilon", positive=True)
AT = {"lambda": fmpq(3, 2), "s": fmpq(2, 3), "epsilon": fmpq(1, 5), "c": fmpq(4), "kappa": fmpq(3)}
"""A mode, its noise, and (1 - beta_1)/h = c; kappa is in the formulas what it is here."""
HALVINGS = range(12, 17)
Run = dict[str, Any]


def scaled(says: Statement, h: fmpq, *, larger: bool) -> Run:
    """Step, noise, epsilon and 1 - beta_1, with the batches that are kappa times as large."""
    factors = {"step": 1, "kept": 1, "small": 1}
    if larger:
        kappa = MPFR.convert(AT["kappa"])
        factors = {name: kappa ** MPFR.convert(says.number(name)) for name in factors}
    noise = sqrt(MPFR.convert(1 / AT["kappa"])) if larger else 1
    return {
        "h": MPFR.convert(h) * factors["step"],
        "s": MPFR.convert(AT["s"]) * noise,
        "epsilon": MPFR.convert(AT["epsilon"]) * factors["small"],
        "q": MPFR.convert(AT["c"] * h) * factors["kept"],
    }


def rational(value: Any) -> fmpq:
    """A multiprecision number as it is."""
    top, bottom = value.as_integer_ratio()
    return fmpq(int(top), int(bottom))


def variance(run: Run) -> tuple[Any, Any]:
    """The stationary variance of the mode and the effective step, by declared steps, with the
    second moment at its mean s^2 + lambda^2 times that variance."""
    curvature, own = MPFR.convert(AT["lambda"]), MPFR.convert(fmpq(0))
    step = run["h"]
    for _ in range(9):
        step = run["h"] / (sqrt(run["s"] ** 2 + curvature**2 * own) + run["epsilon"])
        one = pair_sum(ema_mode, rational(step), rational(1 - run["q"]), AT["lambda"], AT["lambda"])
        own = run["s"] ** 2 * MPFR.convert(one)
    return own, step


def rates(run: Run) -> tuple[Any, Any]:
    """The sum and the product of both decay rates of a step, from its step matrix."""
    _, step = variance(run)
    matrix = ema_mode(rational(step), rational(1 - run["q"]), AT["lambda"]).matrix
    trace, determinant = matrix[0, 0] + matrix[1, 1], matrix.det()
    return MPFR.convert(2 - trace), MPFR.convert(1 - trace + determinant)


@claim(
    "malladi2022.square-root-scaling",
    catalogue="F10",
    where="square root scaling rule, as recalled",
    printed=RECALLED,
)
def square_root_scaling() -> Claim:
    r"""The quotient $\eta:=h/(\sqrt v+\varepsilon)$ becomes $\kappa\eta$ where noise is all of
    $v$, and a variance $\frac{\eta s^2}{2\lambda}+O(h^2)$ stays; its two rates in a step are the
    roots of $r^2-(1-\beta_1)r+(1-\beta_1)\eta\lambda$ and grow $\kappa$ times, as there are
    $\kappa$ times fewer steps. But $v$ has $\lambda^2V$ of the signal too, which does not shrink
    with $\kappa$: $\eta$ is smaller by $\frac{\lambda hs}{4(s+\varepsilon)^2}$ of it, and then by
    $\kappa$ times that. Without noise nothing of it holds: a step of $\sqrt\kappa h$ would stand
    for $\kappa$ steps of $h$.
    """
    values = {str(s): AT[str(s)] for s in (KAPPA, LAMBDA, S, EPSILON)}

    def left(says: Statement, settings: Settings) -> Sequence[Any]:
        found = list[Any]()
        with precision(50):
            for j in HALVINGS:
                h = fmpq(1, 2**j)
                (own, _), (other, _) = (variance(scaled(says, h, larger=b)) for b in (False, True))
                told = MPFR.convert(says.number("first", **values) * h)
                found.append(other / own - 1 - told)
        return found

    def same_rates(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The rates of a step times h, in the limit: kappa times larger."""
        kappa, apart = MPFR.convert(AT["kappa"]), list[float]()
        with precision(50):
            for j in (40, 60):
                h = fmpq(1, 2**j)
                pairs = (rates(scaled(says, h, larger=b)) for b in (False, True))
                (total, product), (more, larger) = pairs
                apart.append(abs(float(more / total / kappa) - 1))
                apart[-1] += abs(float(larger / product / kappa**2) - 1)
        return apart[1] < 1e-9, f"{apart[1]:.0e} apart"

    def by_series(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The equation of the variance solved in powers of h, for the two runs."""
        u, w, c = sympy.symbols("u w c")

        def solved(equation: sympy.Expr, unknown: sympy.Symbol) -> sympy.Expr:
            """Of an equation that is linear in it."""
            return -equation.coeff(unknown, 0) / equation.coeff(unknown, 1)

        def begins(kappa: sympy.Expr, powers: list[sympy.Expr]) -> tuple[sympy.Expr, sympy.Expr]:
            """V_2/V_1 and V_1 of V = V_1 h + V_2 h^2 + ..."""
            step, kept, small = (kappa**power for power in powers)
            noise, q = S / sympy.sqrt(kappa), c * kept * H
            own = u * H + w * H**2
            size = noise + LAMBDA**2 * own / (2 * noise) + EPSILON * small  # through h
            edge = 2 * (2 - q) * size - q * H * step * LAMBDA  # the step is H * step / size
            terms = sympy.expand(own * LAMBDA * edge - H * step * noise**2 * (2 - q))
            first = solved(terms.coeff(H, 1), u)
            second = solved(sympy.expand(terms.coeff(H, 2).subs(u, first)), w)
            return sympy.simplify(second / first), first

        powers = [says.expr(name) for name in ("step", "kept", "small")]
        (own, begin), (other, then) = begins(sympy.Integer(1), powers), begins(KAPPA, powers)
        found = sympy.simplify(other - own)
        gap = sympy.simplify(found - says.expr("first"))
        noted(says.expr("first"), found, gap == 0)
        same = sympy.simplify(then / begin - 1)
        return gap == 0 and same == 0, f"differences {gap}, {same}"

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"With batches $\kappa$ times as large, the step $\kappa^{{step}}h$, "
            r"$\kappa^{{kept}}q$ in the place of $q:=1-\beta_1$ and $\kappa^{{small}}\varepsilon$, "
            r"Adam on a mode of curvature $\lambda$ under gradient noise of standard deviation "
            r"$s$, $s/\sqrt\kappa$ then, its second moment at its mean, keeps both decay rates of "
            r"a sample as $h$ falls with $c:=q/h$; the stationary variance $V$ becomes "
            r"$V{+first}\,hV$ and {error}.",
            {"step": Value(sympy.Rational(1, 2)), "kept": Value(sympy.Integer(1))}
            | {"small": Value(-sympy.Rational(1, 2))}
            | {"first": Value((1 - KAPPA) * LAMBDA * S / (4 * (S + EPSILON) ** 2), "limit")}
            | {"error": Order(2)},
        ),
        checks=(
            tends("variance by declared steps", left),
            exact("rates of a declared step", Kind.ENUMERATION, same_rates),
            exact("variance in powers of h", Kind.SYMBOLIC, by_series),
        ),
    )
