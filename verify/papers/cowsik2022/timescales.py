"""How fast modes relax: the timescales of Cowsik, Can and Glorioso (2022) for beta = 1 - C h^gamma.

Rates are -log|kappa| a step; a timescale is one over a rate.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import sympy
from flint import acb, arb, fmpq

from derive import heavy_ball
from derive.language.formula import BETA, H, Z
from derive.quadratics.stability import oscillation_interval
from derive.quadratics.timescales import GAMMA, LAMBDA, C, timescales
from verify.claims.checks.identities import exact, noted
from verify.claims.checks.scaling import ScalingPoint, to_leading_order
from verify.claims.checks.stability import oscillates, rates
from verify.claims.checks.stated import bounded, compared, switches, tends
from verify.claims.claim import LOST, Check, Claim, Kind, Settings, claim, on, read
from verify.claims.equality import in_ring
from verify.claims.slots import Choice, Domain, Order, Point, Relation, Value
from verify.claims.statement import Statement, Type
from verify.running.numbers import COMPLEX, evaluate, precision

E = sympy.Symbol("e")
HALF = sympy.Rational(1, 2)
TRANSVERSE = "Lemma E.1 and section 3.3, transverse motion"
LONGITUDINAL = "Lemma E.1 and section 3.3, longitudinal motion"


class Which(Choice):
    """Which multiplier decays."""

    SLOWER = "the slower one of the two multipliers of a mode across the valley"
    FASTER = "the faster one of the two multipliers of a mode across the valley"
    BOTH = "each of the two multipliers of a mode across the valley"
    MIXED = "the mixed mode along the valley"

    def over(self, limit: arb, place: ScalingPoint) -> arb:
        """A rate over that of this multiplier, or the worse of two; 0 where none is the slower."""
        if self is Which.MIXED:
            return limit / rates(place.h, place.beta, fmpq(0))[1]
        slow, fast = rates(place.h, place.beta, place.first)
        if self is Which.BOTH:
            return max((limit / slow, limit / fast), key=lambda ratio: float(abs(ratio - 1)))
        if oscillates(place.h, place.beta, place.first):
            return arb(0)
        return limit / (slow if self is Which.SLOWER else fast)


def same_powers(derived: Callable[[], sympy.Expr]) -> Check:
    """Equal at gamma = p/q for several p/q, exactly, as a function of h^(1/(2q))."""
    root = sympy.Symbol("t", positive=True)

    def holds(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        for p, q in ((1, 3), (1, 4), (2, 5), (3, 4)):
            at = {GAMMA: sympy.Rational(p, q), H: root ** (2 * q)}
            difference = in_ring(sympy.expand_power_base((candidate - derived()).subs(at)))
            if difference:
                return False, f"difference {difference} at gamma = {p}/{q}"
        return noted(candidate, derived(), equal=True), "equal at four values of gamma"

    return exact("leading term from the powers of h", Kind.SYMBOLIC, holds)


def rate_claim(
    which: Which,
    limit: sympy.Expr,
    bounds: tuple[sympy.Basic, ...],
    derived: Callable[[], sympy.Expr],
    rate: sympy.Expr | None = None,
) -> Claim:
    left = r"; relative to it, what is left falls like $h^p$ with $p={rate}$" if rate else ""
    slots = {"domain": Domain(bounds), "which": which, "limit": Value(limit, "limit")}
    return Claim(
        says=Statement(
            Type.LIMIT,
            r"Along $\beta:=1-Ch^\gamma$ for {domain}, as $h$ falls, {which} decays at the rate "
            r"$-\log|\kappa|={limit}$ a step, to leading order" + left + ".",
            slots | ({"rate": Value(rate, "rate")} if rate else {}),
        ),
        checks=(
            on("limit", same_powers(derived)),
            to_leading_order(
                "eigenvalues of the step matrix",
                lambda says, place: says["which"].over(place.stated(says, "limit"), place),
                rate="rate" if rate else "",
            ),
        ),
    )


@claim("cowsik2022.slow-rate", catalogue="B06 B08", where=TRANSVERSE, printed=LOST)
def slow_rate() -> Claim:
    r"""$u=1-\kappa$ solves $u^2-(1-\beta+z)u+z=0$, $z=h\lambda$. For $\gamma<\frac12$ the middle
    term is largest, so that $u=z/(1-\beta)\,(1+z/(1-\beta)^2+\dots)$. The slowest mode is that of
    the smallest curvature; its timescale is $Ch^{\gamma-1}/\lambda$.
    """
    return rate_claim(
        Which.SLOWER,
        LAMBDA * H ** (1 - GAMMA) / C,
        (sympy.Ge(GAMMA, 0), sympy.Lt(GAMMA, HALF)),
        lambda: timescales(heavy_ball)[0].rates[0].leading,
        1 - 2 * GAMMA,
    )


@claim("cowsik2022.fast-rate", catalogue="B06 B08", where=TRANSVERSE, printed=LOST)
def fast_rate() -> Claim:
    r"""The other root is $1-\beta+z$ minus the slow one: $1-\beta$ to leading order, as for the
    mixed mode.
    """
    return rate_claim(
        Which.FASTER,
        C * H**GAMMA,
        (sympy.Gt(GAMMA, 0), sympy.Lt(GAMMA, HALF)),
        lambda: timescales(heavy_ball)[0].rates[1].leading,
    )


@claim("cowsik2022.oscillation-rate", catalogue="B06 B08", where=TRANSVERSE, printed=LOST)
def oscillation_rate() -> Claim:
    r"""A complex pair has $|\kappa|^2=\beta$: $-\log|\kappa|=-\log(1-Ch^\gamma)/2$, its relative
    error $Ch^\gamma/2$. The envelope takes $2h^{-\gamma}/C$ steps to shrink by $e$, twice as long
    as the mixed mode.
    """
    return rate_claim(
        Which.BOTH,
        C * H**GAMMA / 2,
        (sympy.Gt(GAMMA, HALF),),
        lambda: timescales(heavy_ball)[2].rates[0].leading,
        GAMMA,
    )


@claim("cowsik2022.mixed-rate", catalogue="B06 B08", where=LONGITUDINAL, printed=LOST)
def mixed_rate() -> Claim:
    r"""At $\lambda=0$ the multipliers are $1$ and $\beta$, for every $\gamma$:
    $-\log\beta=Ch^\gamma+C^2h^{2\gamma}/2+\dots$
    """

    def derived() -> sympy.Expr:
        decay = sympy.Dummy("delta")
        return sympy.series(-sympy.log(1 - decay), decay, 0, 2).removeO().subs(decay, C * H**GAMMA)

    return rate_claim(Which.MIXED, C * H**GAMMA, (sympy.Gt(GAMMA, 0),), derived, GAMMA)


@claim(
    "cowsik2022.mixed-mode-bound",
    catalogue="B08",
    where="section 3.3, transverse motion",
    printed=read("with the lower bound set by the mixed longitudinal mode"),
)
def mixed_mode_bound() -> Claim:
    r"""The product of the two multipliers is $\beta$ and both are below 1 in modulus where the mode
    is stable, so both are above $\beta$; the mixed mode has the multiplier $\beta$.
    """

    def fastest(h: fmpq, beta: fmpq, z: fmpq) -> tuple[arb, arb]:
        return 1 / max(rates(h, beta, z / h), key=float), 1 / rates(h, beta, fmpq(0))[1]

    def sides(says: Statement, draw: random.Random) -> tuple[arb, arb]:
        point = says["domain"].inside(draw)
        return fastest(fmpq(1, 3), point["beta"], point["z"])

    def holds(says: Statement, point: Point, settings: Settings) -> bool:
        if point["beta"] <= 0:
            return False
        time, mixed = fastest(fmpq(1, 3), point["beta"], point["z"])
        return bool(time > 0) and says["relation"].admits(time, mixed)

    return Claim(
        says=Statement(
            Type.INEQUALITY,
            r"The timescale $\tau:=-1/\log|\kappa|$ of each multiplier $\kappa$ of a mode and that "
            r"of the mixed mode, $\tau_m:=-1/\log\beta$, have $\tau{relation}\tau_m$, with "
            r"$z:=h\lambda$, for {domain}.",
            {
                "relation": Relation.ABOVE,
                "domain": Domain(
                    (
                        sympy.Gt(BETA, 0),
                        sympy.Lt(BETA, 1),
                        sympy.Gt(Z, 0),
                        sympy.Lt(Z, 2 * (1 + BETA)),
                    )
                ),
            },
        ),
        checks=(
            compared("eigenvalues of the step matrix", sides),
            bounded("eigenvalues within the domain and without", holds, kind=Kind.BALL),
        ),
    )


class Roots(Choice):
    """For which curvatures an expansion of the multipliers holds."""

    DISTINCT = "where the two differ"
    ALL = "whether they differ or not"


@claim("cowsik2022.balanced-multiplier", catalogue="B07", where="section 3.3", printed=LOST)
def balanced_multiplier() -> Claim:
    r"""With $u=v\sqrt h$ the quadratic is $v^2-(C+\lambda\sqrt h)v+\lambda=0$: to leading order
    $v^2-Cv+\lambda=0$, the damped oscillator $x''+Cx'+\lambda x=0$ in the time $\sqrt h$. Both
    roots are complex for $\lambda>C^2/4$; near a double root they change like $h^{1/4}$.
    """
    root = sympy.sqrt(C**2 - 4 * LAMBDA)

    def differences(says: Statement, settings: Settings, share: fmpq) -> Sequence[float]:
        """The larger distance of the two from the eigenvalues, with 4 lambda = share C^2."""
        scale = fmpq(random.Random(settings.seed).randint(10, 20), 10)
        curvature, found = share * scale**2 / 4, []
        with precision(settings.digits + 20):
            for n in range(6, 13):
                e = fmpq(1, 2**n)
                total, product = 1 + (1 - scale * e) - e**2 * curvature, 1 - scale * e
                values = {"e": acb(e), "C": acb(scale), "lambda": acb(curvature)}
                one, two = (evaluate(says.expr(s), values, COMPLEX) for s in ("slower", "faster"))
                half = acb(total**2 / 4 - product).sqrt()
                pairs = ((one, total / 2 + half), (two, total / 2 - half))
                found.append(max(float(abs(a - b).mid()) for a, b in pairs))
        return found

    def at_a_double_root(says: Statement, settings: Settings) -> tuple[bool, str]:
        errors = differences(says, settings, fmpq(1))
        grown = errors[-1] * 4**6 / errors[0]
        return (grown < 2) == (says["roots"] is Roots.ALL), f"over e^2 it grows by {grown:.3g}"

    def apart(name: str, share: fmpq) -> Check:
        return tends(name, lambda says, settings: differences(says, settings, share))

    def balance(slot: str, place: int) -> Check:
        def derived() -> sympy.Expr:
            return 1 - timescales(heavy_ball)[1].leading[place].subs(H, E**2)

        def same(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
            positive = {E: sympy.Symbol("e", positive=True)}
            left = sympy.expand((candidate - derived()).subs(positive))
            return noted(candidate, derived(), left == 0), f"difference {left}"

        return on(slot, exact(f"balance of the leading terms, {slot}", Kind.SYMBOLIC, same))

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"With $h:=e^2$ and $\beta:=1-Ce$ a mode has multipliers that are, up to {error} "
            r"{roots}, $\kappa_+={slower}$ and $\kappa_-={faster}$.",
            {
                "error": Order(2, "e"),
                "roots": Roots.DISTINCT,
                "slower": Value(1 - E * (C - root) / 2, "limit"),
                "faster": Value(1 - E * (C + root) / 2, "limit"),
            },
        ),
        checks=(
            balance("slower", 0),
            balance("faster", 1),
            apart("roots of the step matrix, real", fmpq(1, 3)),
            apart("roots of the step matrix, complex", fmpq(5, 3)),
            exact("a double root of the limit", Kind.BALL, at_a_double_root),
        ),
    )


@claim("cowsik2022.balanced-curvature", catalogue="B07 B04", where="section 3.3", printed=LOST)
def balanced_curvature() -> Claim:
    r"""The discriminant $C^2-4\lambda$ of $v^2-Cv+\lambda$. At a finite step the mode turns where
    $\sqrt{h\lambda}=1-\sqrt\beta=C\sqrt h/2\,(1+C\sqrt h/4+\dots)$, a little later.
    """

    def threshold(says: Statement, draw: random.Random) -> tuple[fmpq, fmpq]:
        scale = fmpq(draw.randint(10, 40), 20)
        return says.number("bound", C=scale), scale

    def turned(says: Statement, curvature: fmpq, scale: fmpq) -> bool:
        return oscillates(fmpq(1, 4**100), 1 - scale * fmpq(1, 2**100), curvature)

    def derived(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        turns = timescales(heavy_ball)[1].turns
        equal = sympy.expand(candidate - turns) == 0
        return noted(candidate, turns, equal), "zero of the discriminant"

    return Claim(
        says=Statement(
            Type.THRESHOLD,
            r"With $\beta:=1-C\sqrt h$ a mode oscillates, once $h$ is small, where "
            r"$\lambda{relation}{bound}$.",
            {"relation": Relation.ABOVE, "bound": Value(C**2 / 4, "threshold")},
        ),
        checks=(
            on("bound", exact("balance of the leading terms", Kind.SYMBOLIC, derived)),
            switches("discriminant of the step matrix", turned, threshold),
        ),
    )


@claim("cowsik2022.strong-momentum-threshold", catalogue="B04", where="section 3.3", printed=LOST)
def strong_momentum() -> Claim:
    r"""$(1-\sqrt\beta)^2=(1-\beta)^2/(1+\sqrt\beta)^2$, and $(1+\sqrt\beta)^2\to4$: modes with
    $4\lambda h/(1-\beta)^2>1$ oscillate. The same as $\lambda_P>1/(4\lambda)$ for the intrinsic
    parameter $\lambda_P=h/(1-\beta)^2$ of the second-order flow.
    """

    q = sympy.Symbol("q")

    def limit(candidate: sympy.Expr, settings: Settings) -> tuple[bool, str]:
        low, _ = oscillation_interval(heavy_ball)
        quotient = sympy.limit((candidate / low).subs(q, 1 - BETA), BETA, 1)
        wanted = q**2 * sympy.limit(low / (1 - BETA) ** 2, BETA, 1)
        return noted(candidate, wanted, quotient == 1), f"quotient {quotient} at beta = 1"

    def differences(says: Statement, settings: Settings) -> Sequence[fmpq]:
        found = []
        for n in range(24, 31):
            size = fmpq(1, 2**n)
            low, high = fmpq(0), size**2
            for _ in range(90):
                middle = (low + high) / 2
                turned = oscillates(fmpq(1), 1 - size, middle)
                low, high = (low, middle) if turned else (middle, high)
            found.append(says.number("limit", q=size) / high - 1)
        return found

    return Claim(
        says=Statement(
            Type.LIMIT,
            r"As $\beta$ rises to its bound, $q:=1-\beta$, a mode starts to oscillate at an "
            r"$h\lambda$ that is ${limit}$ to within a relative {error}.",
            {"limit": Value(q**2 / 4, "limit"), "error": Order(1, "q")},
        ),
        checks=(
            on("limit", exact("limit of the exact threshold", Kind.SYMBOLIC, limit)),
            tends("discriminant of the step matrix, bisected", differences),
        ),
    )
