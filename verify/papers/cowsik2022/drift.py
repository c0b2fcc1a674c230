"""Drift and diffusion along the minimizers: Cowsik, Can and Glorioso (2022), equations (3) to (7).

Units: h is the paper's eta; the velocity of heavy ball is h times the paper's momentum. Noise n in
the gradient has covariance S (the paper's epsilon^2 sigma sigma^T); T is the third derivative of
the loss, P_L the projector on the tangent space of the minimizers, the kernel of the Hessian.
"""

from __future__ import annotations

import random

import sympy
from flint import arb, fmpq, fmpq_mat

from derive import heavy_ball
from derive.language.formula import BETA, H
from derive.valleys.zero_loss_manifold import (
    CURVATURES,
    effective_step,
    kernel,
    label_noise_slope,
    response,
)
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.scaling import ScalingPoint, to_leading_order
from verify.claims.checks.stated import bounded, measured
from verify.claims.checks.valley_runs import (
    bend_seen,
    kick_moves,
    mixed_block_seen,
    momentum_moves,
    of_the_limit,
    position_moves,
)
from verify.claims.checks.valleys import (
    LAMBDA,
    label_noise_exactly,
    leading_symbol,
    mixed_exactly,
    mixed_kernel,
    on_valleys,
)
from verify.claims.claim import LOST, Claim, Kind, Settings, claim, on
from verify.claims.slots import Domain, Instance, Number, Point, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import heavy_ball_mode, lyapunov, momentum_mode
from verify.papers.cowsik2022.noise import GAP, L1, L2, ZS, stable

GAMMA = sympy.Symbol("gamma")
HALF = sympy.Rational(1, 2)
Q = 1 - BETA
E = H / Q
"""The effective step of heavy ball."""
ALONG = r"along $\beta:=1-Ch^\gamma$ for {domain}, as $h$ falls"
LEFT = r"; relative to it, what is left falls like $h^p$ with $p={rate}$."
PATH = Domain((sympy.Ge(GAMMA, 0),))


@claim("cowsik2022.noise-kick", catalogue="B16", where="equation (3)", printed=LOST)
def noise_kick() -> Claim:
    r"""On a flat direction a kick $n$ of the momentum moves the position by $hn$, then by $\beta
    hn$, $\beta^2hn$, ...: $h/(1-\beta)$ in all. Across the valley a kick dies out.
    """
    return of_the_limit(
        r"At a minimizer without momentum, noise $n$ in one step of the momentum moves the limit "
        r"$\Phi$ of the noiseless iteration by $\partial\Phi[n]={factor}\,P_Ln$.",
        E,
        lambda: effective_step(heavy_ball),
        kick_moves,
    )


@claim("cowsik2022.limit-map-position", catalogue="B28", where="Lemma C.1", printed=LOST)
def limit_map_position() -> Claim:
    r"""Linearized at a minimizer, a displacement along the valley stays ($\kappa=1$), all others
    die out: the derivative of the limit is the projector on the tangent space.
    """
    return of_the_limit(
        r"At a minimizer without momentum the limit $\Phi$ of the noiseless iteration changes with "
        r"the position by $\partial_w\Phi={factor}\,P_L$.",
        sympy.Integer(1),
        lambda: response(heavy_ball)[0][0, 0] + response(heavy_ball)[0][1, 0],
        position_moves,
    )


@claim(
    "cowsik2022.limit-map-momentum", catalogue="B28", where="Lemma C.1, equation (48)", printed=LOST
)
def limit_map_momentum() -> Claim:
    r"""A momentum $p$ on a flat direction moves the position by $h\beta p$, $h\beta^2p$, ...:
    $h\beta/(1-\beta)$ in all. With the position moved by $hn$ at once, a kick gives
    $h+h\beta/(1-\beta)=h/(1-\beta)$.
    """

    def derived() -> sympy.Expr:
        matrix, _, _ = response(heavy_ball)
        return H * matrix[0, 1] / (1 - matrix[1, 1])

    return of_the_limit(
        r"At a minimizer without momentum the limit $\Phi$ of the noiseless iteration changes with "
        r"the momentum by $\partial_\pi\Phi={factor}\,P_L$.",
        H * BETA / Q,
        derived,
        momentum_moves,
    )


