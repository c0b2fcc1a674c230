"""Rules whose friction fades with the step, or with the time: the velocity is slow."""

from __future__ import annotations

from collections.abc import Callable

from flint import fmpq

from derive.language.parameter import Parameter
from derive.language.update_rule import Number, optimizer
from derive.optimizers.numpy_later import np
from derive.optimizers.registry import known_nonlinear

Gradient = Callable[[Number], Number]
Pair = tuple[Number, Number]


@known_nonlinear
@optimizer(state=("u",), parameters=(Parameter("k", "friction", lower=fmpq(0)),))
def heavy_ball_inertial(x: Number, u: Number, grad: Gradient, h: Number, *, k: Number) -> Pair:
    """Heavy ball with beta = (1 - k h)/(1 + k h) (Polyak 1964), gradient step h^2, in velocity
    form: u <- beta u - h g, x <- x + h u. On a loss of strong convexity mu the friction k is
    sqrt(mu).
    """
    beta = (1 - k * h) / (1 + k * h)
    u = beta * u - h * grad(x)
    return x + h * u, u


@known_nonlinear
@optimizer(state=("u",), parameters=(Parameter("k", "friction", lower=fmpq(0)),))
def nesterov_sc(x: Number, u: Number, grad: Gradient, h: Number, *, k: Number) -> Pair:
    """Nesterov's method with beta = (1 - k h)/(1 + k h) (Nesterov 1983), gradient step h^2, at the
    points x where it takes gradients: u <- beta (u - h g), x <- x - h^2 g + h u. Between the last
    descent step y and x lies h u; k is sqrt(mu) as for heavy ball.
    """
    g, beta = grad(x), (1 - k * h) / (1 + k * h)
    u = beta * (u - h * g)
    return x - h**2 * g + h * u, u


@known_nonlinear
@optimizer(state=("u",))
def heavy_ball_c(x: Number, u: Number, grad: Gradient, h: Number, *, t: Number) -> Pair:
    """Heavy ball with beta = k/(k + 3) in step k (as Nesterov 1983), gradient step h^2:
    u <- beta u - h g, x <- x + h u, t = k h.
    """
    u = t / (t + 3 * h) * u - h * grad(x)
    return x + h * u, u


@known_nonlinear
@optimizer(state=("u",))
def nesterov_c(x: Number, u: Number, grad: Gradient, h: Number, *, t: Number) -> Pair:
    """Nesterov's method with beta = k/(k + 3) in step k (Nesterov 1983), gradient step h^2, at the
    points x where it takes gradients: u <- beta (u - h g), x <- x - h^2 g + h u, t = k h.
    """
    g, beta = grad(x), t / (t + 3 * h)
    u = beta * (u - h * g)
    return x - h**2 * g + h * u, u


@known_nonlinear
@optimizer(state=("u",), parameters=(Parameter("k", "friction", lower=fmpq(0)),))
def triple_momentum(x: Number, u: Number, grad: Gradient, h: Number, *, k: Number) -> Pair:
    """The triple momentum method (Van Scoy, Freeman and Lynch 2018) with rho = 1 - k h, smoothness
    1/h^2 and k = sqrt(mu): u <- beta u - h (1 + rho) grad E(x + h gamma u), x <- x + h u, where
    beta = rho^2/(2 - rho) and gamma = rho^2/((1 + rho)(2 - rho)).
    """
    rho = 1 - k * h
    beta = rho**2 / (2 - rho)
    u = beta * u - h * (1 + rho) * grad(x + h * beta / (1 + rho) * u)
    return x + h * u, u


@known_nonlinear
@optimizer(state=("p",), parameters=(Parameter("c", "friction", lower=fmpq(0)),))
def conformal_euler(x: Number, p: Number, grad: Gradient, h: Number, *, c: Number) -> Pair:
    """Conformal symplectic Euler for x'' + c x' + g = 0 (Bhatt, Floyd and Moore 2016): heavy ball
    with beta = exp(-c h), p <- beta p - h g, x <- x + h p.
    """
    p = np.exp(-c * h) * p - h * grad(x)
    return x + h * p, p


@known_nonlinear
@optimizer(state=("p",), parameters=(Parameter("c", "friction", lower=fmpq(0)),))
def conformal_leapfrog(x: Number, p: Number, grad: Gradient, h: Number, *, c: Number) -> Pair:
    """The conformal leapfrog for x'' + c x' + g = 0 (Bhatt, Floyd and Moore 2016), symmetric:
    p <- exp(-c h/2) p - h g/2, x <- x + h p, p <- exp(-c h/2) (p - h g/2).
    """
    p = np.exp(-c * h / 2) * p - h / 2 * grad(x)
    x = x + h * p
    return x, np.exp(-c * h / 2) * (p - h / 2 * grad(x))
