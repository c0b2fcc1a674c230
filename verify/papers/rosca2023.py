"""The principal flow of gradient descent: Rosca, Wu, Qin and Dherin (2023).

A mode of curvature lambda has the loss E = lambda x^2/2; z is step size times curvature.
"""

from __future__ import annotations

import sympy
from flint import acb, arb

from derive import gradient_descent
from derive.language.formula import Z
from verify.claims.checks.quadratics import on_the_principal_flow
from verify.claims.checks.stated import bounded
from verify.claims.claim import RECALLED, Claim, Kind, Settings, claim, on
from verify.claims.slots import Domain, Point, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import COMPLEX, evaluate, precision


@claim("rosca2023.principal-flow", catalogue="E09", where="principal flow", printed=RECALLED)
def gradient_descent_flow() -> Claim:
    r"""Gradient descent multiplies a mode by $1-z$ at every step, and $\dot x=r\lambda x$
    multiplies it by $e^{rz}$ in the time $h$. So $rz=\log(1-z)$; on a quadratic nothing else is
    needed. The series $-1-z/2-z^2/3-\dots$ is that of the modified flow on tall trees; it converges
    for $|z|<1$. Beyond $z=1$ the iterates change sign, the logarithm is complex, and so is the path
    between the times $kh$.
    """

    def real_and_met(says: Statement, point: Point, settings: Settings) -> bool:
        """In balls: the rate is real and leads to 1 - z in the time h; any does where z is 0."""
        if point["z"] == 0:
            return True
        with precision(settings.digits):
            z = acb(point["z"])
            rate = evaluate(says.expr("rate"), {"z": z}, COMPLEX)
            gap = (rate * z).exp() - (1 - z)
            small = abs(gap) < arb(10) ** (10 - settings.digits)
            return bool(gap.contains(0) and small and rate.imag == 0)

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"On a quadratic the iterates of gradient descent lie on the flow that multiplies the "
            r"component of $\nabla E$ along each eigenvector, of curvature $\lambda$ with "
            r"$z:=h\lambda$, by {rate}; it is real for {domain}.",
            {"rate": Value(sympy.log(1 - Z) / Z), "domain": Domain((sympy.Lt(Z, 1),))},
        ),
        checks=(
            *(on("rate", check) for check in on_the_principal_flow(gradient_descent)),
            bounded("real flow over a step", real_and_met, kind=Kind.BALL),
        ),
    )