@claim(
    "cowsik2022.limit-map-twice",
    catalogue="B33",
    where="Lemma C.4, between curved directions",
    printed=LOST,
)
def limit_map_twice() -> Claim:
    r"""After two displacements the modes move as $y_1$ and $y_2$. Each step feels the gradient
    $T[y_1,y_2]$ besides, whose tangent part moves the limit by $-h/(1-\beta)$ of it: what counts is
    the sum of $y_1y_2$ over all steps, a Lyapunov equation with the displacements for the kicks.
    """
    spread = Q**2 * ((1 + BETA) * (L1 + L2) - H * L1 * L2) + BETA * H * GAP
    rest = Q**2 * (1 + BETA)
    starts = {"w": fmpq_mat([[1], [0]]), "p": fmpq_mat([[0], [1]])}
    blocks = {"positions": "ww", "mixed": "wp", "momenta": "pp"}

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        h, beta = fmpq(random.Random(settings.seed).randint(1, 9), 11), point["beta"]
        one, two = (point[name] / h for name in ("z1", "z2"))
        first, second = (momentum_mode(h, beta, curvature) for curvature in (one, two))
        if not (first.settles and second.settles):
            return False
        values = {"h": h, "beta": beta, "lambda1": one, "lambda2": two}
        for slot, of in blocks.items():
            noise = starts[of[0]] * starts[of[1]].transpose()
            found = -h / (1 - beta) * lyapunov(first.matrix, second.matrix, noise)[0, 0]
            if says.number(slot, **values) != found:
                return False
        return True

    def derived() -> sympy.Expr:
        modes = dict(zip(CURVATURES, (L1, L2), strict=True))
        return (-effective_step(heavy_ball) * kernel(heavy_ball) * BETA**2).subs(modes)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"At a minimizer without momentum, for {domain}, $z_i:=h\lambda_i$, the noiseless "
            r"iteration has a limit $\Phi$ with, on modes $p$ and $q$ of curvatures $\lambda_1$ "
            r"and $\lambda_2$, $P_L\partial_w\partial_w\Phi[p,q]={positions}\,P_L\nabla^3L[p,q]$, "
            r"$P_L\partial_w\partial_\pi\Phi[p,q]={mixed}\,P_L\nabla^3L[p,q]$ and "
            r"$P_L\partial_\pi\partial_\pi\Phi[p,q]={momenta}\,P_L\nabla^3L[p,q]$.",
            {
                "positions": Value(-(rest + BETA * H * (L1 + L2)) / spread),
                "mixed": Value(-BETA * E * (rest + BETA * H * L2 - H * L1) / spread),
                "momenta": Value(-(BETA**2) * H**2 * (1 + BETA) / spread),
                "domain": stable(*ZS),
            },
        ),
        checks=(
            on("momenta", identical("series of the declared step", derived)),
            bounded("sums over the steps, solved", holds, kind=Kind.ENUMERATION),
            on("mixed", on_valleys("limits of the iteration, mixed", mixed_block_seen)),
        ),
    )


@claim(
    "cowsik2022.valley-bend",
    catalogue="B17 B29",
    where="equation (6), the second term, and Lemma C.4",
    printed=LOST,
)
def valley_bend() -> Claim:
    r"""The limit lies on the valley. Moved along it by $t$ it is $w+t-H^\dagger T[t,t]/2+\dots$,
    because $Hy''=-T[t,t]$ for a curve $y$ of minimizers; $t=-(h/(1-\beta))P_Ln$, averaged over
    $n$.
    """
    return of_the_limit(
        r"In a step, noise of covariance $S$ moves the limit, normal to the valley and because of "
        r"the part of $S$ along it, by ${factor}\,H^{\dagger}\nabla^3L[S_{LL}]$ in the mean.",
        -(E**2) / 2,
        lambda: -(effective_step(heavy_ball) ** 2) / 2,
        bend_seen,
    )


