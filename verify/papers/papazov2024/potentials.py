"""The potential of a diagonal linear network: Papazov, Pesme and Flammarion (2024)."""

from __future__ import annotations

import sympy

from derive.networks.potentials import DELTA, THETA, hyperentropy
from verify.claims.checks.mirror_maps import Conserved, Weights, mirror_flow, structurally
from verify.claims.claim import LOST, Claim, claim, on
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type
from verify.models.network_conventions import CONVENTIONS


@claim(
    "papazov2024.hyperentropy",
    catalogue="C01 D08",
    where="Lemma 1, the potential",
    printed=LOST,
)
def papazov_potential() -> Claim:
    r"""With $w_\pm=u\pm v$, $\theta=uv=(w_+^2-w_-^2)/4$ and $\Delta=|w_+w_-|=|u^2-v^2|$. From
    $\theta=0$ it is $\theta=(\Delta/2)\sinh(2P)$ and $P=\mathrm{arcsinh}(2\theta/\Delta)/2$;
    integrate. Another start adds a constant to the pull.
    """
    root = sympy.sqrt(4 * THETA**2 + DELTA**2)
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"With $\Delta$ the absolute value of the {kept}, which stays, gradient flow on "
            r"{network} is mirror flow with the sum over the coordinates of $\psi={potential}$, "
            r"which vanishes at the origin.",
            {
                "kept": Conserved.SQUARES,
                "network": Weights.PRODUCT,
                "potential": Value((2 * THETA * sympy.asinh(2 * THETA / DELTA) - root + DELTA) / 4),
            },
        ),
        checks=(
            on(
                "potential",
                structurally(
                    "integral of the mirror map",
                    lambda: hyperentropy(THETA, DELTA, CONVENTIONS["papazov2024"]),
                ),
            ),
            mirror_flow("Delta"),
        ),
    )
