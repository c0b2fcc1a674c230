"""What every rule of the zoo penalizes at order h, side by side, as text, LaTeX, JSON and a page.

The normalization is that of `derive.engine.order_h`: x' = -P (g + h c H phi), N has the
gradient phi = P g.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import sympy

from derive.batches.noise import noise_term
from derive.engine.order_h import G, Regularizer, in_one_component, regularizer
from derive.engine.transformed_loss import transformed_loss
from derive.language.bad_input import BadInput
from derive.language.stages import each
from derive.language.update_rule import Optimizer
from derive.language.writing import latex, unicode_text
from derive.optimizers import NONLINEAR, ZOO
from derive.optimizers.libraries import LIBRARIES
from derive.optimizers.settings import LibraryOptimizer
from verify.report.component_writing import Writer
from verify.report.table import paragraph, table

OFF = ("eps_root", "lam", "initial", "psi")
"""Parameters that the table sets to 0, where a rule has another of their kind."""
LONG = ("beta2", "beta3", "rho")
"""What keeps a second moment, by the names of the rules."""
NORMAL = (
    "x' = -P (g + h c H phi) + O(h^2) in each component, phi = P g, g = grad E, H its Hessian, "
    "N the function of g with gradient phi: c > 0 penalizes N(grad E), c < 0 rewards it; where "
    "there is a c', x' = -phi(grad(E + h c' N(grad E))) + O(h^2). Where there is a d, the mean of "
    "a step over independent batches, at a fixed point, has h d P q beside h c H phi, q half the "
    "gradient of the mean of |g_n - g|^2 over the batches n; epochs of M batches without "
    "replacement have d + (d + 1/2 - c)/M for d, up to O(1/M^2). Where noise far above g fills "
    "the second moment, as beta2 -> 1, Adam's mean step has (1 + 2 beta1)/(1 + beta1) less than "
    "the c of |g| far below epsilon"
)


@dataclass(frozen=True)
class RuleRegularizer:
    """A rule and its regularizer, or why it has none in this normalization.

    Args:
        far, near: c where |g| is much larger, much smaller than epsilon.
        long: the limit of (1 - beta2) far as beta2 -> 1, where there is a second moment.
        loss: c'.
        noise: d, of a rule that is linear in its memory.
    """

    rule: Optimizer
    found: Regularizer | None = None
    c: sympy.Expr | None = None
    far: sympy.Expr | None = None
    near: sympy.Expr | None = None
    long: sympy.Expr | None = None
    loss: sympy.Expr | None = None
    noise: sympy.Expr | None = None
    why: str = ""


SIGN_HEADS = ("optimizer", "c, |g| ≪ ε", "changes at |g| =", "c, |g| ≫ ε")


@cache
def rows() -> tuple[RuleRegularizer, ...]:
    """Every rule of the zoo that moves on one loss at a constant step."""
    rules = [_set(rule) for rule in (ZOO | NONLINEAR).values() if _on_one_loss(rule)]
    return tuple(map(_row, each(rules, len(rules), "rule")))


def _on_one_loss(rule: Optimizer) -> bool:
    return not (rule.game or rule.players or rule.schedules or len(rule.fields) > 1)


def _set(rule: Optimizer) -> Optimizer:
    names = {p.name for p in rule.declared}
    off = ("eps",) if rule.name == "adabelief" else OFF  # whose roots need what is inside
    return rule.at(**dict.fromkeys(names & set(off), 0))


def _row(rule: Optimizer) -> RuleRegularizer:
    try:
        found = regularizer(rule)
    except BadInput as reason:
        return RuleRegularizer(rule, why=str(reason))
    c = found.coefficient
    slow = [name for name in found.flow.slow if name != "x"]
    if (
        c is None
        or found.couples
        or (slow and not any(s.kind == "field" for s in found.phi.symbols))
    ):
        moved = f"{', '.join(slow)} move with x" if slow else "norms couple the components"
        return RuleRegularizer(rule, found, loss=_tidy(_loss(rule)), why=moved)
    far = sympy.factor(sympy.limit(c, G, sympy.oo))
    near = sympy.factor(c.subs(G, 0))
    poles = {s.name: s for s in c.free_symbols if sympy.denom(far).subs(s, 1) == 0}
    kept = next((poles[name] for name in LONG if name in poles), None)
    long = sympy.limit((1 - kept) * far, kept, 1) if kept is not None and c.has(G) else None
    c, far, near, long = map(_tidy, (c, far, near, long))
    return RuleRegularizer(rule, found, c, far, near, long, _tidy(_loss(rule)), _tidy(_noise(rule)))


def _tidy(expr: sympy.Expr | None) -> sympy.Expr | None:
    """Factors such as beta - 1 turned into 1 - beta."""
    if expr is None:
        return None
    sign, factors = sympy.Integer(1), list[sympy.Expr]()
    for factor in sympy.Mul.make_args(sympy.factor(expr)):
        base, power = factor.as_base_exp()
        turned = base.is_Add and base.as_coeff_Add()[0] < 0 and power.is_Integer
        sign *= (-1) ** power if turned else 1
        factors.append(sympy.expand(-base) ** power if turned else factor)
    return sympy.Mul(sign, *factors)


def _loss(rule: Optimizer) -> sympy.Expr | None:
    try:
        found = transformed_loss(rule)
    except BadInput:
        return None
    factor = found.factor
    return None if factor is None else sympy.factor(in_one_component(found.flow, factor))


def _noise(rule: Optimizer) -> sympy.Expr | None:
    try:
        return noise_term(rule)
    except BadInput:
        return None


@dataclass(frozen=True)
class Sign:
    """c of a library's optimizer as it presets it, over r = |g|/epsilon (sqrt of one inside).

    Args:
        changes: where c changes its sign, exactly; c at r = 0 and as r grows.
        scale: epsilon, or its square root where it stands inside the root.
        unit: which of the two it is.
    """

    one: LibraryOptimizer
    near: sympy.Expr
    far: sympy.Expr
    changes: tuple[sympy.Expr, ...]
    scale: sympy.Expr
    unit: str


@cache
def signs() -> tuple[Sign, ...]:
    """Where each library's optimizer, at its defaults, penalizes and where it rewards N(grad E)."""
    return tuple(found for one in LIBRARIES.values() if (found := _sign(one)))


