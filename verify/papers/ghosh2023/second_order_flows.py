"""The second-order ODE beside heavy ball and Nesterov's method: Ghosh, Lyu, Zhang and Wang (2023),
section 4, before Theorem 4.1.
"""

from __future__ import annotations

import math

import sympy
from flint import arb, fmpq

from derive import heavy_ball, modified_flow
from derive.engine.start_up import initial_shift
from derive.language.formula import BETA, H
from derive.language.trees import LEAF
from derive.language.update_rule import Optimizer
from verify.claims.checks.damped import EQUATION, equation, slow_solutions, solution
from verify.claims.checks.first_steps import FADING
from verify.claims.checks.followed import Followed
from verify.claims.checks.heavy_ball import HALVINGS, ONE_MINUS, PAIR, RESIDUAL_BETAS, settled
from verify.claims.checks.identities import exact, identical
from verify.claims.checks.memory_rules import HEAVY_BALL, NESTEROV, Rule
from verify.claims.checks.start_up import cold_component
from verify.claims.checks.stated import measured, observed
from verify.claims.claim import OURS, Check, Claim, Evidence, Kind, Settings, claim, on, read
from verify.claims.slots import Losses, Number, Order, Slot, Value, When
from verify.claims.statement import Statement, Type
from verify.running.numbers import PowerSeries, exp, power_series, precision

DAMPING = {"damping": Value(ONE_MINUS)}
HEAVY_MASS = Value(H * (1 + BETA) / 2)
NESTEROV_MASS = Value(H * (1 - BETA + 2 * BETA**2) / 2)


def by_slow_flow(optimizer: Optimizer) -> tuple[Check, Check]:
    """The equation whose slow solutions follow the modified flow x' = w f + h u f'f + ..."""

    def coefficients() -> tuple[sympy.Expr, sympy.Expr]:
        steady = modified_flow(optimizer, order=2)
        return steady[LEAF].as_expr(), steady[PAIR].as_expr()

    def damping() -> sympy.Expr:
        return 1 / coefficients()[0]

    def mass() -> sympy.Expr:
        w, u = coefficients()
        return -H * u / w**3

    return (
        on("damping", identical("B-series engine, damping", damping)),
        on("mass", identical("B-series engine, mass", mass)),
    )


@claim(
    "ghosh2023.second-order-equation",
    catalogue="A32",
    where="section 4, before Theorem 4.1",
    printed=read(r"m\mathbf{x}'(t) + \gamma\mathbf{x}''(t) + \nabla E(\mathbf{x}(t)) = 0"),
)
def second_order_equation() -> Claim:
    r"""Divide $x(t+h)-(1+\beta)x(t)+\beta x(t-h)=-h\nabla E$ by $h$ and expand: the left is
    $(1-\beta)\dot x+(h/2)(1+\beta)\ddot x+O(h^2)$ along every smooth path. So the mass
    $h(1+\beta)/2$ stands before $\ddot x$ and the damping $1-\beta$ before $\dot x$; the printed
    equation has the names $m$ and $\gamma$ the other way round. As mere letters, to which the text
    gives no value, it would be right with $m=1-\beta$ and $\gamma=h(1+\beta)/2$.
    """

    def along_paths(says: Statement, settings: Settings) -> tuple[bool, str]:
        """Exactly: the quotient of the difference equation by h minus the equation, on x = t^n."""
        arithmetic, h = power_series(5), PowerSeries.step(5)
        for beta in (fmpq(-2), *RESIDUAL_BETAS, fmpq(3)):
            mass, damping = equation(says, h, {"beta": beta})
            lowest = 4
            for n in range(1, 6):
                t = arithmetic.convert(fmpq(2, 3))
                left = (t + h) ** n - t**n * (1 + beta) + (t - h) ** n * beta
                second = t ** (n - 2) * (n * (n - 1)) if n > 1 else t * 0
                left = left - (second * mass + t ** (n - 1) * n * damping) * h
                lowest = min(lowest, next((i for i in range(5) if left[i] != 0), 5) - 1)
            if lowest != says["order"].power:
                return False, f"h^{lowest} is left at beta = {beta}"
        return True, f"h^{says['order'].power} is left on x = t, ..., t^5 for 11 beta"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Along smooth paths the two-step rule of heavy ball, over $h$, is to {order} the "
            rf"equation {EQUATION}.",
            {"mass": HEAVY_MASS, **DAMPING, "order": Order(2)},
        ),
        misprint={"mass": DAMPING["damping"], "damping": HEAVY_MASS},
        because=r"the names are swapped: $\ddot x$ carries the mass $m$ and $\dot x$ the damping "
        r"$\gamma$.",
        counterexample=r"Where $\nabla E$ vanishes, on the path $x:=t$, the two-step rule over $h$ "
        r"is {damping}; the damping on $\ddot x$ leaves only the mass {mass}.",
        checks=(
            *by_slow_flow(heavy_ball),
            exact("exact residual on polynomial paths", Kind.SERIES, along_paths, refutes=True),
        ),
    )


