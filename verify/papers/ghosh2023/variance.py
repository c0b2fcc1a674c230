"""What variance the iterates keep: Ghosh, Lyu, Zhang and Wang (2023), remark 5.5."""

from __future__ import annotations

import random

import sympy
from flint import fmpq

from derive import ema_momentum, heavy_ball
from derive.language.formula import BETA, H
from verify.claims.checks.heavy_ball import ONE_MINUS
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stated import measured
from verify.claims.checks.stationary_covariance import derived_variance
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, on
from verify.claims.slots import Instance, Number, Value
from verify.claims.statement import Statement, Type
from verify.models.modes import Mode, kept, mode_of

ETA, LAMBDA = sympy.symbols("eta lambda")


def mode(rate: fmpq, beta: fmpq, curvature: fmpq) -> Mode:
    """Heavy ball at this effective learning rate."""
    return mode_of(heavy_ball, rate * (1 - beta), {"beta": beta}, curvature)


def ratio(rate: fmpq, beta: fmpq, curvature: fmpq) -> fmpq:
    """The variance that the iterates keep over that without momentum, in exact numbers."""
    with_momentum, without = (mode(rate, b, curvature) for b in (beta, fmpq(0)))
    return kept(with_momentum, with_momentum)[0, 0] / kept(without, without)[0, 0]


@claim(
    "ghosh2023.variance-of-the-iterates",
    catalogue="E21 A27",
    where="Remark 5.5: that less variance of the force is less variance of the iterates",
    printed=OURS,
)
def variance_of_the_iterates() -> Claim:
    r"""Remark 5.5 takes the smaller variance of the force for a smaller variance of the iterates,
    without a formula. But the forces of successive steps are correlated, and what they add up to
    has the variance of SGD. The iterates' variance changes at relative order $\eta\lambda$ only.
    """

    def solved(says: Statement, settings: Settings) -> tuple[bool, str]:
        draw, met = random.Random(settings.seed), 0
        while met < 20:
            rate, beta, curvature = (
                fmpq(draw.randint(1, 20), 10),
                fmpq(draw.randint(-19, 19), 20),
                fmpq(draw.randint(1, 30), 10),
            )
            if not all(mode(rate, b, curvature).settles for b in (beta, fmpq(0))):
                continue
            met += 1
            known = {"eta": rate, "beta": beta, "lambda": curvature}
            if says.number("factor", **known) != ratio(rate, beta, curvature):
                return False, f"another factor at {known}"
        return True, "equal at 20 points where both are stable"

    def derived() -> sympy.Expr:
        average = derived_variance(ema_momentum, (0, 0), 2)().subs(H, ETA)
        return average / average.subs(BETA, 0)

    def at_the_example(says: Statement, settings: Settings) -> fmpq:
        return ratio(says["example"][r"\eta\lambda"], says["example"][r"\beta"], fmpq(1))

    def of_one_force(says: Statement, settings: Settings) -> fmpq:
        """The limit of (1-beta)^2 (1 + beta^2 + beta^4 + ...), summed up."""
        beta = says["example"][r"\beta"]
        return (1 - beta) ** 2 * sum((beta ** (2 * k) for k in range(400)), fmpq(0))

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"At equal effective learning rate $\eta$, with white noise in the gradient, the "
            r"variance that the iterates keep on a mode of curvature $\lambda$ is that without "
            r"momentum times {factor}, wherever both are stable. {example}: it is {size}, where "
            r"the variance of one force has the factor {force}.",
            {
                "factor": Value((2 - ETA * LAMBDA) / (2 - ETA * LAMBDA * ONE_MINUS / (1 + BETA))),
                "example": Instance(None, {r"\beta": "9/10", r"\eta\lambda": "1/10"}),
                "size": Number("0.953"),
                "force": Number("0.0526"),
            },
        ),
        checks=(
            on(
                "factor",
                identical("derived Lyapunov equation", derived),
            ),
            exact("Lyapunov equation solved exactly", Kind.ENUMERATION, solved),
            measured("variance of the iterates", at_the_example, number="size"),
            measured("variance of one force", of_one_force, number="force"),
        ),
    )
