"""What Adam descends along minimizers under label noise: Li, Wen and Lyu (2025), "Adam reduces a
unique form of sharpness: theoretical insights near the minimizer manifold".

The noise of a gradient has the covariance sigma^2 H; P is the root of Adam's second moment, which
stands at the mean of the squared noise.
"""

from __future__ import annotations

import random
from itertools import pairwise, product

import numpy as np
import sympy
from flint import fmpq

from derive import ema_momentum, gradient_descent
from derive.language.formula import BETA, H
from derive.optimizers import NONLINEAR
from derive.valleys.zero_loss_manifold import label_noise_regularizer
from verify.claims.checks.averaged_past import BETA1, BETA2
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.stated import bounded
from verify.claims.checks.valleys import LAMBDA, identical_slopes, pair_sum
from verify.claims.claim import OURS, Claim, Kind, Settings, claim, on, second_hand
from verify.claims.slots import Domain, Point, Value
from verify.claims.statement import Statement, Type
from verify.models.batch_sequences import settle
from verify.models.modes import ema_mode
from verify.running.numbers import evaluate

ADAM = NONLINEAR["adam"]
SIGMA = sympy.Symbol("sigma", positive=True)
SHORT = fmpq(1, 10**12)
NORMALS = ((fmpq(3, 5), fmpq(4, 5)), (fmpq(5, 13), fmpq(12, 13)), (fmpq(8, 17), fmpq(15, 17)))


@claim(
    "li2025.label-noise-potential",
    catalogue="F09",
    where="label noise",
    printed=second_hand(
        r"$(h\sigma/4)\,\mathrm{tr}(\mathrm{Diag}(H)^{1/2})$ for $\Sigma=\sigma^2H$",
        "claims-next, F09",
    ),
)
def label_noise_potential() -> Claim:
    r"""In the coordinates $P^{1/2}x$ it is gradient descent under label noise, which descends
    $\frac{h\sigma^2}4\operatorname{tr}(P^{-1}H)$ with $P$ held: in the gradient only $H$ is
    differentiated. $\partial H_{ii}/P_i$ with $P_i=\sigma H_{ii}^{1/2}$ is $\frac2\sigma\partial
    H_{ii}^{1/2}$, twice the derivative of $H_{ii}/P_i$.
    """

    def on_a_valley(says: Statement, settings: Settings) -> tuple[bool, str]:
        """E = a(y) s^2/2 on a plane that is turned: the drift of the coordinate that P^-1 grad E
        does not move, from the variance that declared steps keep."""
        draw = random.Random(settings.seed)
        for normal in NORMALS:
            root, bend = fmpq(draw.randint(1, 9), 4), fmpq(draw.randint(1, 9), 3)  # of a, and a'
            sigma = fmpq(draw.randint(1, 9), 5)
            held = [sigma * root * abs(n) for n in normal]
            across = sum((n * n / p for n, p in zip(normal, held, strict=True)), fmpq(0))
            one = pair_sum(ema_mode, SHORT, fmpq(0), across * root**2, across * root**2)
            spread = one * (sigma * root * across) ** 2
            drift = bend / 2 * spread / SHORT
            slope = bend / (2 * root) * sum((abs(n) for n in normal), fmpq(0))
            told = says.number("factor") * sigma * slope
            if abs(told / drift - 1) > fmpq(1, 10**9):
                return False, f"{float(told / drift):.9g} of the drift"
        return True, "the drift on 3 valleys, to 1e-9"

    def chain_rule() -> sympy.Expr:
        """The slope of sum H_ii/P_i with P held, over that of the sum of roots."""
        rate = label_noise_regularizer(gradient_descent) / 2  # per lambda, as h falls
        small = sympy.limit(sympy.diff(rate, LAMBDA), H, 0)
        y = sympy.Symbol("y")
        own = sympy.Function("H11", positive=True)(y)
        held = sympy.Symbol("P", positive=True)
        slope = sympy.diff(own / held, y).subs(held, SIGMA * sympy.sqrt(own))
        return sympy.simplify(SIGMA * small * slope / sympy.diff(sympy.sqrt(own), y))

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Under label noise, $\Sigma:=\sigma^2H$, Adam whose second moment stands drifts along "
            r"minimizers, to first order in $h$, as $-P^{-1}\nabla(E{+factor}h\sigma\operatorname"
            r"{tr}(\operatorname{Diag}(H)^{1/2}))$ does, $P:=\sigma\operatorname{Diag}(H)"
            r"^{1/2}$.",
            {"factor": Value(sympy.Rational(1, 2))},
        ),
        misprint={"factor": Value(sympy.Rational(1, 4))},
        because=r"what is printed is the mean of $E$ there; $P$ is put in before the gradient is "
        r"taken, which also differentiates $P^{-1}$ and so halves the force",
        counterexample=r"on $E:=a(y)s^2/2$ with $s$ at an angle to the axes the drift is "
        r"${factor}h\sigma$ times the slope of the trace",
        checks=(
            exact("drift on a turned valley", Kind.ENUMERATION, on_a_valley, refutes=True),
            on("factor", identical("gradient with P held", chain_rule, refutes=True)),
        ),
    )


