"""Functions of component expressions: what are |e|, sign(e), a root, exp(e), log(e), tanh(e)?

Each becomes a symbol y of its own. Where its argument holds a symbol once or as a square, that
symbol is written through y from then on (g = sign(g) |g|, v = r^2), so that the ring stays free;
else a power of y is reduced.
"""

from __future__ import annotations

from typing import NoReturn

from flint import fmpq

from derive.engine.component_ring import Element, NoExpansion, Restart, Symbol

ELIMINATED = ("field", "total", "parameter", "slow")
"""Which symbols may be written through a root or an absolute value, the first ones rather."""


def absolute(e: Element) -> Element:
    """|e|, as the product of what is positive and the absolute values of the other factors."""
    if held := _held("abs", e):
        return held
    if not e:
        raise NoExpansion(
            "the rule takes abs, max, min or clip where both sides are equal (a tie): there it has "
            "a corner and no expansion in h."
        )
    scale, factors = e.algebra.factors(e)
    result = e.algebra.number(abs(scale))
    for factor, power in factors:
        result = result * _absolute(factor) ** power
    return result


def sign(e: Element) -> Element:
    """sign(e), 1 or -1; not where e is 0."""
    if held := _held("sign", e):
        return held
    if not e:
        raise NoExpansion("the rule takes the sign of something that is 0 for every loss.")
    scale, factors = e.algebra.factors(e)
    result = e.algebra.number(-1 if scale < 0 else 1)
    for factor, power in factors:
        if power % 2:
            result = result * _sign(factor)
    return result


def root(e: Element, q: int) -> Element:
    """The q-th root of a positive e."""
    if held := _held(f"root{q}", e):
        e.algebra.relations.setdefault(held.symbols[0].index, (q, e))
        return held
    if not e:
        raise NoExpansion(
            "the rule takes a root of something that is 0 as h tends to 0: it is not smooth there. "
            "Add a positive constant inside the root."
        )
    algebra = e.algebra
    scale, factors = algebra.factors(e)
    if q % 2 == 0 and scale < 0:
        scale, factors = _turned(scale, factors)
    result, rest = (
        _root_of_number(algebra.number(abs(scale)), q),
        algebra.number(-1 if scale < 0 else 1),
    )
    for factor, power in factors:
        whole, left = divmod(power, q)
        size = _absolute(factor) if q % 2 == 0 and left == 0 else factor
        result = result * size**whole
        if left and (_is_positive(factor) or not factor.space):
            positive = factor * (algebra.sign_of_plain(factor) if _is_plain(factor) else 1)
            result = result * _symbol_root(positive, q) ** left
            if positive != factor and left % 2:
                rest = -rest
        elif left:
            rest = rest * factor**left
    if rest == 1 or (rest == -1 and q % 2):
        return result * rest
    if rest == -1:
        raise NoExpansion(f"the rule takes a root of {e!r}, which is negative.")
    return result * _symbol_root(rest, q)


def _turned(
    scale: fmpq, factors: list[tuple[Element, int]]
) -> tuple[fmpq, list[tuple[Element, int]]]:
    """The minus sign put into a scalar factor whose sign is not known, as n - sum(e) may be."""
    for i, (factor, power) in enumerate(factors):
        if power % 2 and not (factor.space or _is_positive(factor) or _is_plain(factor)):
            return -scale, [*factors[:i], (-factor, power), *factors[i + 1 :]]
    return scale, factors


def power(e: Element, exponent: Element) -> Element:
    """e to a power that is no rational number, for positive e."""
    if held := _held("power", e):
        return held
    return e.algebra.symbol(
        f"({e!r})^({exponent!r})",
        "power",
        e.space or exponent.space,
        (exponent, e),
        key=(e.key, exponent.key),
        positive=True,
    )


def elementary(name: str, e: Element) -> Element:
    """exp, log, tanh, sin or cos of e."""
    if held := _held(name, e):
        return held
    algebra = e.algebra
    if not e and name != "log":
        return algebra.number(int(name in {"exp", "cos"}))
    if not e.space and e == 1 and name == "log":
        return algebra.zero

    def symbol(called: str) -> Element:
        data: list[object] = [e]
        found = algebra.symbol(
            f"{called}({e!r})", called, e.space, data, key=(e.key,), positive=called == "exp"
        )
        return found

    found = symbol(name)
    if name in {"sin", "cos"}:
        other = symbol("cos" if name == "sin" else "sin")
        for this, that in ((found, other), (other, found)):
            this.symbols[0].data = [that, e]
        sine, cosine = (found, other) if name == "sin" else (other, found)
        algebra.relations.setdefault(sine.symbols[0].index, (2, 1 - cosine**2))
    return found


def _held(name: str, e: Element) -> Element | None:
    """While unknowns are sought, a function of one is an unknown itself."""
    algebra = e.algebra
    if not (algebra.holding and algebra.unknowns(e)):
        return None
    return algebra.symbol(f"{name}({e!r})", "function", e.space, (e,), key=(name, e.key))


def _only(factor: Element) -> Symbol | None:
    """The symbol that this factor is, if it is one."""
    if not factor.den.is_one() or factor.num.total_degree() != 1 or len(factor.num.coeffs()) != 1:
        return None
    return factor.symbols[0]


