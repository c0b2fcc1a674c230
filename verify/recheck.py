"""Re-check certificates of claims, trusting nothing that wrote them.

One file, the standard library and FLINT: `python verify/recheck.py DIR`. A tree is a nested list
["+", a, ...], ["*", a, ...], ["^", a, b]; "3/4" is a number, ["symbol", "k"] a symbol, "$factor"
the formula of that name. What is redone is the arithmetic; how a formula was derived is not.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    sys.path.pop(0)  # the files beside a script would hide standard modules of their names

import ast
import hashlib
import json
import math
import re
from contextlib import suppress
from functools import cache, reduce
from itertools import pairwise, product
from operator import add, mul
from pathlib import Path
from typing import Any

import flint
from flint import arb, fmpq, fmpq_mpoly_ctx, fmpq_series
from flint.utils.flint_exceptions import DomainError

MOST_BYTES, MANIFEST = 20_000_000, "manifest.json"
OUR_BITS, TIGHT_DIGITS, ENOUGH_POINTS, MOST_POINTS, LOG10 = 512, 40, 5, 200, math.log(10)
FUNCTIONS = {name: getattr(arb, name) for name in ("exp", "log", "asinh", "sin", "cos", "lambertw")}
FUNCTIONS |= {"abs": abs, "pi": arb.pi}
NO_VALUE = (ValueError, ArithmeticError, TypeError, LookupError, AttributeError, DomainError)
Vector = list[Any]  # power series in h, one for every coordinate


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise ValueError(why)


def rational(text: str) -> fmpq:
    """A rational number from its text."""
    return fmpq(*map(int, text.split("/")))


def evaluate(tree: Any, exact: dict[str, fmpq], convert: Any = fmpq) -> Any:
    """The value where the symbols have these values, in the number type of `convert`."""
    if isinstance(tree, str):
        return convert(rational(tree))
    head, *rest = tree
    if head == "symbol":
        return convert(exact[rest[0]]) if rest[0] in exact else convert.symbol(rest[0])
    if head == "sum":
        body, name, *ends = rest
        low, high = (int(str(evaluate(end, exact))) for end in ends)
        places = ({**exact, name: fmpq(i)} for i in range(low, high + 1))
        return reduce(add, (evaluate(body, p, convert) for p in places), convert(fmpq(0)))
    if head == "binomial":
        n, k = (int(str(evaluate(part, exact))) for part in rest)
        return convert(fmpq(math.comb(n, k) if k >= 0 else 0))
    if head == "^" and isinstance(convert, Functions):
        return convert.power(*(evaluate(part, exact, convert) for part in rest))
    if head == "^":
        base, power = evaluate(rest[0], exact, convert), evaluate(rest[1], exact)
        _need(power.q == 1 or convert is arb, f"no exact power {power}")
        if power.q > 1:
            return base ** arb(power)
        return base ** int(power.p) if power >= 0 else 1 / base ** int(-power.p)
    parts = [evaluate(part, exact, convert) for part in rest]
    if head in ("+", "*"):
        return reduce(add if head == "+" else mul, parts)
    _need(convert is arb and head in FUNCTIONS, f"{head} has no exact value")
    return FUNCTIONS[head](*parts)


class Quotient:
    """A fraction of polynomials."""

    def __init__(self, top: Any, bottom: Any) -> None:
        _need(bottom != 0, "a division by 0")
        common = top.gcd(bottom)
        self.top, self.bottom = top // common, bottom // common

    def __add__(self, other: Quotient) -> Quotient:
        (a, b), (c, d) = (self.top, self.bottom), (other.top, other.bottom)
        return Quotient(a * d + c * b, b * d)

    def __mul__(self, other: Quotient) -> Quotient:
        return Quotient(self.top * other.top, self.bottom * other.bottom)

    def __pow__(self, power: int) -> Quotient:
        pair = (self.top, self.bottom) if power >= 0 else (self.bottom, self.top)
        return Quotient(*(p ** abs(power) for p in pair))


class Functions:
    """Fractions of polynomials in symbols and in powers such as beta^k."""

    def __init__(self, at: dict[str, Any]) -> None:
        self.ring = fmpq_mpoly_ctx.get([f"x{i}" for i in range(16)], flint.Ordering.lex)
        self.names, self.at = list[str](), at

    def __call__(self, value: fmpq) -> Quotient:
        return Quotient(self.ring.constant(value), self.ring.constant(1))

    def symbol(self, name: str) -> Quotient:
        if name in self.at:
            return evaluate(self.at[name], {}, self)
        self.names += [] if name in self.names else [name]
        return Quotient(self.ring.gens()[self.names.index(name)], self.ring.constant(1))

    def power(self, base: Quotient, exponent: Quotient) -> Quotient:
        """base^(c + m k) is base^c times the m-th power of the symbol base^k."""
        result = self(fmpq(1))
        terms = exponent.top / exponent.bottom.leading_coefficient()
        for exponents, c in terms.to_dict().items():
            power, factor, degree = fmpq(c), base, sum(exponents)
            if degree:
                alone = base.top in self.ring.gens() and base.bottom.is_one()
                _need(degree == 1 and alone, "a power of more than a symbol")
                factor = self.symbol(f"({base.top})^{self.names[exponents.index(1)]}")
            elif power.q == 2:
                factor, power = Quotient(base.top.sqrt(), base.bottom.sqrt()), power * 2
            _need(power.q == 1 and exponent.bottom.is_constant(), "an exponent that is not whole")
            result = result * factor ** int(power.p)
        return result


def identity(item: Any) -> bool | None:
    """Two expressions are equal, or not: as rational functions, or else in balls at our points."""
    field = Functions(item["at"])
    try:
        left, right = (evaluate(item[side], {}, field) for side in ("left", "right"))
    except NO_VALUE:
        return same(item["left"], item["right"], item["at"])
    return left.top * right.bottom == right.top * left.bottom


def same(left: Any, right: Any, at: dict[str, Any]) -> bool | None:
    """left - right encloses 0 where both have values, within our bound; or excludes it at one.

    Symbols are in (0, 1), k and n whole; some are what `at` says. None: at too few points.
    """
    names = sorted(set[str]().union(*map(_symbols, (left, right, *at.values()))) - {*at})
    found = 0
    for p in range(MOST_POINTS):
        drawn = ((7 * (p + 2) * (i + 3) ** 2 + p * i) % 89 + 1 for i in range(len(names)))
        pairs = zip(names, drawn, strict=True)
        point = {n: fmpq(q % 8 + 2) if n in ("k", "n") else fmpq(q, 97) for n, q in pairs}
        with flint.ctx.workprec(OUR_BITS), suppress(*NO_VALUE):
            point |= {name: evaluate(tree, point) for name, tree in at.items()}
            off = evaluate(left, point, arb) - evaluate(right, point, arb)
            if off.is_finite() and not off.contains(0):
                return False
            found += off.is_finite() and off.rad() < arb(10) ** -TIGHT_DIGITS
        if found == ENOUGH_POINTS:
            return True
    return None


def order(item: Any) -> bool | None:
    """The slopes of the errors, extrapolated, tell this order from others: an illustration."""
    ratio, logs = int(item["ratio"]), [math.log(int(d)) + int(e) * LOG10 for d, e in item["errors"]]
    rows = [[(a - b) / math.log(ratio) for a, b in pairwise(logs)]]
    for n in (ratio, ratio**2):
        rows.append([(n * fine - coarse) / (n - 1) for coarse, fine in pairwise(rows[-1])])
    (*_, slope), (*_, before, linear), (*_, limit) = rows
    moved = max(abs(limit - linear), abs(limit - slope), abs(linear - before))
    width, claimed = max(3 * moved, 0.01), rational(item["order"])
    return abs(int(claimed.p) / int(claimed.q) - limit) <= width if width < 0.5 else None


@cache
def differential(loss: str, tree: str) -> tuple[Any, ...]:
    """F(t) of f = -grad E, or of minus a given field, for a tree in nested brackets."""
    branches = [differential(loss, json.dumps(branch)) for branch in json.loads(tree)]
    if branches:
        return tuple(along(branches, p) for p in differential(loss, "[]"))
    size, scalar, rows = json.loads(loss)
    ring = fmpq_mpoly_ctx.get([f"x{i}" for i in range(size)], flint.Ordering.lex)
    fields = [ring.from_dict({tuple(e): rational(c) for e, c in row}) for row in rows]
    return tuple(-(fields[0].derivative(i) if scalar else fields[i]) for i in range(size))


def along(fields: list[Any], p: Any) -> Any:
    """The derivative of p of order len(fields), each direction held fixed."""
    total = p * 0
    for axes in product(range(len(fields[0])), repeat=len(fields)):
        weight = reduce(mul, (f[i] for f, i in zip(fields, axes, strict=True)))
        total += weight * reduce(lambda q, axis: q.derivative(axis), axes, p)
    return total


@cache
def moved(loss: str, word: tuple[str, ...]) -> tuple[Any, ...]:
    """The coordinates, differentiated along F(t) for the last tree, the one before, ..."""
    if not word:
        return differential(loss, "[]")[0].context().gens()
    return tuple(along([differential(loss, word[0])], p) for p in moved(loss, word[1:]))


def at(polynomials: tuple[Any, ...], x: Vector) -> Vector:
    """Polynomials at power series."""
    return [
        sum((c * reduce(mul, map(pow, x, es)) for es, c in p.to_dict().items()), start=x[0] * 0)
        for p in polynomials
    ]


def plus(start: Vector, row: list[Any], vectors: list[Vector]) -> Vector:
    """start and the sum of weights times vectors."""
    for weight, vector in zip(row, vectors, strict=False):
        start = [a + b * weight for a, b in zip(start, vector, strict=True)]
    return start


def flow(loss: str, weights: dict[str, Any], x: Vector, time: Any, length: int) -> Vector:
    """The Lie series of x' = sum of weights[t] F(t)(x) over a time that is O(h)."""
    result, words = x, {(): x[0] ** 0}
    for n in range(1, length):
        longer = (((t, *u), c * time * w / n) for u, c in words.items() for t, w in weights.items())
        words = {word: c for word, c in longer if any(c.coeffs())}
        result = plus(result, [*words.values()], [at(moved(loss, word), x) for word in words])
    return result


