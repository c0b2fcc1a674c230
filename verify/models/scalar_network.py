"""The network w1 w2 x of two scalar weights on one sample, and where heavy ball ends on it."""

from __future__ import annotations

from functools import lru_cache

from flint import arb, fmpq

from verify.running.losses import Loss, polynomial
from verify.running.numbers import precision


@lru_cache(maxsize=64)
def model(x: fmpq, y: fmpq) -> Loss:
    """The loss (y - w1 w2 x)^2/2 of the scalar two-layer network."""
    terms = (((0, 0), y * y / 2), ((1, 1), -x * y), ((2, 2), x * x / 2))
    return polynomial(2, terms, f"({y} - {x} w1 w2)^2/2")


@lru_cache(maxsize=64)
def limit(
    x: fmpq,
    y: fmpq,
    beta: fmpq,
    digits: int,
    rate: fmpq,
    start: tuple[fmpq, fmpq],
) -> tuple[arb, arb]:
    """Enclosures of the two weights in the limit of heavy ball on the model, written out in balls.

    Args:
        digits: the enclosures are narrower than 10^-digits.
        rate: the effective learning rate.
    Raises:
        ArithmeticError: no limit is certified within about 100 steps a digit.
    """
    with precision(4 * digits + 100):  # the balls widen as fast as the path converges
        h, b, scale = arb((1 - beta) * rate), arb(beta), arb(x)
        w1, w2, v1, v2 = arb(start[0]), arb(start[1]), arb(0), arb(0)
        for step in range(1, 100 * (digits + 100)):
            pull = h * scale * (arb(y) - w1 * w2 * scale)
            v1, v2 = b * v1 + pull * w2, b * v2 + pull * w1
            w1, w2 = w1 + v1, w2 + v2
            if step % 200 == 0:
                norm = (w1 * w1 + w2 * w2).sqrt()
                rest = _remaining_travel(
                    norm, abs(arb(y) - w1 * w2 * scale), v1 * v1 + v2 * v2, abs(scale), h, b
                )
                if rest is not None and rest < arb(10) ** (-digits - 1):
                    return w1 + arb(0, rest), w2 + arb(0, rest)
    raise ArithmeticError(f"no limit is certified at (x, y) = ({x}, {y}), beta = {beta}")


def _remaining_travel(norm: arb, r: arb, speed: arb, x: arb, h: arb, beta: arb) -> arb | None:
    """A bound on the length of the path from here on, None where none is found.

    Let |r| be the residual |y - w1 w2 x|, speed |v|^2. In a ball of radius 1/100 the Hessian's norm
    is at most L and |grad E|^2 = 2 x^2 |w|^2 E >= 2 mu E. With V = E + beta |v|^2/(2h), the descent
    lemma for v_(k+1) = beta v_k - h g gives V_(k+1) <= V_k - (c/h)|v_(k+1)|^2, c = 1-beta-hL/2, and
    E <= |g|^2/(2 mu) gives V_k <= (|v_k|^2 + |v_(k+1)|^2)(1/(mu h^2) + 1/(2h)). Hence
    V_(k+2) <= V_k/(1+eta), eta = c mu h/(1 + mu h/2), and the sum of |v| is a geometric series. It
    and the next step must stay in the ball.
    """
    ball = arb(1) / 100
    far = norm + ball
    lipschitz = (x * far) ** 2 + x * (r + x * ball * far)
    mu = (x * (norm - ball)) ** 2
    c = 1 - beta - h * lipschitz / 2
    if not (c > 0 and norm > ball):
        return None
    v = (r * r / 2 + beta * speed / (2 * h)).upper()
    eta = c * mu * h / (1 + mu * h / 2)
    travel = 2 * (h * v / c).sqrt() / (1 - 1 / (1 + eta).sqrt())
    jump = (2 * beta * h * v).sqrt() + h * x * far * (2 * v).sqrt()
    return travel if travel + jump < ball else None
