"""A derived series as text, LaTeX, JSON and SymPy code."""

from __future__ import annotations

from typing import Any

import sympy

from derive.bseries import BSeries
from derive.coefficients import Coefficient
from derive.differentials import latex_differential, latex_scalar, text_differential, text_scalar
from derive.formula import H
from derive.modified_loss import ModifiedLoss
from derive.trees import Tree
from derive.update_rule import Optimizer
from derive.writing import GREEK, latex, plain, unicode_text

CONVENTIONS = {
    "modified-flow": (
        "x' = sum over trees of h^(nodes-1) coefficient/symmetry F(t)(x), "
        "F(t) the elementary differentials of f = -grad E"
    ),
    "one-step-map": (
        "x_(k+1) = x_k + sum over trees of h^nodes coefficient/symmetry F(t)(x_k), "
        "F(t) the elementary differentials of f = -grad E"
    ),
}
LEFT = {"modified-flow": ("x'", "x'"), "one-step-map": ("x_{k+1}", "xₖ₊₁")}


def as_json(optimizer: Optimizer, quantity: str, series: BSeries) -> dict[str, Any]:
    """The JSON object of `undertow derive`."""
    return {
        "optimizer": optimizer.name,
        "quantity": quantity,
        "order": series.order,
        "parameters": list(optimizer.parameters),
        "convention": CONVENTIONS[quantity],
        "terms": [
            {
                "tree": str(t),
                "nodes": t.order,
                "symmetry": t.symmetry,
                "coefficient": plain(coefficient.as_expr()),
                "differential": text_differential(t),
            }
            for t, coefficient in series.items()
        ],
    }


def as_sympy(optimizer: Optimizer, quantity: str, series: BSeries) -> str:
    """Python code that defines the coefficients by tree, exact when it is run."""
    name = quantity.replace("-", "_")
    rows = [f'    "{t}": {_code(coefficient.as_expr())},' for t, coefficient in series.items()]
    lines = ["from sympy import Rational, symbols", ""]
    if optimizer.parameters:
        names = ", ".join(optimizer.parameters)
        lines.append(f'{names} = symbols("{names}")')
    return "\n".join([*lines, f"# {CONVENTIONS[quantity]}", f"{name} = {{", *rows, "}"])


def _code(expr: sympy.Expr) -> str:
    """Python would round a fraction of two integers."""
    return f"Rational({expr.p}, {expr.q})" if isinstance(expr, sympy.Rational) else plain(expr)


def as_latex(quantity: str, series: BSeries) -> str:
    """An align environment, one line per power of h."""
    by_order: dict[int, list[str]] = {}
    for t, coefficient in series.items():
        if coefficient:
            power = t.order - 1 if quantity == "modified-flow" else t.order
            by_order.setdefault(t.order, []).append(
                _signed(latex(_with_step(_beside(t, coefficient), power))) + latex_differential(t)
            )
    start = "" if quantity == "modified-flow" else "x_k"
    rows = ["".join(terms) for terms in by_order.values()]
    rows[0] = start + rows[0] if start else rows[0].removeprefix("+")
    body = " \\\\\n&\\quad ".join(rows)
    power = series.order if quantity == "modified-flow" else series.order + 1
    return f"\\begin{{align*}}\n{LEFT[quantity][0]} &= {body} + O(h^{{{power}}})\n\\end{{align*}}"


def as_text(optimizer: Optimizer, quantity: str, series: BSeries, loss: ModifiedLoss) -> str:
    """Aligned lines for a terminal, and how far a loss exists behind the field."""
    shift = -1 if quantity == "modified-flow" else 0
    rows: list[tuple[str, str, str]] = []
    shown = None
    for t, coefficient in series.items():
        if coefficient:
            power = "h" + _superscript(t.order + shift)
            label, shown = ("" if shown == power else power), power
            text = unicode_text(_beside(t, coefficient).as_expr())
            rows.append((label, text, text_differential(t)))
    widths = [max(len(row[i]) for row in rows) for i in (0, 1)]
    exponent = "hⁿ⁻¹" if shift else "hⁿ"
    start = "" if shift else "xₖ + "
    title = optimizer.name.replace("-", " ")
    head = [
        f"{title}   {LEFT[quantity][1]} = {start}Σ {exponent} b F",
        "f = −∇E",
        *_ranges(optimizer),
    ]
    lines = [",   ".join(head), ""]
    lines += [f"  {a:<{widths[0]}}   {b:<{widths[1]}}   {c}" for a, b, c in rows]
    return "\n".join([*lines, "", *_loss_lines(quantity, loss)])


def _loss_lines(quantity: str, loss: ModifiedLoss) -> list[str]:
    name = "modified loss" if quantity == "modified-flow" else "discrete modified loss"
    shown = [
        (free, coefficient)
        for free, coefficient in loss.terms.items()
        if free.order < loss.exists_below and coefficient
    ]
    parts = []
    for free, coefficient in shown:
        expr = _with_step(coefficient * loss.scale, free.order - 1)
        text = unicode_text(expr)
        scalar = text_scalar(free)
        if free.order == 1 and text.startswith("1/"):
            parts.append(f"E{text[1:]}")
        else:
            parts.append(scalar if text == "1" else f"{text} {scalar}")
    through = loss.exists_below - 1
    text = f"{name}   {' + '.join(parts).replace('+ −', '− ')}"
    end = "h" + _superscript(through - 1)
    if not loss.obstructions:
        return [f"{text}   exists through {end}"]
    what = "flow" if quantity == "modified-flow" else "map"
    return [
        f"{text}   exists through {end}; at h{_superscript(through)} the {what} is not a gradient"
    ]


def _beside(t: Tree, coefficient: Coefficient) -> Coefficient:
    """What stands beside the differential of E: b/sigma and the sign of f = -grad E."""
    return coefficient * (-1 if t.order % 2 else 1) / t.symmetry


def _with_step(coefficient: Coefficient, power: int) -> sympy.Expr:
    expr = coefficient.as_expr()
    step = [H**power] if power else []
    factors = list(expr.args) if isinstance(expr, sympy.Mul) else [expr]
    return sympy.Mul(*step, *factors, evaluate=False) if step else expr


def _signed(text: str) -> str:
    sign, size = ("-", text[1:]) if text.startswith("-") else ("+", text)
    return sign + ("" if size == "1" else size)


def _superscript(power: int) -> str:
    return str(power).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))


def _ranges(optimizer: Optimizer) -> list[str]:
    shown = []
    for parameter in optimizer.declared:
        if parameter.name in optimizer.parameters and parameter.lower is not None:
            name = GREEK.get(parameter.name, parameter.name)
            left = "≤" if parameter.includes_lower else "<"
            right = "≤" if parameter.includes_upper else "<"
            upper = f" {right} {parameter.upper}" if parameter.upper is not None else ""
            shown.append(f"{parameter.lower} {left} {name}{upper}")
    fixed = [f"{GREEK.get(name, name)} = {number}" for name, number in optimizer.values]
    return shown + fixed


def latex_loss(loss: ModifiedLoss) -> str:
    """The modified loss with the scale in front, as far as it exists."""
    parts = [
        _signed(latex(_with_step(coefficient, free.order - 1))) + latex_scalar(free)
        for free, coefficient in loss.terms.items()
        if free.order < loss.exists_below and coefficient
    ]
    return "".join(parts).removeprefix("+")
