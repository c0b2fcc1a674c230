"""Rules that scale each component by what its gradient was, or take its sign."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import fmpq

from derive.language.parameter import Parameter, momentum
from derive.language.update_rule import Number, optimizer
from derive.optimizers.numpy_later import np
from derive.optimizers.registry import known_nonlinear

Gradient = Callable[[Any], Any]
Pair = tuple[Number, Number]
Triple = tuple[Number, Number, Number]

EPS = Parameter("eps", "what keeps the root from 0", lower=fmpq(0), includes_lower=False)
DECAY = Parameter("lam", "weight decay", lower=fmpq(0))
BETAS = (momentum("beta1"), momentum("beta2"))


@known_nonlinear
@optimizer(state=("m", "v"), parameters=(*BETAS, EPS))
def adam(
    x: Any, m: Any, v: Any, grad: Gradient, h: Any, *, beta1: Any, beta2: Any, eps: Any
) -> Triple:
    """Adam without bias correction (Kingma and Ba 2014), epsilon outside the root:
    x <- x - h m/(sqrt(v) + eps), m and v averages of g and g^2.
    """
    g = grad(x)
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    return x - h * m / (np.sqrt(v) + eps), m, v


@known_nonlinear
@optimizer(state=("m", "v", "k"), parameters=(*BETAS, EPS))
def adam_corrected(
    x: Any, m: Any, v: Any, k: Any, grad: Gradient, h: Any, *, beta1: Any, beta2: Any, eps: Any
) -> tuple[Number, Number, Number, Number]:
    """Adam with its bias correction (Kingma and Ba 2014), epsilon outside the root."""
    g = grad(x)
    k = k + 1
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    return x - h * m / (1 - beta1**k) / (np.sqrt(v / (1 - beta2**k)) + eps), m, v, k


@known_nonlinear
@optimizer(state=("m", "v"), parameters=(*BETAS, EPS))
def adam_inside(
    x: Any, m: Any, v: Any, grad: Gradient, h: Any, *, beta1: Any, beta2: Any, eps: Any
) -> Triple:
    """Adam without bias correction, epsilon inside the root: x <- x - h m/sqrt(v + eps)."""
    g = grad(x)
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    return x - h * m / np.sqrt(v + eps), m, v


@known_nonlinear
@optimizer(state=("m", "v"), parameters=(*BETAS, EPS, DECAY))
def adamw(
    x: Any, m: Any, v: Any, grad: Gradient, h: Any, *, beta1: Any, beta2: Any, eps: Any, lam: Any
) -> Triple:
    """AdamW without bias correction (Loshchilov and Hutter 2019):
    x <- x - h (m/(sqrt(v) + eps) + lam x).
    """
    g = grad(x)
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    return x - h * (m / (np.sqrt(v) + eps) + lam * x), m, v


@known_nonlinear
@optimizer(state=("v",), parameters=(momentum("beta2"), EPS))
def rmsprop(x: Any, v: Any, grad: Gradient, h: Any, *, beta2: Any, eps: Any) -> Pair:
    """RMSprop (Tieleman and Hinton 2012): x <- x - h g/(sqrt(v) + eps), v an average of g^2."""
    g = grad(x)
    v = beta2 * v + (1 - beta2) * g**2
    return x - h * g / (np.sqrt(v) + eps), v


@known_nonlinear
@optimizer(state=("v",), parameters=(EPS,))
def adagrad(x: Any, v: Any, grad: Gradient, h: Any, *, eps: Any) -> Pair:
    """AdaGrad (Duchi, Hazan and Singer 2011) with the sum of squares in units of time:
    v <- v + h g^2, x <- x - h g/sqrt(v + eps).
    """
    g = grad(x)
    v = v + h * g**2
    return x - h * g / np.sqrt(v + eps), v


@known_nonlinear
@optimizer(state=("m",), parameters=(*BETAS, EPS))
def lion_smooth(
    x: Any, m: Any, grad: Gradient, h: Any, *, beta1: Any, beta2: Any, eps: Any
) -> Pair:
    """Lion-K (Chen, Liu, Liang and Liu 2023) with K(c) = sum sqrt(c^2 + eps^2):
    x <- x - h c/sqrt(c^2 + eps^2), c = beta1 m + (1 - beta1) g, m an average of g.
    """
    g = grad(x)
    c = beta1 * m + (1 - beta1) * g
    return x - h * c / np.sqrt(c**2 + eps**2), beta2 * m + (1 - beta2) * g


@known_nonlinear
@optimizer(state=("m",), parameters=BETAS)
def lion(x: Any, m: Any, grad: Gradient, h: Any, *, beta1: Any, beta2: Any) -> Pair:
    """Lion without weight decay (Chen et al. 2023): x <- x - h sign(beta1 m + (1 - beta1) g)."""
    g = grad(x)
    return x - h * np.sign(beta1 * m + (1 - beta1) * g), beta2 * m + (1 - beta2) * g


@known_nonlinear
@optimizer(state=("m",), parameters=(momentum(),))
def normalized_momentum(x: Any, m: Any, grad: Gradient, h: Any, *, beta: Any) -> Pair:
    """Normalized momentum (Cutkosky and Mehta 2020): x <- x - h m/|m|, m an average of g."""
    m = beta * m + (1 - beta) * grad(x)
    return x - h * m / np.linalg.norm(m), m


@known_nonlinear
@optimizer(parameters=(Parameter("rho", "ascent radius over h", lower=fmpq(0)),))
def sam_normalized(x: Any, grad: Gradient, h: Any, *, rho: Any) -> Number:
    """Sharpness-aware minimization (Foret et al. 2021), ascent radius rho h:
    x <- x - h grad E(x + rho h g/|g|).
    """
    g = grad(x)
    return x - h * grad(x + rho * h * g / np.linalg.norm(g))


@known_nonlinear
@optimizer(state=("m", "v"), parameters=(*BETAS, EPS))
def lamb(
    x: Any, m: Any, v: Any, grad: Gradient, h: Any, *, beta1: Any, beta2: Any, eps: Any
) -> Triple:
    """LAMB (You et al. 2019) without bias correction and decay, on one layer:
    x <- x - h |x|/|r| r, r = m/(sqrt(v) + eps).
    """
    g = grad(x)
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    r = m / (np.sqrt(v) + eps)
    return x - h * np.linalg.norm(x) / np.linalg.norm(r) * r, m, v
