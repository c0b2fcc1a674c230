"""Adam and what grew out of it, with the flags that PyTorch and optax give it.

Decay is none of a rule's business here: coupled, it is a change of the loss, E + lam |x|^2/2, and
decoupled, a second step beside the first (`derive.optimizers.weight_decay`). Where an argument is
called `corrected`, the averages are divided by 1 - beta^(k+1) in step k, as both libraries do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import fmpq

from derive.language.parameter import Parameter, switch
from derive.language.update_rule import Number, optimizer
from derive.optimizers.adaptive import BETAS, np
from derive.optimizers.registry import known_nonlinear

Gradient = Callable[[Any], Any]
Step = tuple[Number, ...]

OUTSIDE = Parameter("eps", "added to the root", lower=fmpq(0))
INSIDE = Parameter("eps_root", "added inside the root", lower=fmpq(0))
EPSILONS = (OUTSIDE, INSIDE)
CORRECTED = switch("corrected", "divide the averages by what their weights sum to")
NESTEROV = switch("nesterov", "look one step of the momentum ahead")


def average(old: Any, new: Any, beta: Any) -> Any:
    """An exponential average after one more value."""
    return beta * old + (1 - beta) * new


def whole(beta: Any, k: Any, corrected: bool) -> Any:
    """What the weights of an average from 0 sum to after step k; 1 where it is not corrected."""
    return 1 - beta ** (k + 1) if corrected else 1


def ahead(m: Any, g: Any, beta: Any, k: Any, corrected: bool, nesterov: bool) -> Any:
    """The first moment that a step takes: corrected, and for nesterov averaged once more
    (Dozat 2016, with a constant momentum as optax has it).
    """
    if not nesterov:
        return m / whole(beta, k, corrected)
    return beta * m / whole(beta, k + 1, corrected) + (1 - beta) * g / whole(beta, k, corrected)


def root(second: Any, eps: Any, eps_root: Any) -> Any:
    """What a step is divided by: the root of a second moment with both epsilons."""
    return np.sqrt(second + eps_root) + eps


@known_nonlinear
@optimizer(state=("m", "v"), parameters=(*BETAS, *EPSILONS, CORRECTED, NESTEROV))
def library_adam(
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
    corrected: bool,
    nesterov: bool,
    k: Any,
) -> Step:
    """Adam (Kingma and Ba 2014) with epsilon outside and inside the root, bias correction and
    NAdam's step (Dozat 2016): x <- x - h m/(sqrt(v + eps_root) + eps).
    """
    g = grad(x)
    m, v = average(m, g, beta1), average(v, g**2, beta2)
    step = ahead(m, g, beta1, k, corrected, nesterov)
    return x - h * step / root(v / whole(beta2, k, corrected), eps, eps_root), m, v


@known_nonlinear
@optimizer(state=("m", "v"), parameters=(*BETAS, OUTSIDE))
def keras_adam(
    x: Any, m: Any, v: Any, grad: Gradient, h: Any, *, beta1: Any, beta2: Any, eps: Any, k: Any
) -> Step:
    """Adam in the second form of Kingma and Ba (2014, section 2), as Keras has it: epsilon is added
    to the root before that is corrected, x <- x - h sqrt(1 - beta2^k)/(1 - beta1^k) m/(sqrt(v) +
    eps).
    """
    g = grad(x)
    m, v = average(m, g, beta1), average(v, g**2, beta2)
    correction = np.sqrt(whole(beta2, k, True)) / whole(beta1, k, True)
    return x - h * correction * m / (np.sqrt(v) + eps), m, v


@known_nonlinear
@optimizer(
    state=("m", "v", "top"),
    parameters=(
        *BETAS,
        *EPSILONS,
        CORRECTED,
        switch("corrected_top", "correct before the maximum"),
        switch("rising", "the maximum may still rise"),
    ),
)
def amsgrad(
    x: Any,
    m: Any,
    v: Any,
    top: Any,
    grad: Gradient,
    h: Any,
    *,
    beta1: Any,
    beta2: Any,
    eps: Any,
    eps_root: Any,
    corrected: bool,
    corrected_top: bool,
    rising: bool,
    k: Any,
) -> Step:
    """AMSGrad (Reddi, Kale and Kumar 2018): Adam with the largest second moment so far. While the
    moment is `rising` it is Adam; while its maximum stands, momentum with a fixed preconditioner.
    """
    g = grad(x)
    m, v = average(m, g, beta1), average(v, g**2, beta2)
    if rising:
        top = np.maximum(top, v / whole(beta2, k, corrected and corrected_top))
    second = top / whole(beta2, k, corrected and not corrected_top)
    step = m / whole(beta1, k, corrected)
    return x - h * step / root(second, eps, eps_root), m, v, top


@known_nonlinear
@optimizer(
    state=("m", "v", "fading"),
    parameters=(
        *BETAS,
        OUTSIDE,
        Parameter("psi", "rate at which the momentum comes up", lower=fmpq(0)),
    ),
    start=lambda x, grad, h, **parameters: (x * 0, x * 0, x * 0 + 1),
)
def torch_nadam(
    x: Any,
    m: Any,
    v: Any,
    fading: Any,
    grad: Gradient,
    h: Any,
    *,
    beta1: Any,
    beta2: Any,
    eps: Any,
    psi: Any,
    k: Any,
) -> Step:
    """NAdam (Dozat 2016) with the momentum beta1 (1 - 0.96^(psi k)/2) of step k, bias-corrected:
    `fading` is the product of the momenta so far.
    """
    g = grad(x)
    rate = 0.96**psi
    mu, following = (beta1 * (1 - rate ** (k + n) / 2) for n in (1, 2))
    fading = fading * mu
    m, v = average(m, g, beta1), average(v, g**2, beta2)
    step = (1 - mu) / (1 - fading) * g + following / (1 - fading * following) * m
    return x - h * step / (np.sqrt(v / whole(beta2, k, True)) + eps), m, v, fading
