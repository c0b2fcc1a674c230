"""The sources' conventions for a diagonal network: factors of 2 that change the answer."""

from __future__ import annotations

from collections.abc import Mapping

import sympy

from derive.networks.hyperentropy import ALPHA, ROTATED, UNSCALED, Convention

CONVENTIONS: Mapping[str, Convention] = {
    "woodworth2020": UNSCALED,
    "even2023": Convention(
        r"u\odot v,\ w_\pm=(u\pm v)/\sqrt2,\ u(0)=\sqrt2\alpha,\ v(0)=0",
        sympy.Rational(1, 2),
        1,
        1,
        ALPHA**2,
    ),
    "gunasekar2023": Convention(
        r"u\odot v,\ w_\pm=(u\pm v)/2,\ u(0)=\alpha,\ v(0)=0", sympy.Rational(1), 1, 2, ALPHA**2 / 4
    ),
    "papazov2024": ROTATED,
    "lyu2023": Convention(r"u^2-v^2,\ u(0)=v(0)=\alpha", sympy.Rational(1), 2, 1, ALPHA**2),
}
