"""Rules near Adam: rectified, with a maximum, a mixture, a difference, or the spread of gradients.

Arguments mean what they mean in `derive.optimizers.adam_family`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import fmpq

from derive.language.parameter import Parameter, momentum, switch
from derive.language.update_rule import Number, optimizer
from derive.optimizers.adam_family import (
    CORRECTED,
    EPSILONS,
    NESTEROV,
    OUTSIDE,
    ahead,
    average,
    root,
    whole,
)
from derive.optimizers.adaptive import BETAS, np
from derive.optimizers.registry import known_nonlinear

Gradient = Callable[[Any], Any]
Step = tuple[Number, ...]

RECTIFIED = Parameter(
    "beta2",
    "momentum",
    lower=fmpq(2, 3),
    upper=fmpq(1),
    includes_lower=False,
    why="at 2/3 and below RAdam never takes an adaptive step; give beta2 a number above 2/3.",
)


@known_nonlinear
@optimizer(
    state=("m", "v", "q", "kq"),
    parameters=(
        BETAS[0],
        RECTIFIED,
        *EPSILONS,
        NESTEROV,
        switch("raw_eps", "add eps to the root before it is corrected"),
    ),
    start=lambda x, grad, h, **parameters: (x * 0, x * 0, x * 0 + 1, x * 0),
)
def radam(
    x: Any,
    m: Any,
    v: Any,
    q: Any,
    kq: Any,
    grad: Gradient,
    h: Any,
    *,
    beta1: Any,
    beta2: Any,
    eps: Any,
    eps_root: Any,
    nesterov: bool,
    raw_eps: bool,
    k: Any,
) -> Step:
    """RAdam (Liu et al. 2020): Adam, rectified while its second moment is young, at first without
    it. q is beta2^k and kq is k beta2^k: both fade, and the rectification with them.
    """
    g = grad(x)
    m, v = average(m, g, beta1), average(v, g**2, beta2)
    q, kq = beta2 * q, beta2 * (kq + q)
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * kq / (1 - q)
    adaptive = (np.sign(length - 5) + 1) / 2
    shrunk = (length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)
    correction = np.sqrt(1 - q)
    size = np.sqrt(v + eps_root) if raw_eps else np.sqrt(v / (1 - q) + eps_root) * correction
    below = size + eps * (1 if raw_eps else correction)
    step = ahead(m, g, beta1, k, True, nesterov)
    rectified = np.sqrt(abs(shrunk)) * correction / below
    return x - h * step * (adaptive * rectified + 1 - adaptive), m, v, q, kq


@known_nonlinear
@optimizer(
    state=("m", "u"),
    parameters=(*BETAS, OUTSIDE, CORRECTED),
    rest=lambda x, grad, h, *, eps, **parameters: (grad(x), abs(grad(x)) + eps),
)
def adamax(
    x: Any,
    m: Any,
    u: Any,
    grad: Gradient,
    h: Any,
    *,
    beta1: Any,
    beta2: Any,
    eps: Any,
    corrected: bool,
    k: Any,
) -> Step:
    """AdaMax (Kingma and Ba 2014): x <- x - h m/u, u <- max(beta2 u, |g| + eps)."""
    g = grad(x)
    m, u = average(m, g, beta1), np.maximum(beta2 * u, abs(g) + eps)
    return x - h * m / whole(beta1, k, corrected) / u, m, u


@known_nonlinear
@optimizer(state=("m", "s"), parameters=(*BETAS, *EPSILONS, CORRECTED, NESTEROV))
def adabelief(
    x: Any,
    m: Any,
    s: Any,
    grad: Gradient,
    h: Any,
    *,
    beta1: Any,
    beta2: Any,
    eps: Any,
    eps_root: Any,
    corrected: bool,
    nesterov: bool,
    k: Any,
) -> Step:
    """AdaBelief (Zhuang et al. 2020): Adam with the spread s of the gradients about their average:
    s <- beta2 s + (1 - beta2) (g - m)^2 + eps_root, x <- x - h m/(sqrt(s) + eps).
    """
    g = grad(x)
    m = average(m, g, beta1)
    s = average(s, (g - m) ** 2, beta2) + eps_root
    step = ahead(m, g, beta1, k, corrected, nesterov)
    return x - h * step / (np.sqrt(s / whole(beta2, k, corrected)) + eps), m, s


@known_nonlinear
@optimizer(
    state=("m", "d", "n", "last"),
    parameters=(*BETAS, momentum("beta3"), *EPSILONS, CORRECTED),
    start=lambda x, grad, h, **parameters: (x * 0, x * 0, x * 0, grad(x)),
)
def adan(
    x: Any,
    m: Any,
    d: Any,
    n: Any,
    last: Any,
    grad: Gradient,
    h: Any,
    *,
    beta1: Any,
    beta2: Any,
    beta3: Any,
    eps: Any,
    eps_root: Any,
    corrected: bool,
    k: Any,
) -> Step:
    """Adan (Xie et al. 2022), each beta the weight of what is kept: averages m of g, d of the
    differences of g, n of (g + (1 - beta2) (g - last))^2; x <- x - h (m + (1 - beta2) d)/sqrt(n).
    """
    g = grad(x)
    m, d = average(m, g, beta1), average(d, g - last, beta2)
    n = average(n, (g + (1 - beta2) * (g - last)) ** 2, beta3)
    whole1, whole2, whole3 = (whole(beta, k, corrected) for beta in (beta1, beta2, beta3))
    step = m / whole1 + (1 - beta2) * d / whole2
    return x - h * step / root(n / whole3, eps, eps_root), m, d, n, g


@known_nonlinear
@optimizer(
    state=("m", "slow", "v"),
    parameters=(
        *BETAS,
        momentum("beta3"),
        Parameter("alpha", "weight of the slow average", lower=fmpq(0)),
        *EPSILONS,
        CORRECTED,
    ),
)
def ademamix(
    x: Any,
    m: Any,
    slow: Any,
    v: Any,
    grad: Gradient,
    h: Any,
    *,
    beta1: Any,
    beta2: Any,
    beta3: Any,
    alpha: Any,
    eps: Any,
    eps_root: Any,
    corrected: bool,
    k: Any,
) -> Step:
    """AdEMAMix (Pagliardini, Ablin and Grangier 2024): Adam with m + alpha slow in the place of m,
    slow an average with beta3 that is never corrected.
    """
    g = grad(x)
    m, slow, v = average(m, g, beta1), average(slow, g, beta3), average(v, g**2, beta2)
    step = m / whole(beta1, k, corrected) + alpha * slow
    return x - h * step / root(v / whole(beta2, k, corrected), eps, eps_root), m, slow, v


@known_nonlinear
@optimizer(state=("m", "v"), parameters=(*BETAS, OUTSIDE))
def adopt(
    x: Any,
    m: Any,
    v: Any,
    grad: Gradient,
    h: Any,
    *,
    beta1: Any,
    beta2: Any,
    eps: Any,
    k: Any,
) -> Step:
    """ADOPT (Taniguchi et al. 2024) unclipped: each gradient is scaled by the second moment before
    it, m <- beta1 m + (1 - beta1) g/max(sqrt(v), eps), x <- x - h m; the first step only fills v.
    """
    g, first = grad(x), 0**k
    new = g / np.maximum(np.sqrt(v), eps)
    m = average(m, new, beta1) * (1 - first)
    return x - h * m, m, average(v, g**2, beta2 * (1 - first))


@known_nonlinear
@optimizer(
    state=("m", "v", "last"),
    parameters=(*BETAS, *EPSILONS, Parameter("alpha"), Parameter("beta"), CORRECTED, NESTEROV),
)
def optimistic_adam(
    x: Any,
    m: Any,
    v: Any,
    last: Any,
    grad: Gradient,
    h: Any,
    *,
    beta1: Any,
    beta2: Any,
    eps: Any,
    eps_root: Any,
    alpha: Any,
    beta: Any,
    corrected: bool,
    nesterov: bool,
    k: Any,
) -> Step:
    """Optimistic Adam (Daskalakis et al. 2018): of Adam's step u, x <- x - h ((alpha + beta) u -
    beta last u).
    """
    g = grad(x)
    m, v = average(m, g, beta1), average(v, g**2, beta2)
    below = root(v / whole(beta2, k, corrected), eps, eps_root)
    u = ahead(m, g, beta1, k, corrected, nesterov) / below
    last = last * (1 - 0**k) + u * 0**k
    return x - h * ((alpha + beta) * u - beta * last), m, v, u
