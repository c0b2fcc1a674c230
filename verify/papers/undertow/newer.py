"""Rules around others, and rules with several memories: what they add at the order of the step."""

from __future__ import annotations

from typing import Any

import sympy
from flint import fmpq, fmpq_poly

from derive import modified_loss, optimizer
from derive.engine.invariant_manifold import general_flow
from derive.engine.order_h import in_one_component
from derive.language.trees import tree
from derive.language.update_rule import Optimizer
from derive.optimizers import NONLINEAR, averaged_weights, lookahead, sam
from verify.claims.checks.averaged_past import BETA, BETA1, BETA2, Average, MomentRule, R
from verify.claims.checks.identities import exact, identical
from verify.claims.claim import OURS, Check, Claim, Kind, Settings, claim, on
from verify.claims.slots import Value
from verify.claims.statement import Statement, Type

PAIR = tree("[[]]")
ALPHA, RHO, INNER, D = sympy.symbols("alpha rho m d")


def bend_on_a_mode(rule: Optimizer, values: dict[str, fmpq]) -> fmpq:
    """2w of E + h w |g|^2 with x' = -a grad of it, from one step on E = x^2/2: the multiplier is
    1 - a z + b z^2 + ..., its logarithm -a z (1 + 2 w z) + ...
    """
    one, z = fmpq_poly([1]), fmpq_poly([0, 1])
    x, _ = rule.step(one, (), lambda at: at, z, dict(values))
    first, second = x[1], x[2]
    return (second - first**2 / 2) / first


@claim(
    "undertow.sam-loss", catalogue="F11", where="unnormalized ascent, with its step", printed=OURS
)
def sam_loss() -> Claim:
    r"""$\nabla E(x+\rho hg)=g+\rho hHg+O(h^2)$, and $Hg$ is half the gradient of
    $\lVert\nabla E\rVert^2$; the step itself adds $\frac h4\lVert\nabla E\rVert^2$ as it does to
    gradient descent.
    """

    def on_a_mode(says: Statement, settings: Settings) -> tuple[bool, str]:
        for rho in (fmpq(0), fmpq(1, 3), fmpq(5, 2)):
            if not says.equals("weight", bend_on_a_mode(sam, {"rho": rho}) / 2, rho=rho):
                return False, f"another rate at rho = {rho}"
        return True, "one step at 3 radii"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Through the term in $h$, $x_{k+1}:=x_k-h\nabla E(x_k+\rho h\nabla E(x_k))$ follows "
            r"the flow of $-\nabla(E+{weight}h\lVert\nabla E\rVert^2)$.",
            {"weight": Value(RHO / 2 + sympy.Rational(1, 4))},
        ),
        checks=(
            exact("one step on a mode", Kind.SERIES, on_a_mode),
            on("weight", identical("modified loss", lambda: _loss(sam))),
        ),
    )


def _loss(rule: Optimizer) -> sympy.Expr:
    return modified_loss(rule, order=2).terms[PAIR].as_expr()


@claim("undertow.lookahead-loss", catalogue="L05", where="around gradient descent", printed=OURS)
def lookahead_loss() -> Claim:
    r"""$m$ inner steps move $x$ by $-mhg+\frac{m(m-1)}2h^2Hg$, of which $\alpha$ is taken. The flow
    over one such step has $\frac12\alpha^2m^2h^2Hg$ of its own.
    """

    def on_a_mode(says: Statement, settings: Settings) -> tuple[bool, str]:
        for m in range(1, 6):
            for alpha in (fmpq(1, 2), fmpq(4, 5), fmpq(1)):
                found = bend_on_a_mode(_inner(m), {"alpha": alpha})
                if not says.equals("weight", found / 2, alpha=alpha, m=fmpq(m)):
                    return False, f"another rate at m = {m}, alpha = {alpha}"
        return True, "5 numbers of inner steps, 3 alpha"

    def with_five(says: Statement, settings: Settings) -> tuple[bool, str]:
        left = sympy.cancel(_loss(lookahead) - says.expr("weight").subs(INNER, 5))
        return left == 0, f"difference {left}"

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Lookahead, $x\leftarrow x+\alpha(y-x)$ with $y$ what $m$ steps of gradient descent "
            r"of size $h$ make of $x$, follows through the term in $h$, in a time of its own, the "
            r"flow of $-\nabla(E{+weight}h\lVert\nabla E\rVert^2)$.",
            {"weight": Value((ALPHA * INNER - INNER + 1) / 4)},
        ),
        checks=(
            exact("one step on a mode", Kind.SERIES, on_a_mode),
            exact("modified loss with 5 inner steps", Kind.SYMBOLIC, with_five),
        ),
    )


