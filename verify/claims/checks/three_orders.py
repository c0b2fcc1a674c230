"""What the claims on the first three orders of the flow of momentum share.

a is how far the gradient looks ahead, 0 for heavy ball and beta for Nesterov.
"""

from __future__ import annotations

from typing import Any

from derive.language.formula import BETA, H
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.memory_rules import (
    CHAIN,
    FORK,
    A,
)

Number = Any
SPEED = (1 - 2 * A) / (1 + BETA - 2 * A * ONE_MINUS)
"""See the claims on the modified equation and on its starting velocity."""
FIRST_TERM = -H * (1 + BETA) / (2 * ONE_MINUS**3)
H2_TERMS = {
    CHAIN: -(H**2) * (1 + 4 * BETA + BETA**2) / (3 * ONE_MINUS**5),
    FORK: -(H**2) * (1 + 10 * BETA + BETA**2) / (12 * ONE_MINUS**5),
}
"""Heavy ball's x' beside HHg and T[g,g]; at beta = 0, gradient descent's."""
