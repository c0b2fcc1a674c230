"""What do independent batches add at order h to a rule that is linear in its memory?

With x' = -W (g + h c W H g) on the full loss, the mean of a step over independent batches, at a
fixed point, adds h d W q to what stands in brackets, q = E H_n g_n - H g for the gradient g_n and
the Hessian H_n of a batch: half of the gradient of F, the mean of |g_n - g|^2.
"""

from __future__ import annotations

import sympy

from derive.engine.linear_memory import linear_method, solve
from derive.language.bad_input import BadInput
from derive.language.coefficients import Coefficient
from derive.language.update_rule import Optimizer


def noise_term(rule: Optimizer) -> sympy.Expr:
    """d, exact in the parameters; epochs of M batches without replacement have d + (d + 1/2 - c)/M
    in its place, up to O(1/M^2).

    A batch that moved x by w_j h g_n in the step j steps after its own, W = sum w_j, meets its own
    Hessian again where its gradient still stands in the memory: d W^2 = (W^2 - sum w_j^2)/2, less
    what a stage of the step itself looks ahead.

    Raises:
        BadInput: the rule takes several gradients, or is not linear in its memory.

    >>> from derive import gradient_descent, heavy_ball
    >>> noise_term(gradient_descent), noise_term(heavy_ball)
    (0, beta/(beta + 1))
    """
    if len(rule.fields) > 1:
        raise BadInput(f"{rule.name} takes the gradients of several losses.")
    method = linear_method(rule)
    zero, size = method.ring.number(0), range(len(method.w))

    def total(values: list[Coefficient]) -> Coefficient:
        return sum(values, zero)

    kick = [total(row) for row in method.c]
    pairs = [(i, j) for i in size for j in size]
    one = method.ring.number(1)
    squares = solve(
        [
            [one * ((i, j) == (k, m)) - method.w[i][k] * method.w[j][m] for k, m in pairs]
            for i, j in pairs
        ],
        [[kick[i] * kick[j]] for i, j in pairs],
    )
    apart = total(method.b) ** 2
    for (i, j), (both,) in zip(pairs, squares, strict=True):
        apart += method.v[i] * method.v[j] * both
    lasting = [
        b
        + total(
            [method.v[i] * method.memory_inverse[i][j] * method.c[j][r] for i in size for j in size]
        )
        for r, b in enumerate(method.b)
    ]
    force = total(lasting)
    ahead = total([w * total(row) for w, row in zip(lasting, method.a, strict=True)])
    found = (force**2 - apart) / 2 - ahead
    return sympy.factor((found / force**2).as_expr())