def residual(item: Any) -> bool:
    """x_k + ahead (x_k - x_(k-1)) minus a flow, from the declared step, as power series in h."""
    loss, n = json.dumps(item["loss"]), int(item["length"])

    def series(row: Any) -> fmpq_series:
        return fmpq_series([rational(c) for c in row], prec=n)

    def pull(x: Vector) -> Vector:
        return [p * series(["0", "1"]) for p in at(differential(loss, "[]"), x)]

    rule = {key: [list(map(rational, row)) for row in rows] for key, rows in item["method"].items()}
    here = reached = [series([c]) for c in item["start"]]
    zero, legs, ends = [p * 0 for p in here], item["legs"], list[Vector]()
    weights = [{t: series(w) for t, w in leg["weights"]} for leg in legs]
    before = flow(loss, weights[0], here, series(item["back"]), n)
    known = [plus(here, [-1], [before]), pull(before)]
    memory = [plus(zero, list(map(rational, row)), known) for row in item["memory"]]
    for leg, field in zip(legs, weights, strict=True):
        pulls: list[Vector] = []
        for u, a in zip(rule["u"], rule["a"], strict=True):
            pulls.append(pull(plus(plus(here, u, memory), a, pulls)))
        after = plus(plus(here, rule["v"][0], memory), rule["b"][0], pulls)
        rows = zip(rule["w"], rule["c"], strict=True)
        memory = [plus(plus(zero, w, memory), c, pulls) for w, c in rows]
        begin = [series(row) for row in leg["from"]] or reached
        reached = flow(loss, field, begin, series(leg["time"]), n)
        ahead = plus(after, [rational(leg["ahead"])], [plus(after, [-1], [here])])
        here, ends = after, [*ends, ahead, reached]
    shown = [[[str(p[i]) for i in range(n)] for p in end] for end in ends]
    _need(shown == item["ends"], "other iterates or flows")
    lefts = [plus(a, [-1], [b]) for a, b in zip(ends[::2], ends[1::2], strict=True)]
    for power, roots in enumerate(item["roots"]):
        terms = [[p[power] for p in left] for left in lefts]
        for base in map(rational, roots):
            terms = [plus(b, [-base], [a]) for a, b in pairwise(terms)]
        if any(entry != 0 for term in terms for entry in term):
            return False
    return True


