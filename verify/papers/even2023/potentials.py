"""The potential of a diagonal linear network: Even, Pesme, Gunasekar and Flammarion (2023)."""

from __future__ import annotations

import sympy

from derive.networks.potentials import ALPHA, THETA
from verify.claims.checks.mirror_maps import Weights, mirror_flow, structurally
from verify.claims.checks.potentials import potential_of
from verify.claims.claim import RECALLED, Claim, claim, on
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type


@claim(
    "even2023.potential",
    catalogue="C01 C03",
    where="implicit bias of gradient flow",
    printed=RECALLED,
)
def even_potential() -> Claim:
    r"""With $w_\pm=(u\pm v)/\sqrt2$, an orthogonal change of coordinates,
    $\theta=(w_+^2-w_-^2)/2$, $w_\pm'=\mp gw_\pm$ and $w_\pm(0)=\alpha$. So
    $\theta=\alpha^2\sinh(2P)$ and $P=\mathrm{arcsinh}(\theta/\alpha^2)/2$; integrate.
    """
    root = sympy.sqrt(THETA**2 + ALPHA**4)
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Gradient flow on {network} from $\lvert u_0\rvert={first}$ and $\lvert "
            r"v_0\rvert={second}$ is mirror flow with "
            r"the sum over the coordinates of $\psi={potential}$, which vanishes at the origin.",
            {
                "network": Weights.PRODUCT,
                "first": Value(sympy.sqrt(2) * ALPHA, "start"),
                "second": Value(sympy.Integer(0), "start"),
                "potential": Value((THETA * sympy.asinh(THETA / ALPHA**2) - root + ALPHA**2) / 2),
            },
        ),
        checks=(
            on(
                "potential",
                structurally("integral of the mirror map", lambda: potential_of("even2023")),
            ),
            mirror_flow("alpha"),
        ),
    )