def layer_in_balls(says: Statement, beta: fmpq, k: int) -> arb:
    """The h term of x_k - x(kh) over grad E, both driven by the constant gradient 1, at h = 1."""
    velocity = position = arb(0)
    for _ in range(k):
        velocity = arb(beta) * velocity - 1
        position = position + velocity
    mass, damping = map(arb, equation(says, fmpq(1), {"beta": beta}))
    c = arb(says.number("speed", h=fmpq(1), beta=beta))
    decay = damping / mass
    return position + k / damping + (c - 1 / damping) * (1 - exp(-decay * k)) / decay


def modes(rule: Optimizer, says: Statement, beta: fmpq) -> bool:
    """The slow parts of a quadratic mode agree through z^1, for the iteration and the equation."""
    z = PowerSeries.step(3)
    mass, damping = equation(says, fmpq(1), {"beta": beta})
    c = says.number("speed", h=fmpq(1), beta=beta)
    rate, part = z * 0, z * 0 + 1
    for _ in range(3):  # mass r^2 + damping r + z = 0
        rate = rate - (rate * rate * mass + rate * damping + z) / damping
    gap = rate * 2 + damping / mass
    for _ in range(3):  # x(0) = 1 and x'(0) = -c z leave this on the slow rate
        part = part - (part * gap - (gap - rate - z * c)) * (mass / damping)
    return part[1] == cold_component(rule, beta, 2)[1]


OTHER = {"parameters": {"beta": fmpq(1, 3)}, "halvings": HALVINGS}


def start(name: str, rule: Rule, mass: Value, speed: sympy.Expr, root: dict[str, Slot]) -> Claim:
    """The equation with its start, after the start-up and over all steps.

    Args:
        root: the momentum other than 0 at which both start-ups are alike.
    """
    followed = Followed(rule, field=slow_solutions)
    alike: dict[str, Slot] = {"none": Value(sympy.Integer(0)), **root}
    unless = " and ".join(rf"$\beta={{{slot}}}$" for slot in alike)

    def by_layer() -> sympy.Expr:
        """The layer moves the path by (c-w) h u w f, and must move it by the initial shift."""
        steady = modified_flow(rule.optimizer, order=2)
        w = steady[LEAF].as_expr()
        inertia = -steady[PAIR].as_expr() / w**3
        return w + initial_shift(rule.optimizer, order=1)[LEAF].as_expr() / (inertia * w)

    def slow_parts(says: Statement, settings: Settings) -> tuple[bool, str]:
        wrong = [beta for beta in RESIDUAL_BETAS if not modes(rule.optimizer, says, beta)]
        return not wrong, f"z^1 differs at beta = {wrong}" if wrong else "equal through z^1, 9 beta"

    def layers(says: Statement, settings: Settings) -> Evidence:
        with precision(settings.digits):
            bound = arb(10) ** (10 - settings.digits)
            for beta in RESIDUAL_BETAS:
                last = layer_in_balls(says, beta, 2 * settled(beta, settings.digits))
                if not last.contains(0):
                    return Evidence(False, f"{last.str(5)} of the h term stays at beta = {beta}")
                if layer_in_balls(says, beta, 1).contains(0) or not abs(last) < bound:
                    return Evidence(None, f"undecided at beta = {beta}")
            without = layer_in_balls(says, says.number("none"), 1)
            if not (without.is_finite() and without.contains(0)):
                return Evidence(False, f"{without.str(5)} of the h term at beta = {says['none']}")
        return Evidence(True, "the h term is not 0 at k = 1 and fades, 9 beta; 0 without momentum")

    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"{name} from a cold start is {{order}}-close, {{when}} to the solution of {EQUATION} "
            r"from $x_0$ at the velocity $-{speed}\nabla E(x_0)$, for {losses} and {domain}. It "
            rf"is {{early}}-close {{over}}, but for {unless}.",
            {"speed": Value(speed), "order": Order(2), "when": When.AFTER_START_UP, "mass": mass}
            | {**DAMPING, "losses": Losses.EVERY, "domain": FADING, "early": Order(1), **alike}
            | {"over": When.EVERY_STEP},
        ),
        checks=(
            on("speed", identical("shift against initial layer", by_layer)),
            exact("slow part of a quadratic mode", Kind.SERIES, slow_parts),
            Check("h term of the two layers", Kind.BALL, layers),
            exact("layers that fade alike", Kind.SYMBOLIC, lambda s, _: fade_alike(s, len(root))),
            *(measured("root in floats", root_in_floats, number=slot) for slot in root),
            observed("observed order", followed.errors(solution, **OTHER)),
            observed(
                "observed order over all steps",
                followed.errors(solution, **OTHER),
                order="early",
                when="over",
            ),
            followed.on_losses(),
            followed.in_domain(),
        ),
    )


