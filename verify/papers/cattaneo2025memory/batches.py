"""The loss of the memoryless iteration on batches: Cattaneo and Shigida (2025), "How memory in
optimization algorithms implicitly modifies the loss".
"""

from __future__ import annotations

import sympy

from derive.batches import averages
from derive.language.formula import BETA, H
from verify.claims.checks.averaging import memory_terms
from verify.claims.checks.epochs import Epochs, at_a_point, lasting_claim
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.claim import Claim, claim, second_hand
from verify.claims.slots import Value


@claim(
    "cattaneo2025memory.mini-batch-loss",
    catalogue="E18",
    where="momentum with mini-batches",
    printed=second_hand(
        r"\tilde L=L+\frac{h\beta}{2(1-\beta)^2}\|\nabla L\|^2", "the catalogue, E18"
    ),
)
def memoryless_loss() -> Claim:
    r"""The memoryless step is $-h\nabla(G_k+\frac h2\sum_{r<k}\beta^{k-r}\lVert\nabla
    G_r\rVert^2)$. For independent batches the mean of $\lVert\nabla G_r\rVert^2$ tends to
    $S/(1-\beta)^2+F/(1-\beta^2)$, the weights $\beta,\beta^2,\dots$ add up to $\beta/(1-\beta)$,
    and dividing by the force $1/(1-\beta)$ gives the loss. It is the mean of the loss, at a fixed
    point: the mean iterate does not descend it, as the batches that moved the point are those in
    the loss, and on quadratics it feels no $F$ at all.
    """

    def memory() -> sympy.Expr:
        """Half of what the modified loss has beyond its last term |grad G_k|^2."""
        sampling = averages.WITH_REPLACEMENT
        beyond = averages.regularizer(sampling) - averages.covariance(sampling)
        return H / 4 * ONE_MINUS * averages.lasting(beyond)

    return lasting_claim(
        r"With batches {batches}, at a fixed point and as $k$ grows, the mean of the loss that the "
        r"memoryless iteration of heavy ball descends in its step, at equal effective learning "
        r"rate, tends to $E{+full}S{+noise}F$, for {domain}, $S:=\lVert\nabla E\rVert^2$, "
        r"$F:=\mathbb E\lVert\nabla E_n-\nabla E\rVert^2$.",
        {
            "batches": Epochs.INDEPENDENT,
            "full": Value(H * BETA / (2 * ONE_MINUS**2), "limit"),
            "noise": Value(H * BETA / (2 * ONE_MINUS * (1 + BETA))),
        },
        at_a_point(memory_terms),
        memory,
        scale=lambda h, beta, known: h * (1 - beta) / 2,
    )
