"""The loss of the memoryless iteration on batches: Cattaneo and Shigida (2025), "How memory in
optimization algorithms implicitly modifies the loss".
"""

from __future__ import annotations

import sympy

from derive.batches import averages
from derive.language.formula import BETA, MOMENTUM, STEP, Formula, H
from verify.claims.checks.averaging import NOTATION, When, enumerated, memory_terms
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import identical
from verify.claims.claim import Claim, Verdict, claim

S, F = sympy.symbols("S F")


@claim("cattaneo2025memory.mini-batch-loss", catalogue="E18", where="momentum with mini-batches")
def memoryless_loss() -> Claim:
    """The memoryless step is -h∇(G_k + h/2 Σ_{r<k} β^(k-r) |∇G_r|²). For independent batches the
    mean of |∇G_r|² tends to S/(1-β)² + F/(1-β²), the weights β, β², ... add up to β/(1-β), and
    dividing by the force 1/(1-β) gives the loss.
    """

    def memory() -> sympy.Expr:
        """Half of what the modified loss has beyond its last term |grad G_k|^2."""

        def beyond(sampling: averages.Sampling) -> sympy.Expr:
            return averages.regularizer(sampling) - averages.covariance(sampling)

        full = averages.full_batch_regularizer() - averages.WHOLE.force
        noise = beyond(averages.WITH_REPLACEMENT)
        return H / 4 * ONE_MINUS * averages.lasting(full * S + noise * F)

    return Claim(
        statement=(
            r"As a memoryless iteration with the learning rate $h/(1-\beta)$ heavy ball with "
            rf"mini-batches descends in the mean $E$ plus {{formula}}, {NOTATION}."
        ),
        printed=Formula(
            "memorylessLoss",
            H * BETA / (2 * ONE_MINUS**2) * S + H * BETA / (2 * ONE_MINUS * (1 + BETA)) * F,
            given=(*MOMENTUM, *STEP),
        ),
        checks=(
            identical("sums over blocks", memory),
            enumerated(
                "all batch sequences",
                "with-replacement",
                memory_terms,
                When.LASTING,
                scale=lambda known: known["h"] * (1 - known["beta"]) / 2,
            ),
        ),
        expected=Verdict.CONFIRMED,
        condition=(
            "Batches are drawn with replacement, the point is fixed, and $k$ is large; with $M$ "
            r"batches reshuffled every epoch $1/((1-\beta)(1+\beta))$ becomes the mean of "
            r"$\mathrm{Cov}(\nabla G_k)$ over an epoch, which tends to it as $M$ grows."
        ),
    )
