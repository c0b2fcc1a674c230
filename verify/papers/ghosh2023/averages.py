"""The mean over the batches: Ghosh, Lyu, Zhang and Wang (2023), section 5 and their slides."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

import sympy
from flint import fmpq, fmpq_poly

from derive import heavy_ball
from derive.batches import averages
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H, K
from derive.quadratics.stability import stability_limit
from verify.claims.checks.averaging import When, agrees, deviations, enumerated, modified_loss_terms
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import Check, Claim, Kind, Settings, Verdict, claim
from verify.models.batch_sequences import (
    Batches,
    Vector,
    averaged,
    dot,
    draw_batches,
    settle,
    square,
)
from verify.papers.cowsik2022.spectrum import radius_at_limit

S, F, V, LAG, CURVATURE = sympy.symbols("S F V l L")
GIVEN = (*MOMENTUM, *STEP)
NOTATION = (
    r"with $S = \lVert\nabla E\rVert^2$ and $F = \mathbb E\lVert\nabla E_n-\nabla E\rVert^2$ at "
    "one fixed point"
)
FULL_BATCH = H * (1 + BETA) / (4 * ONE_MINUS**3) * S
EXPECTED = FULL_BATCH + H / (4 * ONE_MINUS**2) * F
INDEPENDENT = "with-replacement"


def quarter(scale: dict[str, fmpq]) -> fmpq:
    return scale["h"] / 4


def by_partitions(sampling: averages.Sampling, *, lasting: bool) -> sympy.Expr:
    """The mean regularizer from the closed forms for blocks of steps."""
    full, noise = averages.full_batch_regularizer(), averages.regularizer(sampling)
    if lasting:
        full, noise = averages.lasting(full), averages.lasting(noise)
    return H / 4 * (full * S + noise * F)


def expected_check(when: When, *, refutes: bool = False) -> Check:
    return enumerated(
        "all batch sequences",
        INDEPENDENT,
        modified_loss_terms,
        when,
        scale=quarter,
        refutes=refutes,
    )


LIMIT_CHECKS = (
    identical(
        "sums over blocks",
        lambda: by_partitions(averages.WITH_REPLACEMENT, lasting=True),
        refutes=True,
    ),
    expected_check(When.LASTING, refutes=True),
)


@claim("ghosh2023.expected-regularizer", catalogue="A22", where="Remark 5.3, first sentence")
def expected_regularizer() -> Claim:
    """With independent batches E|∇G_r|² = s_r² S + v_r F, s_r = (1-β^(r+1))/(1-β) and
    v_r = (1-β^(2r+2))/(1-β²). As r grows s_r² tends to 1/(1-β)² and v_r to 1/(1-β²); the weights
    1 and 2β, 2β², ... add up to (1+β)/(1-β). So the mean of IGRM_s tends to
    h/4 ((1+β)/(1-β)³ S + F/(1-β)²).
    """
    return Claim(
        statement=(
            rf"The mean of $IGRM_s$ over independent batches tends to {{formula}} as $k$ grows, "
            rf"{NOTATION}."
        ),
        printed=Formula(
            "expectedRegularizerPrinted", FULL_BATCH + H / (4 * ONE_MINUS**2) * V, given=GIVEN
        ),
        right=Formula("expectedRegularizer", EXPECTED, given=GIVEN),
        checks=LIMIT_CHECKS,
        expected=Verdict.CORRECTED,
        condition="Batches are drawn with replacement, the point is fixed, and $k$ is large.",
        because=(
            r"the printed $F = \mathbb E\lVert E_n-E\rVert^2$, here $V$, lacks the gradients."
        ),
        counterexample=(
            r"$E_1 = x$, $E_2 = -x$ at $x = 0$: the losses do not differ, $V = 0$, but "
            r"$\mathbb E\,IGRM_s$ tends to $h/(4(1-\beta)^2) > 0$."
        ),
    )


@claim(
    "ghosh2023.expected-regularizer-at-each-step",
    catalogue="A22",
    where="Remark 5.3, for every step",
)
def expected_regularizer_at_each_step() -> Claim:
    """The S part is the deterministic regularizer of step k. In the F part the weights of v_r sum
    to ((1-β^(k+1))/(1-β))²: the square of what the steps weigh together.
    """
    u = BETA ** (K + 1)
    full = (1 + BETA) * (1 - BETA ** (2 * K + 2)) - 4 * u * (K + 1) * ONE_MINUS
    return Claim(
        statement=rf"The mean of $IGRM_s$ over independent batches is {{formula}}, {NOTATION}.",
        printed=Formula(
            "expectedRegularizerAtEachStep",
            H / 4 * (full / ONE_MINUS**3 * S + (1 - u) ** 2 / ONE_MINUS**2 * F),
            given=(*GIVEN, sympy.Ge(K, 0)),
        ),
        checks=(
            identical(
                "sums over blocks",
                lambda: by_partitions(averages.WITH_REPLACEMENT, lasting=False),
            ),
            expected_check(When.EACH_STEP),
        ),
        expected=Verdict.CONFIRMED,
        condition="The limit of the remark, with the steps before it; batches drawn with "
        "replacement.",
    )


@claim("ghosh2023.expected-sgd-regularizer", catalogue="A22", where="Remark 5.3, second sentence")
def expected_sgd_regularizer() -> Claim:
    """E|∇E_n|² = |∇E|² + E|∇E_n - ∇E|², whatever the sampling. It is smaller than with momentum:
    (1+β)/(1-β)³ > 1 and 1/(1-β)² > 1 for β > 0.
    """
    return Claim(
        statement=rf"Without momentum the mean of the regularizer is {{formula}}, {NOTATION}.",
        printed=Formula("expectedSgdRegularizer", H / 4 * (S + F), given=STEP),
        checks=(
            identical(
                "sums over blocks, no momentum",
                lambda: by_partitions(averages.WITH_REPLACEMENT, lasting=True).subs(BETA, 0),
            ),
            enumerated(
                "all orders of four epochs",
                "reshuffled",
                modified_loss_terms,
                When.EACH_STEP,
                scale=quarter,
                momentum=False,
            ),
        ),
        expected=Verdict.CONFIRMED,
        condition="The mean is taken at a fixed point.",
    )


@claim(
    "ghosh2023.slides-stronger-regularization", catalogue="A24", where="slides, last page, Obs-2"
)
def slides_stronger_regularization() -> Claim:
    """The two parts grow by different factors, (1+β)/(1-β)³ and 1/(1-β)²; against SGD at the
    effective learning rate h/(1-β) by (1+β)/(1-β)² and 1/(1-β), and in units of the force, that
    is per loss, by (1+β)/(1-β) and 1. The printed factor is right for the F part alone in the
    second of these readings.
    """
    return Claim(
        statement=(
            rf"With momentum the mean of the regularizer is, as $k$ grows, {{formula}}, "
            rf"{NOTATION}; without, $h/4\,(S+F)$."
        ),
        printed=Formula(
            "strongerRegularizationPrinted", H / (4 * ONE_MINUS) * (S + F), given=GIVEN
        ),
        right=Formula("strongerRegularization", EXPECTED, given=GIVEN),
        checks=LIMIT_CHECKS,
        expected=Verdict.CORRECTED,
        condition="Batches are drawn with replacement, the point is fixed, and $k$ is large.",
        because=r"no one factor takes $S+F$ to the mean with momentum.",
        counterexample=(
            r"$\beta = 9/10$, $h = 1$, $S = 1$, $F = 0$: 475 with momentum; "
            r"the printed factor 10 gives 5/2 from $h$ and 25 from the effective learning rate 10."
        ),
    )


@claim("undertow.force-autocovariance", catalogue="A27", where="autocovariance of the force")
def force_autocovariance() -> Claim:
    """Between step k and step k+l the history fades by β^l and gains independent batches, so the
    covariance is β^l Cov(∇G_k), and (1-β)² Cov(∇G_k) tends to (1-β)/(1+β) C.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for lag, batches, beta in lags_and_batches(settings):
            first, second = averaged(
                batches,
                INDEPENDENT,
                2 + lag,
                beta,
                lambda g, b=beta, e=batches, lag=lag: [
                    dot(early, late) for early, late in pairs_at_lag(deviations(g, b, e), lag)
                ],
            )
            limit = settle([first, second], [beta**2]) / batches.known["F"]
            if not agrees(candidate, limit * (1 - beta) ** 2, l=fmpq(lag), beta=beta):
                return False, f"wrong at the lag {lag}, beta = {beta}"
        return True, "equal over all sequences for the lags 0 ... 4"

    return Claim(
        statement=(
            r"As $k$ grows the covariance of $(1-\beta)\nabla G_k$ and "
            r"$(1-\beta)\nabla G_{k+l}$ is that of one batch gradient times {formula}."
        ),
        printed=Formula("forceAutocovariance", ONE_MINUS / (1 + BETA) * BETA**LAG),
        checks=(
            identical(
                "sums over blocks",
                lambda: ONE_MINUS**2 * averages.autocovariance(averages.WITH_REPLACEMENT, LAG),
            ),
            exact("all batch sequences", Kind.ENUMERATION, holds),
        ),
        expected=Verdict.CONFIRMED,
        condition=r"Batches are drawn with replacement; $l \ge 0$.",
    )