def _sign(one: LibraryOptimizer) -> Sign | None:
    if one.rule is None or not _on_one_loss(one.rule):
        return None
    exact = one.setting().exact
    size, inside = (dict(exact.values).get(name, 0) for name in ("eps", "eps_root"))
    epsilon = size or inside
    if not epsilon:
        return None
    try:
        c = regularizer(exact).coefficient
    except BadInput:
        return None
    if c is None or not c.has(G):
        return None
    scale = sympy.Rational(str(epsilon)) if size else sympy.sqrt(sympy.Rational(str(epsilon)))
    over = sympy.factor(sympy.simplify(c.subs(G, G * scale)))
    zeros = [z for z in sympy.solve(sympy.numer(sympy.together(over)), G) if z.is_positive]
    far = sympy.limit(over, G, sympy.oo)
    return Sign(one, over.subs(G, 0), far, tuple(sorted(zeros)), scale, "ε" if size else "√ε")


def as_text() -> str:
    """A paragraph a rule, and where Adam and its kin change their sign."""
    lines = [paragraph(NORMAL), ""]
    for row in rows():
        lines += [f"{row.rule.name}{_named(row)}", *(f"    {line}" for line in _lines(row))]
    lines += ["", "where c changes its sign, at each library's defaults", ""]
    return "\n".join([*lines, table([SIGN_HEADS, *map(_sign_cells, signs())], " rrr")])


def _named(row: RuleRegularizer) -> str:
    named = row.found is not None and row.found.norm and (row.c is not None or row.loss is not None)
    return f"   N = {row.found.norm}" if row.found and named else ""


def _lines(row: RuleRegularizer) -> Iterator[str]:
    if row.far is None or row.near is None:
        yield row.why
        yield from (f"{name}: {text}" for name, text in _terms(row))
        return
    if row.far == row.near:
        yield f"c = {unicode_text(row.far)}"
    else:
        yield f"c → {unicode_text(row.far)}   where |g| ≫ ε, as ε → 0"
        yield f"c → {unicode_text(row.near)}   where |g| ≪ ε"
    if row.long is not None:
        yield f"(1−β2) c → {unicode_text(row.long)}   as ε → 0, then β2 → 1"
    if row.loss is not None and row.loss != row.far:
        yield f"c' = {unicode_text(row.loss)}"
    if row.noise is not None:
        yield f"d = {unicode_text(row.noise)}   with independent batches"