def _inner(m: int) -> Optimizer:
    @optimizer(parameters=("alpha",))
    def around(x: Any, grad: Any, h: Any, *, alpha: Any) -> Any:
        y = x
        for _ in range(m):
            y = y - h * grad(y)
        return x + alpha * (y - x)

    return around


@claim("undertow.averaged-weights-late", catalogue="L04", where="the average's delay", printed=OURS)
def averaged_weights_late() -> Claim:
    r"""The weights $(1-d)d^j$ of the ages $j$ have the mean $d/(1-d)$, and to first order the
    average of $x(t-jh)$ is $x$ at the mean.
    """

    def on_a_line(says: Statement, settings: Settings) -> tuple[bool, str]:
        """Behind an iterate that moves by one in every step."""
        for d in (fmpq(1, 3), fmpq(3, 5)):
            x, memory = fmpq(0), (fmpq(0),)
            for _ in range(200):
                x, memory = averaged_weights.step(x, memory, lambda _: fmpq(-1), fmpq(1), {"d": d})
            if abs(memory[0] - x - says.number("late", d=d)) > fmpq(1, 10**30):
                return False, f"{float(memory[0] - x):.9g} behind at d = {d}"
        return True, "200 steps, 2 averages"

    def by_engine() -> sympy.Expr:
        flow = general_flow(NONLINEAR["averaged-weights"], order=2)
        found = in_one_component(flow, flow.manifold["w"][1] / flow.flow["x"][0])
        return found.subs({s: sympy.Symbol(str(s)) for s in found.free_symbols})

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The average $\bar x_{k+1}:=d\bar x_k+(1-d)x_{k+1}$ of the weights of gradient "
            r"descent is, through the term in $h$, where its flow was ${late}$ steps ago.",
            {"late": Value(D / (1 - D))},
        ),
        checks=(
            exact("on a straight path", Kind.ENUMERATION, on_a_line),
            on("late", identical("slow manifold", by_engine)),
        ),
    )


@optimizer(state=("m", "v"), parameters=("beta1", "beta2"))
def two_memories(x: Any, m: Any, v: Any, grad: Any, h: Any, *, beta1: Any, beta2: Any) -> Any:
    """Averages of g and g^2 in a polynomial of both."""
    g = grad(x)
    m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g**2
    return x - h * (m + m * v / 3 + v**2 / 5), m, v


@claim(
    "undertow.first-order-rule", catalogue="F06", where="a general first-order rule", printed=OURS
)
def first_order_rule() -> Claim:
    r"""An average of $\varphi(g(x-jhx'))$ is $\varphi(g)$ less $hx'$ times its mean age,
    $\varphi'(g)$ and $H$; $\Phi$ is linear in what its arguments change by.
    """
    past = MomentRule(two_memories, {"m": Average("beta1"), "v": Average("beta2", 2)})

    def weight(age1: Any, age2: Any, r: Any) -> Any:
        by_m, by_v = 1 + r**2 / 3, r / 3 + 2 * r**2 / 5
        return -(age1 * by_m + age2 * by_v * 2 * r) - (by_m + by_v * 2 * r) / 2

    def stated(says: Statement, at: dict[str, Any]) -> Any:
        first, second = (says.number("age", beta=at[name]) for name in ("beta1", "beta2"))
        return weight(first, second, at["r"])

    def formula(says: Statement) -> sympy.Expr:
        age = says.expr("age")
        return weight(age.subs(BETA, BETA1), age.subs(BETA, BETA2), R)

    checks: tuple[Check, ...] = (past.by_running(stated), past.by_engine(formula))
    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"Beside its memoryless map, a rule $x_{k+1}:=x_k-h\Phi(m^{(i)})$ with averages "
            r"$m^{(i)}$ of $\varphi_i(\nabla E)$ that keep $\beta_i$ adds in the next power of $h$ "
            r"to a step the sum over $i$ of $-a_i\,\partial_i\Phi\,\varphi_i'(g)\,H\Phi$ with "
            r"$a_i={age}$, $\beta:=\beta_i$.",
            {"age": Value(BETA / (1 - BETA))},
        ),
        checks=checks,
    )
