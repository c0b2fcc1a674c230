"""O(s)-resolution equations of methods for games: Lu (2022)."""

from __future__ import annotations

from derive.language.formula import H
from verify.claims.checks.game_methods import METHODS, beside_methods
from verify.claims.claim import RECALLED, Claim, claim
from verify.claims.slots import Losses, Order, Value, When
from verify.claims.statement import Statement, Type


@claim(
    "lu2022.first-resolution",
    catalogue="I03",
    where="O(s)-resolution equations, as recalled",
    printed=RECALLED,
)
def first_resolution() -> Claim:
    r"""A step $z-hF(z)$ is met by $-F$ less half of what its own turn adds, $\frac h2\nabla F\,F$.
    The proximal point takes $F$ at the end of the step, which turns the sign; extragradient and
    optimistic descent take it there up to higher terms.
    """
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            r"At the times $t_k:=kh$ and {when}, simultaneous descent-ascent is {order}-close "
            r"to $\dot z:=-F{+plain}\nabla F\,F$, and the proximal point, extragradient and "
            r"optimistic descent are so to $\dot z:=-F{+ahead}\nabla F\,F$, for fields "
            r"as of {losses}.",
            {"when": When.EVERY_STEP, "order": Order(2), "plain": Value(-H / 2)}
            | {"ahead": Value(H / 2), "losses": Losses.EVERY},
        ),
        checks=tuple(
            check
            for name in METHODS
            for check in beside_methods(
                name, lambda own: {"turn": "plain" if own == "descent-ascent" else "ahead"}
            )
        ),
    )
