"""The two counter terms of order h^2 of gradient descent: Miyagawa (2022)."""

from __future__ import annotations

import sympy
from flint import fmpq

from derive import gradient_descent, modified_flow
from derive.engine.expansion import transient_flow
from derive.language.formula import H, K
from derive.language.trees import Tree
from verify.claims.checks.followed import Followed
from verify.claims.checks.heavy_ball import QUARTIC
from verify.claims.checks.identities import identical
from verify.claims.checks.memory_rules import CHAIN, DESCENT, FORK
from verify.claims.checks.stated import observed
from verify.claims.claim import RECALLED, Claim, claim, on
from verify.claims.slots import Losses, Order, Value, When
from verify.claims.statement import Statement, Type
from verify.running.losses import polynomial

PARABOLA = polynomial(1, (((2,), fmpq(1, 2)), ((1,), fmpq(-1, 3))), "x^2/2-x/3")


def engine(t: Tree) -> sympy.Expr:
    """The coefficient of a term of order h^2, by the B-series engine."""
    return -(H**2) * modified_flow(gradient_descent, order=3)[t].as_expr() / t.symmetry


def by_hand(t: Tree) -> sympy.Expr:
    """The same from the expansion in one dimension, whose terms are E1 E2^2 and E1^2 E3."""
    e1, e2, e3 = sympy.symbols("E1 E2 E3")
    first_step = transient_flow(3)[2].subs(K, 0)
    return H**2 * first_step.subs({e1: 1, e2: int(t is CHAIN), e3: int(t is FORK)})


def to_second_order(losses: Losses) -> Claim:
    """The flow of gradient descent through h^2; on quadratics its last term vanishes."""
    curved = losses is Losses.EVERY
    followed = Followed(DESCENT, begins=4)
    terms = {"chain": CHAIN, "fork": FORK} if curved else {"chain": CHAIN}
    slots = {"pull": Value(-H / 2), "chain": Value(-(H**2) / 3)}
    slots |= {"fork": Value(-(H**2) / 12)} if curved else {}
    named = r"$g:=\nabla E$, $H:=\nabla^2E$" + (r", $T:=\nabla^3E$" if curved else "")
    last = r"{+fork}T[g,g]" if curved else ""
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"Gradient descent is {order}-close, {when}, and {single}-close after one step, to the "
            rf"flow $\dot x=-g{{+pull}}Hg{{+chain}}HHg{last}$ from $x_0$, for {{losses}}, {named}.",
            {"order": Order(3), "when": When.EVERY_STEP, "single": Order(4), **slots}
            | {"losses": losses},
        ),
        checks=(
            *(
                on(n, identical(f"{n} by B-series", lambda t=t: engine(t)))
                for n, t in terms.items()
            ),
            *(on(n, identical(f"{n} by hand", lambda t=t: by_hand(t))) for n, t in terms.items()),
            observed(
                "observed order",
                followed.errors(
                    loss=QUARTIC if curved else PARABOLA, time=1, halvings=range(5, 10)
                ),
            ),
            followed.on_losses(),
        ),
    )


@claim(
    "miyagawa2022.counter-term-hessian",
    catalogue="E08",
    where="equation of motion; its counter term to second order is derived here",
    printed=RECALLED,
)
def descent_chain() -> Claim:
    r"""The flow of $F=F_0+hF_1+h^2F_2$, $F_0=-g$, over the time $h$ is $x-hg$. At $h^2$ $F_1=
    -F_0'F_0/2=-Hg/2$; at $h^3$ $F_2=-(F_0'F_1+F_1'F_0)/2-F_0'F_0'F_0/6-F_0''[F_0,F_0]/6$. The terms
    in $HHg$ are $-(1/2+1/2)/2+1/6=-1/3$. So Miyagawa's counter term, which times $h$ is subtracted
    from $-g$, is $Hg/2+h(HHg/3+T[g,g]/12)+O(h^2)$.
    """
    return to_second_order(Losses.QUADRATIC)


@claim(
    "miyagawa2022.counter-term-third-derivative",
    catalogue="E08",
    where="equation of motion; its counter term to second order is derived here",
    printed=RECALLED,
)
def descent_fork() -> Claim:
    r"""In $F_2=-(F_0'F_1+F_1'F_0)/2-F_0'F_0'F_0/6-F_0''[F_0,F_0]/6$ with $F_0=-g$ and $F_1=-Hg/2$,
    the term $T[g,g]$ comes from $F_1'F_0$, with $1/2$, and from $F_0''[F_0,F_0]$, with $-1$:
    $-1/4+1/6=-1/12$.
    """
    return to_second_order(Losses.EVERY)
