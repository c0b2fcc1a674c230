"""The sources' conventions for a diagonal network: factors of 2 that change the answer."""

from __future__ import annotations

from collections.abc import Mapping

from derive.networks.diagonal_networks import HALVES, ROTATED, SQUARES, SUMS
from derive.networks.potentials import ALPHA, Potential

CONVENTIONS: Mapping[str, Potential] = {
    "woodworth2020": Potential(SQUARES, scale=4, written=r"w_+^2-w_-^2,\ w_\pm(0)=\alpha"),
    "even2023": Potential(
        ROTATED, written=r"u\odot v,\ w_\pm=(u\pm v)/\sqrt2,\ u(0)=\sqrt2\alpha,\ v(0)=0"
    ),
    "gunasekar2023": Potential(
        HALVES,
        scale=2,
        start=ALPHA**2 / 4,
        written=r"u\odot v,\ w_\pm=(u\pm v)/2,\ u(0)=\alpha,\ v(0)=0",
    ),
    "papazov2024": Potential(SUMS, written=r"u\odot v,\ w_\pm=u\pm v,\ u(0)=\alpha,\ v(0)=0"),
    "lyu2023": Potential(SQUARES, written=r"u^2-v^2,\ u(0)=v(0)=\alpha"),
}