def _terms(row: RuleRegularizer) -> Iterator[tuple[str, str]]:
    if row.found is None:
        return
    flow = row.found.flow
    writer = Writer(flow)
    for n, element in enumerate(flow.flow["x"]):
        yield f"h^{n}", writer.text(element)
    if row.loss is not None:
        yield "c'", unicode_text(row.loss)


def _sign_cells(sign: Sign) -> tuple[str, ...]:
    places = [f"{float(z):.3g} {sign.unit} = {float(z * sign.scale):.2g}" for z in sign.changes]
    near, far = (f"{float(c):+.4g}" for c in (sign.near, sign.far))
    jump = "ε, by a jump" if sign.near * sign.far < 0 else "nowhere"
    return str(sign.one), near, ", ".join(places) or jump, far


def as_json() -> dict[str, Any]:
    """The table for programs: expressions as SymPy reads them, numbers exact."""
    return {
        "convention": NORMAL,
        "rules": [_row_json(row) for row in rows()],
        "signs": [
            {
                "optimizer": str(sign.one),
                "epsilon": str(sign.scale),
                "near": str(sign.near),
                "far": str(sign.far),
                "sign_changes_over_epsilon": [str(z) for z in sign.changes],
            }
            for sign in signs()
        ],
    }


def _row_json(row: RuleRegularizer) -> Mapping[str, Any]:
    names = ("c", "far", "near", "long", "loss", "noise")
    cells = {name: getattr(row, name) for name in names}
    found = {name: str(value) for name, value in cells.items() if value is not None}
    said = {"rule": row.rule.name, "N": row.found.norm if row.found else ""} | found
    return said | ({"why": row.why, "terms": dict(_terms(row))} if row.why else {})


def as_latex() -> str:
    """The table as a longtable: N, c and its limits, and c'."""
    heads = " & ".join(("rule", *(f"${head}$" for head in HEADS)))
    lines = [r"\begin{longtable}{llllllll}", rf"{heads} \\ \hline"]
    for row in shown():
        cells = (f"${cell}$" if cell else "" for cell in row[1:])
        lines.append(" & ".join([row[0], *cells]) + r" \\")
    return "\n".join([*lines, r"\end{longtable}"])


HEADS = (
    "N",
    "c",
    r"\lim_{\varepsilon\to0}c",
    r"\lim_{|g|\to0}c",
    r"\lim_{\beta_2\to1}(1-\beta_2)c",
    "c'",
    "d",
)
NORMS = {
    "‖g‖²/2": r"\tfrac12\|g\|^{2}",
    "‖g‖₁": r"\|g\|_{1}",
    "Σ(|g|−ε log(1+|g|/ε))": r"\sum|g|-\varepsilon\log(1+|g|/\varepsilon)",
    "Σ√(ε+g²)": r"\sum\sqrt{\varepsilon+g^{2}}",
    "Σ√(g²+ε)": r"\sum\sqrt{g^{2}+\varepsilon}",
    "Σ√(g²+ε²)": r"\sum\sqrt{g^{2}+\varepsilon^{2}}",
    "‖g‖": r"\|g\|",
    "": "",
}


def shown() -> Iterator[tuple[str, ...]]:
    """The rows that have a c: the name, and the LaTeX of each of `HEADS`."""
    for row in rows():
        if row.found is not None and row.c is not None:
            cells = (row.c, row.far, row.near, row.long, row.loss, row.noise)
            names = {G: "|g|"}
            written = ("" if e is None else latex(e, names) for e in cells)
            yield row.rule.name, NORMS[row.found.norm], *written


def page() -> Mapping[str, Any]:
    """What the page of the site is written from."""
    return {
        "normal": NORMAL,
        "heads": HEADS,
        "rows": list(shown()),
        "sign_heads": SIGN_HEADS,
        "signs": [_sign_cells(sign) for sign in signs()],
        "libraries": LIBRARIES,
    }