STABLE = Domain(
    (
        sympy.Gt(BETA, -1),
        sympy.Lt(BETA, 1),
        sympy.Gt(sympy.Symbol("z"), 0),
        sympy.Lt(sympy.Symbol("z"), 2 * (1 + BETA) / (1 - BETA)),
    )
)


@claim(
    "li2025.finite-potential",
    catalogue="F09",
    where="label noise, at finite step and momentum",
    printed=OURS,
)
def finite_potential() -> Claim:
    r"""With one curved direction $H=ann^\top$ and $\lambda=\operatorname{tr}(P^{-1}H)$. A mode of
    curvature $\lambda$ keeps the variance $C$ of $\sigma^2\lambda$ in its gradient; the force is
    $\frac12C\,\partial\lambda$ with $P$ held, and $\lambda\propto a^{1/2}$ changes half as fast.
    The potential is infinite where the mode stops being stable.
    """

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        h, beta = fmpq(2, 7), point["beta"]
        curvature = point["z"] / h
        if not ema_mode(h, beta, curvature).settles:
            return False
        slope = sympy.diff(says.expr("part"), LAMBDA)
        told = evaluate(slope, {"h": h, "beta": beta, "lambda": curvature})
        return bool(told == curvature * pair_sum(ema_mode, h, beta, curvature, curvature))

    ratio = (1 - BETA) / (1 + BETA)
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Where $H$ has rank one, with $\lambda:=\operatorname{tr}(P^{-1}H)$, the curvature "
            r"that Adam sees, and $\beta:=\beta_1$, label noise makes Adam drift along minimizers "
            r"as $-P^{-1}\nabla(E+\sigma^2R)$ at any $h$, with $R={part}$, for {domain}, "
            r"$z:=h\lambda$.",
            {
                "part": Value(-sympy.log(1 - ratio * H * LAMBDA / 2) / ratio),
                "domain": STABLE,
            },
        ),
        checks=(
            bounded("variance that declared steps keep", holds, kind=Kind.ENUMERATION),
            on("part", identical_slopes(lambda: H * label_noise_regularizer(ema_momentum))),
        ),
    )


@claim(
    "li2025.second-momentum",
    catalogue="F09",
    where="label noise, at a finite second momentum",
    printed=OURS,
)
def second_momentum() -> Claim:
    r"""$v=s^2$ whatever the signs are. A small mean $\mu$ of the gradient shifts $m$ by $\mu$ and
    $v$ by $2\mu\sum u_j\xi_j$, so that the mean of $m/\sqrt v$ moves by $\frac\mu s(1-\sum w_ju_j)$
    with the weights $w,u$ of both averages: $\sum w_ju_j=\frac{(1-\beta_1)(1-\beta_2)}
    {1-\beta_1\beta_2}$. The noise of many steps together is that of plain steps of $h/s$.
    """

    def enumerated(says: Statement, settings: Settings) -> tuple[bool, str]:
        """The mean pull of the gradient's mean, over all signs of the last steps, exactly."""
        momenta = (fmpq(1, 3), fmpq(3, 5), fmpq(1, 2), fmpq(0), fmpq(4, 5), fmpq(1, 4))
        for b1, b2 in pairwise(momenta):
            found = list[fmpq]()
            for k in range(1, 4):
                pull = fmpq(0)
                for signs in product((1, -1), repeat=k):
                    m = v = moved = fmpq(0)  # v is the part of v that a mean of 1 adds, over 2
                    for xi in signs:
                        m, v = b1 * m + (1 - b1) * xi, b2 * v + (1 - b2) * xi
                        moved = b1 * moved + (1 - b1)
                    pull += (moved - m * v) / 2**k
                found.append(pull)
            factor = 1 / settle(found, [b1, b1 * b2])
            if not says.equals("factor", factor, beta1=b1, beta2=b2):
                return False, f"{factor} at beta = {b1}, {b2}"
        return True, "all signs, 5 pairs of momenta"

    def run(says: Statement, settings: Settings) -> tuple[bool, str]:
        """Two thousand runs of Adam on a mode, to one part in twenty."""
        draw, h = np.random.default_rng(settings.seed), 0.01
        values = {"beta1": 0.5, "beta2": 0.3, "eps": 0.0}
        x, seen = np.zeros(2000), list[float]()
        memory = (x * 0, x * 0 + 1)
        for k in range(3600):
            signs = draw.choice((-1.0, 1.0), size=x.size)
            x, memory = ADAM.step(x, memory, lambda y, s=signs: y + s, h, values)
            if k > 600 and k % 150 == 0:
                seen.append(float(np.mean(x**2)))
        told = float(says.number("factor", beta1=fmpq(1, 2), beta2=fmpq(3, 10)))
        found = sum(seen) / len(seen) / (h / 2)
        return abs(found / told - 1) < 0.05, f"{found:.3f} against {told:.3f}"

    both = BETA1 * BETA2
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"On a mode of curvature $\lambda$ whose gradient has noise $s$ or $-s$ with equal "
            r"chance, Adam keeps the variance ${factor}V$ as $h$ falls, $V:=hs/(2\lambda)$.",
            {"factor": Value((1 - both) / (BETA1 + BETA2 - 2 * both))},
        ),
        checks=(
            exact("all signs of the last steps", Kind.ENUMERATION, enumerated),
            exact("runs of Adam", Kind.SIMULATION, run),
        ),
    )