@claim(
    "cowsik2022.limiting-drift",
    catalogue="B18",
    where="equation (6), the mixed term",
    printed=LOST,
)
def limiting_drift() -> Claim:
    r"""The exact coefficient
    $-(h/(1-\beta))^2(1/\lambda-\beta h/((1-\beta)^2(1+\beta)+\beta h\lambda))$ with
    $\rho=h/(1-\beta)^2$ tends to $-(h/(1-\beta))^22/(\lambda(2+\rho\lambda))$ as $\beta\to1$. The
    operator of Definition 3.3 with one curvature 0 is $\lambda+\rho\lambda^2/2$: the right
    equation (6) is that operator's inverse on all of $S$ but $S_{LL}$, on the mixed block as on
    the transverse one. The text says that the last term has this operator and names no other
    difference from Li et al., who, as recalled, have $H^\dagger$ in the mixed term; the term itself
    is lost, so that nothing is held against it here.
    """

    def example(says: Statement) -> dict[str, fmpq]:
        at = says["example"]
        return {"h": at["h"], "beta": at[r"\beta"], "lambda": at[r"\lambda"]}

    def exactly(says: Statement, settings: Settings) -> fmpq:
        at = example(says)
        return mixed_exactly(at["h"], at["beta"], fmpq(0), at["lambda"])

    def unchanged(at: dict[str, fmpq]) -> fmpq:
        """The term with the inverse of the curvature, as it is without momentum."""
        return -((at["h"] / (1 - at["beta"])) ** 2) / at["lambda"]

    def too_large(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw = random.Random(settings.seed)
        for _ in range(8):
            at = {"h": fmpq(draw.randint(1, 9), 11), "beta": fmpq(draw.randint(1, 9), 10)}
            at["lambda"] = fmpq(draw.randint(1, 9), 7)
            if unchanged(at) != says.number("limit", **at) * says.number("excess", **at):
                return False, f"another factor at {at}"
        return True, "one over the other at 8 points"

    def beside_exact(says: Statement, place: ScalingPoint) -> arb:
        return place.stated(says, "limit") / arb(
            mixed_exactly(place.h, place.beta, fmpq(0), place.first)
        )

    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"In a step, {ALONG}, noise that couples a mode of curvature $\lambda$ with the "
            r"valley moves the limit along it, in the mean and to leading order, by "
            r"${limit}\,P_L\nabla^3L[S_{TL}]$; relative to it, what is left falls like $h^p$ with "
            r"$p={rate}$. With $H^\dagger$, as without momentum, the term is ${excess}$ times "
            r"that: at {example} it is ${told}$, exact is ${exact}$.",
            {
                "limit": Value(-2 * H**2 / (LAMBDA * (2 * Q**2 + H * LAMBDA)), "limit"),
                "domain": PATH,
                "rate": Value(HALF + sympy.Abs(GAMMA - HALF), "rate"),
                "example": Instance(None, {"h": "1/4", r"\beta": "9/10", r"\lambda": 1}),
                "excess": Value(1 + H * LAMBDA / (2 * Q**2)),
                "told": Number("-6.25"),
                "exact": Number("-0.4867"),
            },
        ),
        checks=(
            on("limit", leading_symbol(mixed_kernel)),
            to_leading_order("sum over the steps after a kick", beside_exact, rate="rate"),
            exact("one over the other", Kind.ENUMERATION, too_large),
            measured("the example, exact", exactly, number="exact"),
            measured(
                "the example, unchanged", lambda says, _: unchanged(example(says)), number="told"
            ),
        ),
    )


@claim(
    "cowsik2022.label-noise-drift",
    catalogue="B21",
    where="equation (7), Corollary 3.5",
    printed=LOST,
)
def label_noise_drift() -> Claim:
    r"""With $S=cH$ the mixed and the tangent block vanish and the transverse one commutes with $H$:
    the sum is $ch/(2(1-\beta))$ to leading order on every curved mode. $P_LT[P_T]=P_L\nabla
    \mathrm{Tr}H$, because $P_LT[P_L]=0$. On a mode it is, exactly, over
    $1-h\lambda/(2(1+\beta))$.
    """

    def beside_exact(says: Statement, place: ScalingPoint) -> arb:
        return place.stated(says, "limit") / arb(
            label_noise_exactly(heavy_ball_mode, place.h, place.beta, place.first)
        )

    return Claim(
        says=Statement(
            Type.LIMIT,
            rf"In a step, {ALONG}, label noise of covariance $cH$ moves the limit, in the mean and "
            r"to leading order, by ${limit}\,c\,P_L\nabla\mathrm{Tr}H$" + LEFT,
            {
                "limit": Value(-(E**2) / 4, "limit"),
                "domain": PATH,
                "rate": Value(sympy.Integer(1), "rate"),
            },
        ),
        checks=(
            on(
                "limit",
                leading_symbol(
                    lambda: -(effective_step(heavy_ball) ** 2) / 2 * label_noise_slope(heavy_ball)
                ),
            ),
            to_leading_order("sum over the steps after a kick", beside_exact, rate="rate"),
        ),
    )
