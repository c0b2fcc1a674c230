"""A derived series or loss as text, LaTeX, JSON and SymPy code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import chain, groupby
from typing import Any, TypeVar

import sympy

from derive.engine.bseries import BSeries
from derive.engine.linear_memory import linear_method
from derive.engine.modified_loss import ModifiedLoss
from derive.engine.showing import latex_joined
from derive.language.differentials import (
    Name,
    latex_differential,
    latex_scalar,
    text_differential,
    text_scalar,
)
from derive.language.raised import lowered, raised
from derive.language.trees import Tree
from derive.language.update_rule import BadInput, Optimizer
from derive.language.writing import GREEK, is_sum, latex, plain, unicode_text
from verify.formulas.asked import Quantity, SeriesForm
from verify.report.derived import (
    Derived,
    beside,
    latex_name,
    memory_units,
    shape_of,
    text_name,
    with_step,
    written,
)
from verify.running.cells import aligned
from verify.running.copies import shared

T = TypeVar("T")
Terms = Mapping[Tree, Any] | BSeries


def as_json(derived: Derived) -> dict[str, Any]:
    """The JSON object of `undertow derive`."""
    head = {
        "optimizer": derived.optimizer.name,
        "quantity": str(derived.quantity),
        "order": derived.order,
        "parameters": list(derived.optimizer.parameters),
        "values": {name: str(value) for name, value in derived.optimizer.values},
        "convention": derived.convention,
    }
    if not derived.series and derived.loss:
        return head | _loss_json(derived.loss, text_name(derived.optimizer))
    terms = []
    for name, series in derived.series.items():

        def term(t: Tree, coefficient: Any, name: str = name) -> dict[str, Any]:
            shown = text_differential(t, derived.optimizer.game, text_name(derived.optimizer))
            return ({"memory": name} if name else {}) | _term(t, t.symmetry, coefficient, shown)

        terms += _each(derived, series, term)
    constants = {name: plain(written(s.empty)) for name, s in derived.series.items() if name}
    return head | ({"constants": constants} if constants else {}) | {"terms": terms}


def _term(t: Tree, symmetry: int, coefficient: Any, differential: str) -> dict[str, Any]:
    return {
        "tree": str(t),
        "nodes": t.order,
        "symmetry": symmetry,
        "coefficient": plain(written(coefficient)),
        "differential": differential,
    }


def _loss_json(loss: ModifiedLoss, name: Name) -> dict[str, Any]:
    return {
        "scale": plain(written(loss.scale)),
        "exists_through": loss.exists_below - 2,
        "terms": [
            _term(t, t.free_symmetry, c, text_scalar(t, name))
            for t, c in loss.terms.items()
            if t.order < loss.exists_below
        ],
        "gradient_part": [
            _term(t, t.free_symmetry, c, text_scalar(t, name))
            for t, c in loss.terms.items()
            if t.order >= loss.exists_below
        ],
        "obstructions": [
            {
                "free_tree": str(o.free),
                "values": {str(t): plain(written(c)) for t, c in o.values.items()},
            }
            for o in loss.obstructions
        ],
    }


def as_sympy(derived: Derived) -> str:
    """Python code that defines the coefficients by tree, exact when it is run."""
    name = derived.quantity.replace("-", "_")
    tables: Mapping[str, Terms] = derived.series
    if not tables and derived.loss:
        tables = {"": derived.loss.terms}
    symbols = dict.fromkeys(derived.optimizer.parameters)
    if derived.quantity is Quantity.TRANSIENT:
        symbols["k"] = None
    names = ", ".join(symbols)
    rows = {
        key: _each(derived, table, lambda t, c: f'    "{t}": {_code(c)},')
        for key, table in tables.items()
    }
    used = [n for n in ("KroneckerDelta", "sqrt") if any(n in row for row in chain(*rows.values()))]
    lines = [f"from sympy import {', '.join(['Rational', *used, 'symbols'])}", ""]
    lines += [f'{names} = symbols("{names}")'] if symbols else []
    lines += [f"# {derived.convention}"]
    for key, own in rows.items():
        lines += [f"{name}{'_' + key if key else ''} = {{", *own, "}"]
    return "\n".join(lines)


def _code(coefficient: Any) -> str:
    """Python would round a fraction of two integers."""
    text = plain(written(coefficient))
    number = re.fullmatch(r"(-?\d+)(?:/(\d+))?", text)
    return f"Rational({number[1]}, {number[2] or 1})" if number else text


def _each(derived: Derived, terms: Terms, write: Callable[[Tree, Any], T]) -> list[T]:
    """What is written of each tree and its coefficient."""
    return shared(
        lambda t: write(t, terms[t]), [*terms], "writing term", processes=derived.processes
    )


def as_latex(derived: Derived) -> str:
    """An align environment, one line per power of h."""
    if not derived.series and derived.loss:
        return latex_loss(derived, derived.loss)
    shape = shape_of(derived)
    rule = derived.optimizer

    def term(t: Tree, coefficient: Any) -> str:
        if not coefficient:
            return ""
        expr = with_step(beside(t, coefficient), t.order + shape.shift, derived.step)
        return latex_joined(expr, latex_differential(t, rule.game, latex_name(rule)))

    blocks = []
    units = memory_units(rule)
    for name, series in derived.series.items():
        written = zip(series, _each(derived, series, term), strict=True)
        by_order = groupby((pair for pair in written if pair[1]), key=lambda pair: pair[0].order)
        first = shape.first_latex + (r"x" if name and series.empty == 1 else "")
        rows = ["".join(text for _, text in group) for _, group in by_order]
        rows = rows or ["" if first else "0"]
        rows[0] = first + rows[0] if first else rows[0].removeprefix("+")
        left = rf"\mathrm{{{name}}}" if name else shape.latex
        if name and units[name] < 0:
            left = rf"{latex(sympy.Symbol(derived.step))}\,{left}"
        remainder = f"O({_power(derived.step, series.order + shape.shift + 1)})"
        blocks.append(f"{left} &= " + " \\\\\n&\\quad ".join(rows) + f" + {remainder}")
    return "\\begin{align*}\n" + " \\\\\n".join(blocks) + "\n\\end{align*}"


def latex_loss(derived: Derived, loss: ModifiedLoss) -> str:
    """The modified loss with its scale in front, as far as it exists."""
    parts = [
        latex_joined(
            with_step(written(c), free.order - 1, derived.step),
            latex_scalar(free, latex_name(derived.optimizer)),
        )
        for free, c in _existing(loss).items()
    ]
    flow = derived.quantity is Quantity.MODIFIED_LOSS
    scale = latex(with_step(written(loss.scale), 0 if flow else 1, derived.step))
    left, start = ("x'", "") if flow else ("x_{k+1}", "x_k")
    start += "-" if scale == "1" else f"-{scale}"
    body = "".join(parts).removeprefix("+")
    return (
        "\\begin{align*}\n"
        f"{left} &= {start}\\nabla\\Bigl({body}\\Bigr)"
        f" + O({_power(derived.step, loss.exists_below - 1)})\n"
        "\\end{align*}"
    )


def as_text(derived: Derived) -> str:
    """Aligned lines for a terminal, and how far a loss exists behind the field."""
    if not derived.series and derived.loss:
        return "\n".join(_loss_page(derived, derived.loss))
    shape = shape_of(derived)
    lines: list[str] = []
    units = memory_units(derived.optimizer)
    for name, series in derived.series.items():
        start = f"{shape.first_text} + " if shape.first_text else ""
        start += "x + " if name and series.empty == 1 else ""
        left = name or shape.text
        if name and units[name] < 0:
            left = f"{derived.shown_step} {name}"
        step = derived.shown_step
        where = f"on [k{step}, (k+1){step}]" if derived.quantity is Quantity.TRANSIENT else ""
        head = [
            f"{_title(derived.optimizer)}   {left} = {start}{shape.sum(derived.shown_step)}",
            where,
        ]
        head += [*_fields(derived.optimizer), *parameter_ranges(derived.optimizer)]
        lines += ["", ",   ".join(part for part in head if part), ""]
        lines += _rows(series, shape, derived)
    if derived.loss:
        lines += ["", _loss_line(derived, derived.loss)]
    return "\n".join(lines).lstrip("\n")


def _fields(optimizer: Optimizer) -> list[str]:
    """What f stands for, by colour where there are several."""
    name, sign = text_name(optimizer), "−" if optimizer.game else "−∇"
    if len(optimizer.fields) == 1:
        return [f"f = {sign}{name(0)}"]
    colours = range(len(optimizer.fields))
    return [f"f{lowered(c)} = {sign}{name(c)}" for c in colours]


def _rows(series: BSeries, shape: SeriesForm, derived: Derived) -> list[str]:
    rule = derived.optimizer

    def term(t: Tree, coefficient: Any) -> list[str]:
        if not coefficient:
            return []
        vector = text_differential(t, rule.game, text_name(rule))
        return [unicode_text(beside(t, coefficient)), vector]

    rows: list[list[str]] = []
    shown = None
    for t, cells in zip(series, _each(derived, series, term), strict=True):
        if cells:
            power = derived.shown_step + raised(t.order + shape.shift)
            rows.append(["" if shown == power else power, *cells])
            shown = power
    return aligned(rows, indent="  ").split("\n") if rows else ["  0"]


def _title(optimizer: Optimizer) -> str:
    return optimizer.name.replace("-", " ")


def _loss_line(derived: Derived, loss: ModifiedLoss) -> str:
    name = derived.quantity.about.behind
    what = "flow" if derived.quantity is Quantity.MODIFIED_FLOW else "map"
    return f"{name}   {_unscaled(loss, derived)}   {_existence(derived, loss, what)}"


def _existence(derived: Derived, loss: ModifiedLoss, what: str) -> str:
    step, through = derived.shown_step, loss.exists_below - 1
    exists = f"exists through {step}{raised(through - 1)}"
    if not loss.obstructions:
        return exists
    return f"{exists}; at {step}{raised(through)} the {what} is not a gradient"


def _unscaled(loss: ModifiedLoss, derived: Derived) -> str:
    return _sum_of_scalars({t: c * loss.scale for t, c in _existing(loss).items()}, derived)


def _existing(loss: ModifiedLoss) -> dict[Tree, Any]:
    return {t: c for t in loss.terms if t.order < loss.exists_below and (c := loss.terms[t])}


def _sum_of_scalars(terms: Mapping[Tree, Any], derived: Derived) -> str:
    parts = []
    for free, coefficient in terms.items():
        expr = with_step(written(coefficient), free.order - 1, derived.step)
        text, scalar = unicode_text(expr), text_scalar(free, text_name(derived.optimizer))
        if free.order == 1 and text.startswith("1/"):
            parts.append(f"{scalar}{text[1:]}")
        elif text in ("1", "−1"):
            parts.append(f"{text[:-1]}{scalar}")
        else:
            parts.append(f"({text}) {scalar}" if is_sum(expr) else f"{text} {scalar}")
    return (" + ".join(parts) or "0").replace("+ −", "− ")


def _loss_page(derived: Derived, loss: ModifiedLoss) -> list[str]:
    flow = derived.quantity is Quantity.MODIFIED_LOSS
    scale = unicode_text(written(loss.scale))
    step = unicode_text(with_step(written(loss.scale), 0 if flow else 1, derived.step))
    left = f"x' = −{step} ∇Ê".replace("−1 ", "−") if flow else f"xₖ₊₁ = xₖ − {step} ∇Ê"
    lines = [
        ",   ".join(
            [f"{_title(derived.optimizer)}   {left}", *parameter_ranges(derived.optimizer)]
        ),
        "",
    ]
    lines += [f"  Ê = {_sum_of_scalars(_existing(loss), derived)}"]
    if scale != "1":
        lines += [f"  scaled: {scale} Ê = {_unscaled(loss, derived)}"]
    lines += ["", _existence(derived, loss, "flow" if flow else "map")]
    for obstruction in loss.obstructions:
        lines.append(f"  the free tree {obstruction.free} takes")
        values = [(str(t), unicode_text(written(c))) for t, c in obstruction.values.items()]
        lines.append(aligned(values, indent="    "))
    beyond = {t: c for t, c in loss.terms.items() if t.order >= loss.exists_below and c}
    if beyond:
        lines += ["", f"gradient part of Ê beyond   {_sum_of_scalars(beyond, derived)}"]
    return lines


def _rooted(optimizer: Optimizer) -> set[str]:
    """The parameters of which the rule takes a root."""
    try:
        return {name for name, _ in linear_method(optimizer).ring.roots}
    except BadInput:
        return set()


def parameter_ranges(optimizer: Optimizer) -> list[str]:
    """The parameters with their ranges or values, for a heading."""
    shown, roots = [], _rooted(optimizer)
    for parameter in optimizer.declared:
        if parameter.name in optimizer.parameters:
            name = GREEK.get(parameter.name, parameter.name)
            if parameter.lower is not None:
                closed = parameter.includes_lower and not parameter.branches
                lower = str(parameter.lower).replace("-", "−")
                name = f"{lower} {'≤' if closed else '<'} {name}"
            elif parameter.name in roots:
                name = f"{name} ≥ 0"
            if parameter.upper is not None:
                name += f" {'≤' if parameter.includes_upper else '<'} {parameter.upper}"
            shown.append(name)
    flags = [p.name for p in optimizer.declared if p.flag]
    fixed = [
        f"{GREEK.get(name, name)} = {bool(value) if name in flags else value}"
        for name, value in optimizer.values
    ]
    return shown + fixed


def _power(step: str, power: int) -> str:
    return f"{latex(sympy.Symbol(step))}^{{{power}}}"