def fade_alike(says: Statement, count: int) -> tuple[bool, str]:
    """How many momenta in (0, 1) have beta^k = exp(-k damping/mass), the mass over h.

    The logarithm of the quotient is infinite at 0 and 0 at 1. Between it falls, and once it rises.
    """
    rate = sympy.cancel(says.expr("damping") / says.expr("mass").subs(H, 1))
    slope = sympy.Poly(sympy.numer(sympy.together(1 / BETA + sympy.diff(rate, BETA))), BETA)
    turns = slope.quo(slope.gcd(sympy.Poly((1 - BETA) ** 9, BETA))).count_roots(0, 1)
    return turns == count, f"{turns} momenta"


def root_in_floats(says: Statement, settings: Settings) -> float:
    """The momentum at which both layers fade alike, by bisection."""
    low, high = fmpq(1, 20), fmpq(1, 2)
    for _ in range(40):
        middle = (low + high) / 2
        mass, damping = equation(says, fmpq(1), {"beta": middle})
        rate = damping / mass
        slower = -math.log(int(middle.p) / int(middle.q)) > int(rate.p) / int(rate.q)
        low, high = (middle, high) if slower else (low, middle)
    return int(low.p) / int(low.q)


@claim(
    "ghosh2023.second-order-start",
    catalogue="A33",
    where="section 4, before Theorem 4.1: that the equation only gives O(h) closeness",
    printed=OURS,
)
def second_order_start_of_heavy_ball() -> Claim:
    r"""From $\dot x(0)=-c\nabla E(x_0)$ the layer of $(h/2)(1+\beta)\ddot x+(1-\beta)\dot x+
    \nabla E=0$ fades like $\exp(-2(1-\beta)k/(1+\beta))$ and moves the path by $(1/(1-\beta)-c)
    (1+\beta)/(2(1-\beta))\,h\nabla E(x_0)$. Heavy ball's start-up moves it by $\beta/(1-\beta)^2
    \,h\nabla E(x_0)$. They agree for $c=1/(1+\beta)$. The layers themselves differ, by
    $\beta/(1-\beta)^2(\exp(-2(1-\beta)k/(1+\beta))-\beta^k)\,h\nabla E(x_0)$, so that over all
    steps no $c$ gives more than $O(h)$: in the sense of Definition 3.1 the source is right that the
    equation gives no more.
    """
    return start("Heavy ball", HEAVY_BALL, HEAVY_MASS, 1 / (1 + BETA), {})


@claim(
    "ghosh2023.second-order-start-nesterov",
    catalogue="A33",
    where="section 4, carried over to Nesterov's method",
    printed=OURS,
)
def second_order_start_of_nesterov() -> Claim:
    r"""As for heavy ball, with the mass $h(1-\beta+2\beta^2)/2$: the layer moves the path by
    $(1/(1-\beta)-c)(1-\beta+2\beta^2)/(2(1-\beta))\,h\nabla E(x_0)$, the start-up by
    $\beta/(1-\beta)^2\,h\nabla E(x_0)$. The layers fade like $\exp(-2(1-\beta)k/
    (1-\beta+2\beta^2))$ and $\beta^k$, alike for one $\beta$ only, the root of $\log(1/\beta)-
    2(1-\beta)/(1-\beta+2\beta^2)$, which falls to one minimum and then rises to $0$ at $\beta=1$.
    """
    speed = (1 - 2 * BETA) / (1 - BETA + 2 * BETA**2)
    return start("Nesterov's method", NESTEROV, NESTEROV_MASS, speed, {"root": Number("0.14956")})