def _is_positive(factor: Element) -> bool:
    symbol = _only(factor)
    return symbol is not None and symbol.positive


def _is_plain(factor: Element) -> bool:
    """Whether this is a number or an expression in the parameters and their powers beta^k."""
    return all(s.kind in {"parameter", "fading"} for s in factor.symbols)


def _absolute(factor: Element) -> Element:
    if _is_positive(factor):
        return factor
    if (known := _known_sign(factor)) is not None:
        return factor * known
    symbol = _only(factor)
    if symbol is not None and symbol.kind == "sign":
        return factor.algebra.number(1)
    return _size_and_sign(factor)[0]


def _sign(factor: Element) -> Element:
    if _is_positive(factor):
        return factor.algebra.number(1)
    if (known := _known_sign(factor)) is not None:
        return factor.algebra.number(known)
    symbol = _only(factor)
    if symbol is not None and symbol.kind == "sign":
        return factor
    return _size_and_sign(factor)[1]


def _known_sign(factor: Element) -> int | None:
    """The sign of an expression in the parameters, or of positive symbols times such of one sign,
    as |g| + eps is.
    """
    algebra = factor.algebra
    if _is_plain(factor):
        return algebra.sign_of_plain(factor)
    parts: dict[tuple[int, ...], dict[tuple[int, ...], fmpq]] = {}
    for exponents, value in algebra.lifted(factor.num)[0].to_dict().items():
        plain = [
            e if e and algebra.symbols[i].kind == "parameter" else 0
            for i, e in enumerate(exponents)
        ]
        others = tuple(e - p for e, p in zip(exponents, plain, strict=True))
        if not all(algebra.symbols[i].positive for i, e in enumerate(others) if e):
            return None
        parts.setdefault(others, {})[tuple(plain)] = value
    signs = {
        algebra.sign_of_plain(algebra.fraction(algebra.context.from_dict(part), algebra.one))
        for part in parts.values()
    }
    return signs.pop() if len(signs) == 1 else None


def _size_and_sign(base: Element) -> tuple[Element, Element]:
    """|base| and sign(base); a lone symbol is written through them."""
    algebra = base.algebra
    key = (base.key,)
    s = algebra.symbol(f"sign({base!r})", "sign", base.space, (base,), key=key)
    algebra.relations.setdefault(s.symbols[0].index, (2, algebra.number(1)))
    symbol = _only(base)
    if symbol is None or symbol.kind not in ELIMINATED:
        return s * base, s
    size = algebra.symbol(f"|{base!r}|", "abs", base.space, (s, base), key=key, positive=True)
    _replace(symbol, s * size)


def _symbol_root(base: Element, q: int) -> Element:
    """The root of a base that is taken to be positive."""
    algebra = base.algebra
    y = algebra.symbol(
        f"root{q}({base!r})", "root", base.space, (q, base), key=(q, base.key), positive=True
    )
    index = y.symbols[0].index
    if index in algebra.relations:
        return y
    free = not _is_plain(base) or _only(base) is not None
    for power_of in (1, q) if free else ():
        if (found := _entering(base, power_of)) is not None:
            symbol, slope = found
            value = (y**q - base.at({symbol.index: algebra.zero})) / slope
            _replace(symbol, value, power_of)
    algebra.relations[index] = q, base
    return y


def _entering(base: Element, degree: int) -> tuple[Symbol, Element] | None:
    """A symbol that enters the base in this degree only, its weight a plain scalar."""
    candidates = [s for s in base.symbols if s.kind in ELIMINATED]
    for symbol in sorted(candidates, key=lambda s: (ELIMINATED.index(s.kind), s.index)):
        parts = base.algebra.powers(base.num, symbol.index)
        clean = len(parts) == degree + 1 and not any(parts[1:degree])
        if clean and symbol.space == base.space and not parts[degree].space:
            return symbol, parts[degree]
    return None


def _replace(symbol: Symbol, value: Element, degree: int = 1) -> NoReturn:
    """From now on symbol^degree is this value, also in what was replaced before."""
    algebra = value.algebra
    if degree > 1:
        algebra.relations[symbol.index] = degree, value
        raise Restart
    change = {symbol.index: value}
    algebra.replaced = {i: old.at(change) for i, old in algebra.replaced.items()} | change
    algebra.relations = {i: (n, old.at(change)) for i, (n, old) in algebra.relations.items()}
    raise Restart


def _root_of_number(number: Element, q: int) -> Element:
    """The root of a positive rational, its perfect powers taken out."""
    value = fmpq(number.num.leading_coefficient())
    outside, inside = fmpq(1), fmpq(1)
    for whole, side in ((value.p, 1), (value.q, -1)):
        for prime, times in whole.factor():
            outside *= fmpq(prime) ** (side * (times // q))
            inside *= fmpq(prime) ** (side * (times % q))
    algebra = number.algebra
    if inside == 1:
        return algebra.number(outside)
    # a root of a whole number: 1/sqrt(2) is sqrt(2)/2
    outside, inside = outside / inside.q, inside * fmpq(inside.q) ** q
    return algebra.number(outside) * _symbol_root(algebra.number(inside), q)
