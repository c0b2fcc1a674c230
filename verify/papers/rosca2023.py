"""The principal flow of gradient descent: Rosca, Wu, Qin and Dherin (2023).

A mode of curvature lambda has the loss E = lambda x^2/2; z is step size times curvature.
"""

from __future__ import annotations

import sympy

from derive import gradient_descent
from derive.language.formula import Formula, Z
from verify.claims.checks.quadratics import on_the_principal_flow
from verify.claims.claim import Claim, Verdict, claim


@claim("rosca2023.principal-flow", catalogue="E09", where="principal flow, as recalled")
def gradient_descent_flow() -> Claim:
    """Gradient descent multiplies a mode by 1-z at every step, and x' = r λx multiplies it by
    exp(rz) in the time h. So rz = log(1-z); on a quadratic nothing else is needed. The series
    -1 - z/2 - z²/3 - ... is that of the modified flow on tall trees; it converges for |z| < 1.
    Beyond z = 1 the iterates change sign, the logarithm is complex, and so is the path between.
    """
    return Claim(
        statement=(
            r"On a quadratic the iterates of gradient descent lie exactly on the flow that "
            r"multiplies the component of $\nabla E$ along each eigenvector, $z = h\lambda$, by "
            r"{formula}."
        ),
        printed=Formula(
            "principalFlowRate", sympy.log(1 - Z) / Z, given=(sympy.Gt(Z, 0), sympy.Lt(Z, 1))
        ),
        checks=on_the_principal_flow(gradient_descent),
        expected=Verdict.CONFIRMED,
        condition=r"For $z > 1$ the flow is complex, and real again at the times $kh$.",
    )
