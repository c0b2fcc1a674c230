"""Averages over the batches as text, LaTeX, JSON and SymPy code, and a table of normalizations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy

from derive import heavy_ball
from derive.batches import averages
from derive.batches.averages import BATCHES, POSITION, SAMPLINGS, WITH_REPLACEMENT, Sampling
from derive.batches.history_moments import mean_factor
from derive.language.coefficients import Ring
from derive.language.formula import BETA, H, K
from derive.language.update_rule import BadInput, Optimizer
from derive.language.writing import latex, plain, unicode_text
from verify.formulas.asked import AVERAGES, Quantity, SamplingName
from verify.running.cells import aligned

LAG = sympy.Symbol("l")
MOST_BATCHES, LAST_STEP = 1000, 1000


@dataclass(frozen=True)
class AverageRow:
    """A coefficient: at which steps, what it stands beside (text, LaTeX), and a name."""

    when: str
    beside: str
    latex: str
    name: str
    expr: sympy.Expr


@dataclass(frozen=True)
class BatchAverages:
    """A quantity of SGD with momentum, averaged over its batches."""

    quantity: Quantity
    sampling: Sampling
    batches: int | None
    rows: tuple[AverageRow, ...]


_LOSS = ("E", "E", "E")
_FULL = ("h/4 ‖∇E‖²", r"\frac h4\lVert\nabla E\rVert^{2}", "S")
_NOISE = ("h/4 F", r"\frac h4F", "F")
_COVARIANCE = ("Cov(∇Gₖ) / C", r"\mathrm{Cov}(\nabla G_k)", "covariance")
_LAGGED = (
    "Cov(∇Gₖ, ∇G at k+l) / C",
    r"\mathrm{Cov}(\nabla G_k,\nabla G_{k+l})",
    "autocovariance",
)
_LASTING, _EPOCH = "as k grows", "as k grows, mean over an epoch"


def find(
    rule: Optimizer,
    quantity: Quantity,
    sampling: SamplingName,
    *,
    batches: int | None = None,
    k: int | None = None,
) -> BatchAverages:
    """The averages of heavy ball at step k, and as k grows where no step is named.

    Raises:
        BadInput: another optimizer or quantity, a number out of range, a step of unknown epoch.
    """
    if rule.name != heavy_ball.name:
        raise BadInput(f"averages over batches are known for heavy-ball, not for {rule.name}.")
    if quantity not in AVERAGES:
        raise BadInput(
            f"--minibatch does not know the quantity {quantity}; ask for expectation or covariance."
        )
    if batches is not None and not 2 <= batches <= MOST_BATCHES:
        raise BadInput(f"--batches {batches} is outside 2 ... {MOST_BATCHES}.")
    if k is not None and not 0 <= k <= LAST_STEP:
        raise BadInput(f"--k {k} is outside 0 ... {LAST_STEP}.")
    drawn = SAMPLINGS[sampling]
    if k is not None and batches is None and drawn is not WITH_REPLACEMENT:
        raise BadInput(
            f"--k {k} needs --batches: which steps share an epoch depends on their number."
        )
    known: dict[sympy.Symbol, Any] = {
        sympy.Symbol(name): sympy.Rational(int(v.p), int(v.q)) for name, v in rule.values
    }
    if batches is not None:
        known[BATCHES] = batches
    if k is not None:
        known |= {K: k, POSITION: k % batches if batches else 0}
    rows = _expectation(drawn) if quantity is Quantity.EXPECTATION else _covariance(drawn)
    wanted = [row for row in rows if k is None or row.when not in {_LASTING, _EPOCH}]
    return BatchAverages(
        quantity,
        drawn,
        batches,
        tuple(
            AverageRow(
                f"k = {k}" if k is not None else row.when, *_words(row), _tidy(row.expr, known)
            )
            for row in wanted
        ),
    )


def _words(row: AverageRow) -> tuple[str, str, str]:
    return row.beside, row.latex, row.name


def _at_step(sampling: Sampling) -> str:
    return "step k" if sampling is WITH_REPLACEMENT else "step k, m = k mod M"


def _expectation(sampling: Sampling) -> list[AverageRow]:
    step = _at_step(sampling)
    full, noise = averages.full_batch_regularizer(), averages.regularizer(sampling)
    rows = [
        AverageRow(step, *_LOSS, mean_factor()),
        AverageRow(step, *_FULL, full),
        AverageRow(step, *_NOISE, noise),
        AverageRow(_LASTING, *_LOSS, averages.lasting(mean_factor())),
        AverageRow(_LASTING, *_FULL, averages.lasting(full)),
        AverageRow(_LASTING, *_NOISE, averages.lasting(noise)),
    ]
    if sampling is averages.RESHUFFLED:
        rows.append(AverageRow(_EPOCH, *_NOISE, averages.mean_regularizer(sampling)))
    return rows


def _covariance(sampling: Sampling) -> list[AverageRow]:
    force = averages.covariance(sampling)
    rows = [
        AverageRow(_at_step(sampling), *_COVARIANCE, force),
        AverageRow(_LASTING, *_COVARIANCE, averages.lasting(force)),
        AverageRow(_LASTING, *_LAGGED, averages.autocovariance(sampling, LAG)),
    ]
    if sampling is averages.RESHUFFLED:
        rows.append(AverageRow(_EPOCH, *_COVARIANCE, averages.mean_covariance(sampling)))
    return rows


def _tidy(expr: sympy.Expr, known: dict[sympy.Symbol, Any]) -> sympy.Expr:
    """With the known values, in lowest terms where only beta is left."""
    fixed = sympy.sympify(expr.subs(known))
    try:
        return Ring(("beta",)).from_expr(fixed).as_expr()
    except ValueError:
        return fixed


@dataclass(frozen=True)
class Normalization:
    """How momentum is set beside SGD.

    Args:
        weight: of grad G_k in the force that is compared with a batch gradient.
        rate: SGD's learning rate over h.
        unit: what the regularizer of momentum is divided by before it is compared.
    """

    name: str
    force: str
    weight: sympy.Expr
    rate: sympy.Expr
    unit: sympy.Expr


ONE, ONE_MINUS = sympy.Integer(1), 1 - BETA
NORMALIZATIONS = (
    Normalization("raw", "∇Gₖ, SGD with h", ONE, ONE, ONE),
    Normalization(
        "equal effective rate", "(1−β)∇Gₖ, SGD with h/(1−β)", ONE_MINUS, 1 / ONE_MINUS, ONE
    ),
    Normalization(
        "moving average",
        "mₖ = (1−β)∇Gₖ, both with h/(1−β)",
        ONE_MINUS,
        1 / ONE_MINUS,
        1 / ONE_MINUS,
    ),
)


@dataclass(frozen=True)
class Factors:
    """Momentum over SGD as k grows, batches drawn independently."""

    normalization: Normalization
    mean: sympy.Expr
    variance: sympy.Expr
    accumulated: sympy.Expr
    full: sympy.Expr
    noise: sympy.Expr

    @property
    def statements(self) -> dict[str, str]:
        """What is said of momentum, and whether it holds in this normalization."""
        printed = 1 / ONE_MINUS
        parts = {"‖∇E‖² part": self.full, "F part": self.noise}
        true_for = [name for name, factor in parts.items() if _same(factor, printed)]
        stronger = "yes" if len(true_for) == 2 else f"{true_for[0]} only" if true_for else "no"
        return {
            "Cov = (1−β)/(1+β) C": _yes(_same(self.variance, ONE_MINUS / (1 + BETA))),
            "IGRM = IGR/(1−β)": stronger,
            "accumulated noise as SGD's": _yes(_same(self.accumulated, self.mean**2)),
            "accumulated noise = C a step": _yes(_same(self.accumulated, ONE)),
        }


def factors() -> list[Factors]:
    """The factors of every normalization, from the averages as k grows."""
    force = averages.lasting(averages.covariance(WITH_REPLACEMENT))
    full = averages.lasting(averages.full_batch_regularizer())
    noise = averages.lasting(averages.regularizer(WITH_REPLACEMENT))
    return [
        Factors(
            n,
            _tidy(n.weight * averages.lasting(mean_factor()), {}),
            _tidy(n.weight**2 * force, {}),
            _tidy(n.weight**2 * force * (1 + 2 * BETA / ONE_MINUS), {}),
            _tidy(full / n.rate / n.unit, {}),
            _tidy(noise / n.rate / n.unit, {}),
        )
        for n in NORMALIZATIONS
    ]


def _same(left: sympy.Expr, right: sympy.Expr) -> bool:
    return not Ring(("beta",)).from_expr(left - right)


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def normalizations_table() -> list[list[str]]:
    """Head and rows: the factors, then which statements hold."""
    head = ["normalization", "mean", "variance", "accumulated", "‖∇E‖² part", "F part"]
    table = [[*head, *factors()[0].statements]]
    for found in factors():
        values = (found.mean, found.variance, found.accumulated, found.full, found.noise)
        table.append(
            [found.normalization.name, *map(unicode_text, values), *found.statements.values()]
        )
    return table


def _head(found: BatchAverages) -> str:
    number = "M batches" if found.batches is None else f"{found.batches} batches"
    return f"heavy ball   {number}, {found.sampling.summary}"


_MEAN_PATH = {
    "with-replacement": "the mean iterate feels the part of ‖∇E‖², not that of F",
    "reshuffled": "the mean iterate feels both parts, averaged over an epoch",
    "cyclic": "the mean iterate feels both parts, averaged over an epoch",
}
_LAGS = {
    "with-replacement": "l ≥ 0",
    "reshuffled": "0 ≤ l < M − m",
    "cyclic": "0 ≤ l ≤ M",
}


def as_text(found: BatchAverages) -> str:
    """The answer for a terminal."""
    lines = [_head(found), found.quantity.about.convention]
    for when in dict.fromkeys(row.when for row in found.rows):
        here = [row for row in found.rows if row.when == when]
        rows = [[row.beside, unicode_text(row.expr)] for row in here]
        lines += ["", when, aligned(rows, indent="  ")]
    if found.quantity is Quantity.EXPECTATION:
        lines += ["", _MEAN_PATH[found.sampling.name]]
    else:
        if any(row.expr.has(LAG) for row in found.rows):
            lines += ["", f"for {_LAGS[found.sampling.name]}"]
        if found.sampling is WITH_REPLACEMENT:
            turned = [list(row) for row in zip(*normalizations_table(), strict=True)]
            forces = ["force", *(n.force for n in NORMALIZATIONS)]
            lines += ["", "momentum over SGD as k grows", aligned([turned[0], forces, *turned[1:]])]
    return "\n".join(lines)


def as_json(found: BatchAverages) -> dict[str, Any]:
    """The answer for a program."""
    head, *rows = normalizations_table()
    answer: dict[str, Any] = {
        "optimizer": heavy_ball.name,
        "quantity": str(found.quantity),
        "sampling": found.sampling.name,
        "batches": found.batches,
        "terms": [
            {"when": row.when, "beside": row.name, "coefficient": plain(row.expr)}
            for row in found.rows
        ],
    }
    if found.quantity is Quantity.COVARIANCE and found.sampling is WITH_REPLACEMENT:
        answer["normalizations"] = [dict(zip(head, row, strict=True)) for row in rows]
    return answer


def as_latex(found: BatchAverages) -> str:
    """The answer for a paper."""
    lines = [
        f"{row.latex}&={latex(row.expr)}\\;C&&\\text{{{row.when}}}"
        if found.quantity is Quantity.COVARIANCE
        else f"&{latex(row.expr)}\\;{row.latex}&&\\text{{{row.when}}}"
        for row in found.rows
    ]
    body = " \\\\\n".join(f"  {line}" for line in lines)
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}"


def as_sympy(found: BatchAverages) -> str:
    """The answer for a notebook."""
    names = sorted({s.name for row in found.rows for s in row.expr.free_symbols} - {H.name})
    rows = [f'    ("{row.when}", "{row.name}"): {_code(row.expr)},' for row in found.rows]
    head = ["from sympy import Add, Integer, Mul, Pow, Rational, Symbol, symbols", ""]
    head += [f'{", ".join(names)} = symbols("{" ".join(names)}")'] if names else []
    return "\n".join([*head, f"{found.quantity} = {{", *rows, "}"])


def _code(expr: sympy.Expr) -> str:
    """Python would round a fraction of two integers."""
    whole = all(number.is_Integer for number in expr.atoms(sympy.Rational))
    return plain(expr) if whole else sympy.srepr(expr)
