"""The mean over the batches: Ghosh, Lyu, Zhang and Wang (2023), section 5 and their slides."""

from __future__ import annotations

import sympy

from derive.batches import averages
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H, K
from verify.claims.checks.averaging import (
    FULL_BATCH,
    INDEPENDENT,
    NOTATION,
    When,
    enumerated,
    modified_loss_terms,
    quarter,
)
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import identical
from verify.claims.claim import Check, Claim, Verdict, claim

S, F, V = sympy.symbols("S F V")
GIVEN = (*MOMENTUM, *STEP)
EXPECTED = FULL_BATCH + H / (4 * ONE_MINUS**2) * F


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