def seal(content: Any) -> str:
    """The hash that a certificate carries of its contents."""
    text = json.dumps({**content, "seal": ""}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def held(content: Any) -> list[str]:
    """The formulas, other than was printed, that an identity holds: as a function, or at enough
    points; one that a changed formula would pass as well holds nothing."""
    formulas, found = content["formulas"], list[str]()
    items = [i for check in content["checks"] for i in check["items"] if i["kind"] == "identity"]
    for name, text in ((slot["name"], slot["value"]) for slot in content["slots"]):
        if (mark := f"${name}") in formulas and is_written(text, formulas[mark]):
            changed = {**formulas, mark: ["+", formulas[mark], "1"]}
            used = [i for i in items if i["holds"] is True and json.dumps(mark) in json.dumps(i)]
            told = [i["at"] for i in used if identity(filled(i, changed)) is False]
            points = {str([t for t in at.items() if isinstance(t[1], str)]) for at in told}
            if "[]" in points or len(points) >= ENOUGH_POINTS:
                found.append(name)
    for name, text in ((slot["name"], slot["value"]) for slot in content["misprint"]):
        printed, right = (formulas.get(f"${name}{end}") for end in (" printed", ""))
        if printed and right and is_written(text, printed):
            _need(same(printed, right, {}) is False, f"{name} is as it was printed")
    return found


def filled(item: Any, formulas: Any) -> Any:
    """An item with the formulas where their names stand."""
    pairs = ((json.dumps(mark), json.dumps(formula)) for mark, formula in formulas.items())
    return json.loads(reduce(lambda text, p: text.replace(p[0], p[1]), pairs, json.dumps(item)))


def is_written(text: str, tree: Any) -> bool:
    """Whether a printed formula can be held against the tree; ValueError where it is another."""
    constant = "E" if "E" in _symbols(tree) else "exp(1)"
    text = re.sub(r"\bE\b", constant, re.sub(r"\blambda\b", "lambda_", text))
    try:
        written = _parsed(ast.parse(text, mode="eval").body)
    except (*NO_VALUE, SyntaxError, RecursionError):
        return False
    agrees, valued = same(written, tree, {}), [same(a, a, {}) for a in (written, tree)]
    _need(agrees is True or not any(valued), f"the text {text[:80]}")
    return agrees is True


_OPERATORS = {ast.Add: "+", ast.Mult: "*", ast.Pow: "^"}


def _parsed(node: Any) -> Any:
    """The tree of a printed formula; nothing of it is run."""
    match node:
        case ast.Constant(value=int()):
            return str(node.value)
        case ast.Name(id=name):
            return {"pi": ["pi"]}.get(name, ["symbol", name.removesuffix("_")])
        case ast.UnaryOp(op=ast.USub(), operand=part):
            return ["*", "-1", _parsed(part)]
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return ["+", _parsed(left), ["*", "-1", _parsed(right)]]
        case ast.BinOp(left=left, op=ast.Div(), right=right):
            return ["*", _parsed(left), ["^", _parsed(right), "-1"]]
        case ast.BinOp(left=left, op=op, right=right):
            return [_OPERATORS[type(op)], _parsed(left), _parsed(right)]
        case ast.Call(func=ast.Name(id="sqrt"), args=[part]):
            return ["^", _parsed(part), "1/2"]
        case ast.Call(func=ast.Name(id="Sum"), args=[body, ast.Tuple(elts=[n, *ends])]):
            return ["sum", _parsed(body), ast.unparse(n), *map(_parsed, ends)]
        case ast.Call(func=ast.Name(id=name)) if name.lower() in {*FUNCTIONS, "binomial"}:
            return [name.lower(), *map(_parsed, node.args)]
    raise ValueError("no formula")


def _symbols(tree: Any) -> set[str]:
    head, *rest = [""] if isinstance(tree, str) else tree
    found = {rest[0]} if head == "symbol" else set[str]().union(*map(_symbols, rest))
    return found - {rest[1]} if head == "sum" else found


def redo(content: Any, name: str) -> Any:
    """How many items of which kind hold, and the checks that have none."""
    _need(content["seal"] == seal(content), "the seal is broken")
    _need(content["claim"] == name, "the file is named after another claim")
    kinds = {"value": identity} | {f.__name__: f for f in (identity, order, residual)}
    redone: dict[str, int] = {}
    for check in content["checks"]:
        for item in filled(check["items"], content["formulas"]):
            _need(kinds[item["kind"]](item) is item["holds"], f"{check['name']}: {item['kind']}")
            redone[item["kind"]] = redone.get(item["kind"], 0) + 1
        decided = [item["holds"] for item in check["items"] if item["kind"] != "value"]
        if check["passed"] and decided:
            _need(all(decided) is not check["refutes"], f"{check['name']}: the evidence differs")
    verdicts = [["confirmed", "derived"], ["corrected", "needs a premise"]]
    verdict = verdicts[bool(content["misprint"])][bool(content["beyond the source"])]
    verdict = verdict if all(check["passed"] for check in content["checks"]) else "open"
    _need(content["verdict"] == verdict, "the checks give another verdict")
    without = [check["name"] for check in content["checks"] if not check["items"]]
    return {"redone": redone, "proves": held(content), "without": without}


def recheck(folder: Path) -> list[Any]:
    """What became of every certificate in a folder; OSError where one is none."""
    manifest = folder / MANIFEST
    if not (files := sorted(set(folder.glob("[!.]*.json")) - {manifest})):
        raise FileNotFoundError(f"{folder} holds no certificates.")
    listed = json.loads(manifest.read_bytes()) if manifest.is_file() else []
    missed = sorted({str(name) for name in listed} - {path.stem for path in files})
    gone = {"accepted": False, "why": "the manifest names it, and it is missing"}
    results: list[Any] = [{"claim": name} | gone for name in missed]
    for path in files:
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            raise FileNotFoundError(f"{path} is no regular file of ordinary size.")
        text = path.read_bytes().decode("utf-8", "replace")
        if '"certificate of": "undertow"' not in text:
            raise FileNotFoundError(f"{path} is not a certificate.")
        try:
            result = {"accepted": True} | redo(json.loads(text), path.stem)
        except Exception as error:
            result = {"accepted": False, "why": str(error) or repr(error)}
        results.append({"claim": path.stem} | result)
    return results


if __name__ == "__main__":
    try:
        found = recheck(Path(sys.argv[1] if sys.argv[1:] else "."))
    except OSError as error:
        sys.exit(print(f"recheck: {error}", file=sys.stderr) or 2)
    print(json.dumps(found, indent=2))
    accepted = all(result["accepted"] for result in found)
    sys.exit((0 if all(result["proves"] for result in found) else 3) if accepted else 1)
