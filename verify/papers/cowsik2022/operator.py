"""The operator of Definition 3.3: its inverse, and the drift that it stands in: Cowsik, Can and
Glorioso (2022)."""

from __future__ import annotations

import random

import sympy
from flint import arb, fmpq, fmpq_mat

from derive import heavy_ball
from derive.language.formula import BETA, H
from derive.quadratics.stationary_noise import covariance_equation, small_step_limit
from derive.valleys.zero_loss_manifold import CURVATURES, effective_step, kernel
from verify.claims.checks.identities import exact
from verify.claims.checks.scaling import ScalingPoint, to_leading_order
from verify.claims.checks.valleys import effective, leading_symbol, pair_sum
from verify.claims.claim import LOST, Claim, Kind, Settings, claim, on, read
from verify.claims.slots import Domain, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import heavy_ball_mode, with_eigenvalues
from verify.papers.cowsik2022.covariance import DEFINED, of_modes
from verify.papers.cowsik2022.noise import L1, L2
from verify.running.families import Draw
from verify.running.numbers import evaluate

FLAT, GAMMA = sympy.symbols("f gamma")


def drawn(draw: Draw) -> tuple[list[fmpq], int, fmpq]:
    """Curvatures of which some are 0, how many, and the weight of the commutator."""
    flat = draw.randint(0, 2)
    curved = [fmpq(draw.randint(1, 9), 4) for _ in range(draw.randint(1, 2))]
    return [fmpq(0)] * flat + curved, flat, fmpq(draw.randint(1, 9), 5)


def symmetric(n: int) -> list[fmpq_mat]:
    """A basis of the symmetric matrices."""
    return [
        fmpq_mat(n, n, [int({i, j} == {a, b}) for a in range(n) for b in range(n)])
        for i in range(n)
        for j in range(i + 1)
    ]


@claim(
    "cowsik2022.operator-inverse",
    catalogue="B30",
    where="Lemma C.3",
    printed=read("The inverse of the operator is unique."),
)
def operator_inverse() -> Claim:
    r"""In the eigenbasis of $H$ the operator multiplies $S_{ij}$ by
    $\lambda_i+\lambda_j+c(\lambda_i-\lambda_j)^2$, which is 0 where both curvatures are, and
    positive elsewhere.
    """

    def kernels(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(8):
            curvatures, flat, weight = drawn(draw)
            hessian, n = with_eigenvalues(curvatures, draw), len(curvatures)

            def image(s: fmpq_mat, a: fmpq_mat = hessian, c: fmpq = weight) -> list[fmpq]:
                return (a * s + s * a + (a * a * s + s * a * a - a * s * a * 2) * c).entries()

            whole = fmpq_mat([image(s) for s in symmetric(n)]).rank()
            between = fmpq_mat([image(hessian * s * hessian) for s in symmetric(n)]).rank()
            curved = n - flat
            found = (n * (n + 1) // 2 - whole, curved * (curved + 1) // 2 - between)
            told = says.equals("kernel", found[0], f=fmpq(flat))
            if not (says.equals("curved", found[1]) and told):
                return False, f"dimensions {found} for {flat} flat directions of {n}"
        return True, "ranks of 8 random operators"

    def derived(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        left = small_step_limit(covariance_equation(heavy_ball))[0].left
        operator = of_modes({powers: c.as_expr() for powers, c in left.items()})
        for _ in range(8):
            curvatures, flat, _ = drawn(draw)
            pairs = [(a, b) for i, a in enumerate(curvatures) for b in curvatures[: i + 1]]
            known = {"h": fmpq(1, 3), "beta": fmpq(1, 2)}
            values = (evaluate(operator, {**known, "lambda1": a, "lambda2": b}) for a, b in pairs)
            if sum(value == 0 for value in values) != says.number("kernel", f=fmpq(flat)):
                return False, f"another number of zeros for {curvatures}"
        return True, "zeros of the derived operator on pairs of modes"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The operator $S\mapsto\{H,S\}+c[[S,H],H]$, $c:=h/(2(1-\beta)^2)$, of a Hessian with "
            r"$f$ flat directions, the others being curved upwards, has on the symmetric matrices "
            r"a kernel of dimension ${kernel}$, and on those between curved directions one of "
            r"dimension ${curved}$.",
            {"kernel": Value(FLAT * (FLAT + 1) / 2), "curved": Value(sympy.Integer(0))},
        ),
        checks=(
            exact("zeros of the derived operator", Kind.SYMBOLIC, derived),
            exact("ranks of the operator", Kind.ENUMERATION, kernels),
        ),
    )


@claim(
    "cowsik2022.transverse-drift",
    catalogue="B18 B31",
    where="equation (6), the last term, and Lemma C.5",
    printed=LOST,
)
def transverse_drift() -> Claim:
    r"""Half the sum over the steps of the product of two curved modes after one kick, times
    $-h/(1-\beta)$: that sum times the covariance of the kicks is the stationary covariance of the
    weights, which to leading order is the inverse of the operator of Definition 3.3. Of the
    equation the text at hand has only that its last term involves this operator.
    """

    def beside_exact(says: Statement, place: ScalingPoint) -> arb:
        e = effective(heavy_ball_mode, place.h, place.beta)
        both = pair_sum(heavy_ball_mode, place.h, place.beta, place.first, place.second)
        return place.stated(says, "limit") / arb(-e / 2 * both)

    def derived() -> sympy.Expr:
        modes = dict(zip(CURVATURES, (L1, L2), strict=True))
        return (-effective_step(heavy_ball) * kernel(heavy_ball) / 2).subs(modes)

    half = sympy.Rational(1, 2)
    return Claim(
        says=Statement(
            Type.LIMIT,
            r"In a step, along $\beta:=1-Ch^\gamma$ for {domain}, as $h$ falls, noise between "
            r"modes of curvatures $\lambda_1$ and $\lambda_2$ moves the limit along the valley, in "
            r"the mean and to leading order, by ${limit}\,P_L\nabla^3L[S_{TT}]$; relative to it, "
            r"what is left falls like $h^p$ with $p={rate}$.",
            {
                "limit": Value(-((H / (1 - BETA)) ** 2) / (2 * DEFINED), "limit"),
                "domain": Domain((sympy.Ge(GAMMA, 0),)),
                "rate": Value(half + sympy.Abs(GAMMA - half), "rate"),
            },
        ),
        checks=(
            on("limit", leading_symbol(derived)),
            to_leading_order("sum over the steps after a kick", beside_exact, rate="rate"),
        ),
    )
