"""Methods for games beyond their O(s)-resolution equations, and exactly on rotations."""

from __future__ import annotations

import random

import mpmath
import sympy
from flint import fmpq

from derive.language.formula import H
from verify.claims.checks.game_methods import METHODS, beside_methods
from verify.claims.checks.identities import exact, vanish
from verify.claims.checks.stated import bounded
from verify.claims.claim import OURS, Claim, Kind, Settings, claim
from verify.claims.slots import Domain, Losses, Order, Point, Value, When
from verify.claims.statement import Statement, Type
from verify.running.orders import observed_order

THIRD, TWELFTH, SQUARE = sympy.Rational(1, 3), sympy.Rational(1, 12), H**2
SLOTS = {
    "descent-ascent": {"turn": "plain", "straight": "third", "bent": "twelfth"},
    "proximal-point": {"turn": "ahead", "straight": "third", "bent": "twelfth"},
    "extragradient": {"turn": "ahead", "straight": "twice", "bent": "twelfth"},
    "optimistic": {"turn": "ahead", "straight": "twice", "bent": "more"},
}
STEP = {"plain": -H / 2, "ahead": H / 2, "third": -THIRD * SQUARE, "twice": 2 * THIRD * SQUARE}
STEP |= {"twelfth": -TWELFTH * SQUARE, "more": 11 * TWELFTH * SQUARE, "start": -SQUARE}


def slow_share(says: Statement, settings: Settings) -> tuple[bool, str]:
    """Optimistic descent on V = J z: the slow root and its share, beside flow and start."""
    errors: list[float] = []
    with mpmath.workdps(60):
        turn = mpmath.mpc(3, 5) / 7
        for j in range(36, 41):
            z = turn / 2**j
            middle = mpmath.sqrt((1 - 2 * z) ** 2 + 4 * z)
            slow, fast = ((1 - 2 * z + sign * middle) / 2 for sign in (1, -1))
            share = (1 - 1 / fast) / (1 / slow - 1 / fast)
            start, ahead, twice = (
                mpmath.mpf(int(c.p)) / int(c.q)
                for c in (says.number(n, h=fmpq(1, 2**j)) for n in ("start", "ahead", "twice"))
            )
            rate = -turn + ahead * turn**2 + twice * turn**3
            gap = abs(share - 1 - start * turn**2) + abs(mpmath.log(slow) * 2**j - rate)
            errors.append(float(gap))
    seen = observed_order(errors)
    return seen.supports(says["order"].power), f"order {seen}"


@claim("undertow.games-next", catalogue="I03", where="equations of Lu, next", printed=OURS)
def games_next() -> Claim:
    r"""The proximal point is descent-ascent with the sign of $h$ turned. Extragradient and
    optimistic descent have $\nabla F\,\nabla F\,F$ of the other sign than it, so that on
    linear games these two agree and it does not. Optimistic descent has seen another last field
    at the start than on its flow, which moves it by $-h^2\nabla F\,F$.
    """
    words = (
        ("simultaneous descent-ascent", "plain", "third", "twelfth"),
        ("the proximal point", "ahead", "third", "twelfth"),
        ("extragradient", "ahead", "twice", "twelfth"),
    )
    told = ", ".join(
        rf"{who} to $\dot z:=-F{{+{turn}}}\nabla F\,F{{+{straight}}}\nabla F\,\nabla F\,F"
        rf"{{+{bent}}}\nabla^2F[F,F]$"
        for who, turn, straight, bent in words
    )
    return Claim(
        says=Statement(
            Type.CLOSENESS,
            rf"At the times $t_k:=kh$ and {{when}}, these are {{order}}-close: {told}, "
            r"and optimistic descent whose last position is $z_0$ to "
            r"$\dot z:=-F{+ahead}\nabla F\,F{+twice}\nabla F\,\nabla F\,F{+more}\nabla^2F[F,F]$ "
            r"from $z_0{+start}\nabla F\,F$, for fields as of {losses}.",
            {name: Value(expr) for name, expr in STEP.items()}
            | {"when": When.EVERY_STEP, "order": Order(3), "losses": Losses.EVERY},
        ),
        checks=(
            *(
                check
                for name in METHODS
                for check in beside_methods(
                    name, SLOTS.__getitem__, start="start" if name == "optimistic" else None
                )
            ),
            exact("start on linear games", Kind.BALL, slow_share),
        ),
    )


AXIS, TURNING, PRODUCT = sympy.symbols("a b ha")


@claim("undertow.principal-flow-of-a-rotation", catalogue="I06", where="linear games", printed=OURS)
def rotation() -> Claim:
    r"""$I-hJ$ with $J=aI+bR$, $R$ the rotation by a right angle, multiplies by
    $1-h(a+ib)$, whose logarithm is real as a matrix: it pairs with its conjugate. It has none where
    $1-ha$ and $b$ vanish together.
    """

    def follows(says: Statement, point: Point, settings: Settings) -> bool:
        draw = random.Random(settings.seed)
        h, b = (sympy.Rational(draw.randint(1, 30), 16) for _ in range(2))
        product = sympy.Rational(int(point["ha"].p), int(point["ha"].q))
        at = {H: h, TURNING: b, AXIS: product / h}
        with mpmath.workdps(40):
            square, tangent, left, up = (
                mpmath.mpf(str(sympy.N(c, 45)))
                for c in (
                    *(says.expr(n).subs(at) for n in ("square", "tangent")),
                    1 - product,
                    h * b,
                )
            )
            pull, turn = mpmath.log(square) / 2, mpmath.atan(tangent)
            flow = mpmath.expm(mpmath.matrix([[pull, -turn], [turn, pull]]), method="taylor")
            step = mpmath.matrix([[left, up], [-up, left]])
            return bool(max(abs(c) for c in flow - step) < mpmath.mpf(10) ** -25)

    def squared(says: Statement) -> tuple[sympy.Expr, ...]:
        step = sympy.Matrix([[1 - H * AXIS, H * TURNING], [-H * TURNING, 1 - H * AXIS]])
        return (says.expr("square") - step.det(), says.expr("tangent") - step[1, 0] / step[0, 0])

    return Claim(
        says=Statement(
            Type.EQUALITY,
            r"The iterates $z_{k+1}:=z_k-hJz_k$ with $J:=aI+bR$, $R$ the rotation by a right "
            r"angle, lie at the times $t_k:=kh$ on $\dot z:=pz+qRz$ with $e^{2hp}={square}$ and "
            r"$\tan hq={tangent}$, the angle $hq$ acute in size, where {domain}.",
            {
                "domain": Domain((sympy.Lt(PRODUCT, 1),)),
                "square": Value((1 - H * AXIS) ** 2 + H**2 * TURNING**2),
                "tangent": Value(-H * TURNING / (1 - H * AXIS)),
            },
        ),
        checks=(
            bounded("matrix exponentials", follows, kind=Kind.SIMULATION),
            vanish("determinant and slope", squared),
        ),
    )
