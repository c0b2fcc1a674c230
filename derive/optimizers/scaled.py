"""Rules that scale by gradients alone, or a whole layer by its norm; and signs with decay.

Arguments mean what they mean in `derive.optimizers.adam_family`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import fmpq

from derive.language.parameter import Parameter, momentum, switch
from derive.language.update_rule import Number, optimizer
from derive.optimizers.adam_family import CORRECTED, EPSILONS, NESTEROV, average, root, whole
from derive.optimizers.adaptive import BETAS, DECAY, np
from derive.optimizers.registry import known_nonlinear

Gradient = Callable[[Any], Any]
Step = tuple[Number, ...]

INITIAL = Parameter("initial", "the accumulator before the first step", lower=fmpq(0))


def _filled(x: Any, grad: Gradient, h: Any, *, initial: Any, **parameters: Any) -> Step:
    return x * 0, x * 0 + initial, x * 0


@known_nonlinear
@optimizer(
    state=("a", "v", "b"),
    parameters=(
        momentum("beta2"),
        *EPSILONS,
        momentum("mu"),
        INITIAL,
        switch("centered", "scale by the spread about the average gradient"),
        NESTEROV,
        CORRECTED,
    ),
    start=_filled,
)
def library_rmsprop(
    x: Any,
    a: Any,
    v: Any,
    b: Any,
    grad: Gradient,
    h: Any,
    *,
    beta2: Any,
    eps: Any,
    eps_root: Any,
    mu: Any,
    initial: Any,
    centered: bool,
    nesterov: bool,
    corrected: bool,
    k: Any,
) -> Step:
    """RMSprop (Tieleman and Hinton 2012; Graves 2013) with momentum, centred or not:
    b <- mu b + g/(sqrt(v - a^2 + eps_root) + eps), x <- x - h b, a and v averages of g and g^2.
    """
    g = grad(x)
    a = average(a, g, beta2) if centered else a * 0
    v = average(v, g**2, beta2)
    sum_of_weights = whole(beta2, k, corrected)
    spread = v / sum_of_weights - (a / sum_of_weights) ** 2
    u = g / root(spread, eps, eps_root)
    b = mu * b + u
    return x - h * (mu * b + u if nesterov else b), a, v, b


@known_nonlinear
@optimizer(
    state=("v",),
    parameters=(*EPSILONS, INITIAL),
    start=lambda x, grad, h, *, initial, **parameters: x * 0 + initial,
)
def library_adagrad(
    x: Any, v: Any, grad: Gradient, h: Any, *, eps: Any, eps_root: Any, initial: Any
) -> Step:
    """AdaGrad (Duchi, Hazan and Singer 2011) in units of time: v <- v + h g^2,
    x <- x - h g/(sqrt(v + eps_root) + eps); h is the square of the libraries' learning rate.
    """
    g = grad(x)
    v = v + h * g**2
    return x - h * g / root(v, eps, eps_root), v


@known_nonlinear
@optimizer(
    state=("v",),
    parameters=(*EPSILONS, INITIAL, Parameter("decay", "fall of the step", lower=fmpq(0))),
    start=lambda x, grad, h, *, initial, **parameters: x * 0 + initial,
)
def fading_adagrad(
    x: Any,
    v: Any,
    grad: Gradient,
    h: Any,
    *,
    eps: Any,
    eps_root: Any,
    initial: Any,
    decay: Any,
    t: Any,
) -> Step:
    """AdaGrad whose step falls as h/(1 + decay t), t = kh, and whose sum of squares does not:
    v <- v + h g^2, x <- x - h/(1 + decay t) g/(sqrt(v + eps_root) + eps).
    """
    g = grad(x)
    v = v + h * g**2
    return x - h / (1 + decay * t) * g / root(v, eps, eps_root), v


@known_nonlinear
@optimizer(
    state=("v", "d"),
    parameters=(
        momentum("rho"),
        Parameter("eps", "added inside both roots", lower=fmpq(0), includes_lower=False),
    ),
    rest=lambda x, grad, h, **parameters: (grad(x) ** 2, grad(x) ** 2),
)
def adadelta(x: Any, v: Any, d: Any, grad: Gradient, h: Any, *, rho: Any, eps: Any) -> Step:
    """Adadelta (Zeiler 2012): x <- x - h u, u = g sqrt(d + eps)/sqrt(v + eps), v and d averages of
    g^2 and, one step late, of u^2.
    """
    g = grad(x)
    v = average(v, g**2, rho)
    u = g * np.sqrt(d + eps) / np.sqrt(v + eps)
    return x - h * u, v, average(d, u**2, rho)


@known_nonlinear
@optimizer(state=("m", "v"), parameters=(*BETAS, *EPSILONS, DECAY, CORRECTED))
def library_lamb(
    x: Any,
    m: Any,
    v: Any,
    grad: Gradient,
    h: Any,
    *,
    beta1: Any,
    beta2: Any,
    eps: Any,
    eps_root: Any,
    lam: Any,
    corrected: bool,
    k: Any,
) -> Step:
    """LAMB (You et al. 2019) on one layer: x <- x - h |x|/|r| r, r = m/(sqrt(v + eps_root) + eps) +
    lam x.
    """
    g = grad(x)
    m, v = average(m, g, beta1), average(v, g**2, beta2)
    below = root(v / whole(beta2, k, corrected), eps, eps_root)
    r = m / whole(beta1, k, corrected) / below + lam * x
    return x - h * np.linalg.norm(x) / np.linalg.norm(r) * r, m, v


@known_nonlinear
@optimizer(
    state=("b",),
    parameters=(
        momentum("mu"),
        Parameter("trust", "trust coefficient", lower=fmpq(0), includes_lower=False),
        Parameter("eps", "added to the norm of the gradient", lower=fmpq(0)),
        NESTEROV,
    ),
)
def lars(
    x: Any, b: Any, grad: Gradient, h: Any, *, mu: Any, trust: Any, eps: Any, nesterov: bool
) -> Step:
    """LARS (You, Gitman and Ginsburg 2017) on one layer: u = trust |x|/(|g| + eps) g,
    b <- mu b + u, x <- x - h b.
    """
    g = grad(x)
    u = trust * np.linalg.norm(x) / (np.linalg.norm(g) + eps) * g
    b = mu * b + u
    return x - h * (mu * b + u if nesterov else b), b


@known_nonlinear
@optimizer(
    state=("m", "v"),
    parameters=(*BETAS, *EPSILONS, DECAY),
    start=lambda x, grad, h, **parameters: (x * 0, np.vdot(grad(x), grad(x))),
)
def novograd(
    x: Any,
    m: Any,
    v: Any,
    grad: Gradient,
    h: Any,
    *,
    beta1: Any,
    beta2: Any,
    eps: Any,
    eps_root: Any,
    lam: Any,
) -> Step:
    """NovoGrad (Ginsburg et al. 2019) on one layer: v an average of |g|^2,
    m <- beta1 m + g/(sqrt(v + eps_root) + eps) + lam x, x <- x - h m.
    """
    g = grad(x)
    v = average(v, np.vdot(g, g), beta2)
    m = beta1 * m + g / root(v, eps, eps_root) + lam * x
    return x - h * m, m, v


@known_nonlinear
@optimizer()
def fromage(x: Any, grad: Gradient, h: Any) -> Number:
    """Fromage (Bernstein et al. 2020) on one layer: x <- (x - h |x|/|g| g)/sqrt(1 + h^2)."""
    g = grad(x)
    return (x - h * np.linalg.norm(x) / np.linalg.norm(g) * g) / np.sqrt(1 + h**2)
