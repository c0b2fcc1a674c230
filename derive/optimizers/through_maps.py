"""Rules that put an average of gradients through any map: the gradient of a K, or Muon's matrix.

The first field is grad E, the second the map, which is never told what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from derive.language.parameter import momentum
from derive.language.update_rule import Number, optimizer
from derive.optimizers.adam_family import CORRECTED, NESTEROV, ahead, average
from derive.optimizers.adaptive import BETAS
from derive.optimizers.registry import known_nonlinear

Fields = tuple[Callable[[Any], Any], Callable[[Any], Any]]
Pair = tuple[Number, Number]


@known_nonlinear
@optimizer(state=("m",), parameters=BETAS, fields=("E", "kappa"), maps=("kappa",), name="lion-k")
def lion_k(x: Any, m: Any, grad: Fields, h: Any, *, beta1: Any, beta2: Any) -> Pair:
    """Lion-K (Chen, Liu, Liang and Liu 2023) for any K: x <- x - h kappa(c), kappa = grad K,
    c = beta1 m + (1 - beta1) g, m an average of g with beta2.
    """
    gradient, kappa = grad
    g = gradient(x)
    return x - h * kappa(average(m, g, beta1)), average(m, g, beta2)


@known_nonlinear
@optimizer(
    state=("m",),
    parameters=(momentum("mu"), CORRECTED, NESTEROV),
    fields=("E", "O"),
    maps=("O",),
)
def muon(
    x: Any, m: Any, grad: Fields, h: Any, *, mu: Any, corrected: bool, nesterov: bool, k: Any
) -> Pair:
    """Muon (Jordan et al. 2024): x <- x - h O(m), m an average of g and O what makes a matrix
    orthogonal, some Newton-Schulz steps in practice.
    """
    gradient, orthogonal = grad
    g = gradient(x)
    m = average(m, g, mu)
    return x - h * orthogonal(ahead(m, g, mu, k, corrected, nesterov)), m