@claim("undertow.accumulated-variance", catalogue="A27", where="variance of the accumulated force")
def accumulated_variance() -> Claim:
    """The batch of step i enters the forces of the steps i, i+1, ..., k-1 with the weights
    1-β, (1-β)β, ..., which add up to 1-β^(k-i). The sum of the squares is
    k - 2β(1-β^k)/(1-β) + β²(1-β^(2k))/(1-β²): over many steps one C a step, as without momentum.
    """

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for steps, batches, beta in lags_and_batches(settings):
            (total,) = averaged(
                batches,
                INDEPENDENT,
                steps + 1,
                beta,
                lambda g, b=beta, e=batches: [
                    square(tuple(sum(c, fmpq(0)) for c in zip(*deviations(g, b, e), strict=True)))
                ],
            )
            wanted = total * (1 - beta) ** 2 / (steps + 1) / batches.known["F"]
            if not agrees(candidate, wanted, k=steps + 1, beta=beta):
                return False, f"wrong for {steps + 1} steps, beta = {beta}"
        return True, "equal over all sequences of 1 ... 5 steps"

    def double_sum(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for steps in range(1, 7):
            pairs = product(range(steps), repeat=2)
            total = sum(
                (averages.history_covariance(averages.WITH_REPLACEMENT, 2, *p) for p in pairs),
                fmpq_poly(),
            )
            for beta in (fmpq(n, 20) for n in range(1, 20)):
                wanted = total(beta) * (1 - beta) ** 2 / steps
                if not agrees(candidate, wanted, k=steps, beta=beta):
                    return False, f"wrong for {steps} steps, beta = {beta}"
        return True, "equal for 1 ... 6 steps at 19 beta, more than the degree"

    u = BETA**K
    return Claim(
        statement=(
            r"The variance of $\sum_{j<k}(1-\beta)\nabla G_j$, over $k$, is that of one batch "
            r"gradient times {formula}, which tends to 1: momentum smooths the noise of a step, "
            "not the noise that accumulates."
        ),
        printed=Formula(
            "accumulatedVariance",
            1
            - 2 * BETA * (1 - u) / (K * ONE_MINUS)
            + BETA**2 * (1 - BETA ** (2 * K)) / (K * (1 - BETA**2)),
            given=(*MOMENTUM, sympy.Ge(K, 1)),
        ),
        checks=(
            exact("sum of all covariances", Kind.SYMBOLIC, double_sum),
            exact("all batch sequences", Kind.ENUMERATION, holds),
        ),
        expected=Verdict.CONFIRMED,
        condition="Batches are drawn with replacement and the point is fixed.",
    )


def lags_and_batches(settings: Settings) -> Iterator[tuple[int, Batches, fmpq]]:
    """0 to 4, each with three random batches and a random momentum."""
    draw = random.Random(settings.seed)
    for number in range(5):
        yield number, draw_batches(draw, 3), fmpq(draw.randint(1, 19), 20)


def pairs_at_lag(path: list[Vector], lag: int) -> Iterator[tuple[Vector, Vector]]:
    return zip(path, path[lag:], strict=False)


@claim("ghosh2023.largest-effective-rate", catalogue="A28", where="section 6, first paragraph")
def largest_effective_rate() -> Claim:
    """Heavy ball is stable on a mode of curvature λ exactly for hλ < 2(1+β) (Jury's conditions),
    and h/(1-β) is the effective learning rate.
    """

    def mode(candidate: sympy.Expr) -> sympy.Expr:
        return sympy.sympify(candidate.subs(CURVATURE, sympy.Rational(7, 3))) * ONE_MINUS * 7 / 3

    return Claim(
        statement=(
            r"On least squares whose largest curvature is $L$ heavy ball is stable exactly for "
            r"effective learning rates $h/(1-\beta)$ below {formula}."
        ),
        printed=Formula(
            "largestEffectiveRate",
            2 * (1 + BETA) / (CURVATURE * ONE_MINUS),
            given=(*MOMENTUM, sympy.Gt(CURVATURE, 0)),
        ),
        checks=(
            identical(
                "Jury's conditions", lambda: stability_limit(heavy_ball) / (CURVATURE * ONE_MINUS)
            ),
            Check(
                "spectral radius in ball arithmetic",
                Kind.BALL,
                lambda candidate, settings: radius_at_limit(mode(candidate), settings),
            ),
        ),
        expected=Verdict.CONFIRMED,
    )


@claim("ghosh2023.edge-of-stability", catalogue="A28", where="section 6, footnote 3")
def edge_of_stability() -> Claim:
    """The same limit, read for the curvature."""

    def mode(candidate: sympy.Expr) -> sympy.Expr:
        return sympy.sympify(candidate.subs(H, sympy.Rational(7, 3))) * 7 / 3

    return Claim(
        statement="The curvature at which heavy ball becomes unstable is {formula}.",
        printed=Formula("edgeOfStability", 2 * (1 + BETA) / H, given=GIVEN),
        checks=(
            identical("Jury's conditions", lambda: stability_limit(heavy_ball) / H),
            Check(
                "spectral radius in ball arithmetic",
                Kind.BALL,
                lambda candidate, settings: radius_at_limit(mode(candidate), settings),
            ),
        ),
        expected=Verdict.CONFIRMED,
        condition="The loss is quadratic; that training hovers there is an observation.",
    )
