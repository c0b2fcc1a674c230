"""Displays as papers print them: each is read as its author meant it, or refused."""

import tomllib
from pathlib import Path

import pytest
import sympy
from hypothesis import assume, given
from hypothesis import strategies as st

from derive.language.formula import MEANINGS
from derive.language.writing import latex
from derive.optimizers import ZOO
from verify.claims.claim import REGISTRY
from verify.formulas.asked import Quantity
from verify.formulas.deciding import Outcome, decide
from verify.formulas.displays import read_display
from verify.formulas.domain import ComparisonDomain
from verify.formulas.matching import compare_display, outcome_of, read_against
from verify.formulas.reading import read_expression, read_latex
from verify.formulas.targets import claim_formulas
from verify.formulas.tokens import Unreadable
from verify.report.derivation import as_latex
from verify.report.derived import find

DISPLAYS = tomllib.loads((Path(__file__).parent / "displays.toml").read_text())["display"]
LETTERS = [*MEANINGS, *"abcdefghijklmnopqrstuvwxyz"]
FORMULAS = {n: f for id in REGISTRY.claims for n, f in claim_formulas(id).items()}


def test_fifty_displays_were_collected_and_45_are_read():
    assert len(DISPLAYS) == 50
    assert sum("reads" in display for display in DISPLAYS) >= 45


@pytest.mark.parametrize("display", DISPLAYS, ids=[d["latex"][:60] for d in DISPLAYS])
def test_a_display_is_read_as_its_author_meant_it_or_refused(display):
    if "refused" in display:
        with pytest.raises(Unreadable, match=display["refused"]):
            read_display(display["latex"])
        return
    terms = read_display(display["latex"]).terms
    assert set(terms) == set(display["reads"])
    for beside, meant in display["reads"].items():
        wanted = read_expression(meant, names=LETTERS)
        assert sympy.simplify(terms[beside].coefficient - wanted) == 0


SAME = [
    r"E + \frac{h}{4}\|\nabla E\|^2",
    r"$$\tilde{E} = E + \tfrac{h}{4} \left\| \nabla E \right\|_2^2.$$",
    r"\begin{equation}\label{eq:loss} E+\dfrac h4\lVert\nabla E\rVert^{2} \end{equation}",
    r"\begin{split} \tilde E(x) &= E(x) \\ &\quad + \frac{h}{4} |\nabla E(x)|^2, \end{split}",
    r"E + \frac h4 \nabla E^\top \nabla E \quad \text{for all } h",
    r"E + \frac h4 \langle \nabla E, \nabla E\rangle",
    r"E + \frac{h}{4}\,\left\Vert\nabla_x E\right\Vert^2 \nonumber",
]


@pytest.mark.parametrize("text", SAME)
def test_one_loss_in_many_notations(text):
    found = read_display(text).terms
    h = sympy.Symbol("h")
    assert {b: t.coefficient for b, t in found.items()} == {"E": 1, "‖∇E‖²": h / 4}


@pytest.mark.parametrize(
    "text",
    [
        r"\|\nabla E\|_1",
        r"E(x) + \frac h4\|\nabla E(y)\|^2",
        r"\nabla E + E",
        r"\nabla E \nabla E",
        r"\nabla(E + R)",
        r"\nabla(E + O(h))",
        r"\frac{\nabla E}{\|\nabla E\|} + \nabla E(",
        r"\mathbb{E}\|\nabla E\|^2",
        r"(1 + h \nabla^2 E)\nabla E",
        r"E \approx F",
        r"\sum_{k=0}^{n} \|\nabla E_k\|^2",
    ],
)
def test_what_is_not_read_for_certain_is_refused(text):
    with pytest.raises(Unreadable):
        read_display(text)


@pytest.mark.parametrize("name", FORMULAS)
def test_what_the_project_prints_reads_back_and_is_equal(name):
    formula = FORMULAS[name]
    names = {s.name for s in formula.expr.free_symbols} | set(MEANINGS)
    display = read_against(formula.latex, name, names=names, aliases={})
    assert outcome_of(compare_display(display, name)) is Outcome.EQUAL


@pytest.mark.parametrize(
    "quantity", [Quantity.MODIFIED_FLOW, Quantity.ONE_STEP_MAP, Quantity.TRANSIENT]
)
@pytest.mark.parametrize("name", ["gradient-descent", "heavy-ball", "torch-sgd"])
def test_what_derive_prints_reads_back_and_is_equal(name, quantity):
    written = as_latex(find(ZOO[name], quantity, order=2))
    against, names = f"{name}:{quantity}", {*ZOO[name].parameters, *MEANINGS}
    display = read_against(written, against, names=names, aliases={})
    assert outcome_of(compare_display(display, against)) is Outcome.EQUAL


SYMBOLS = sympy.symbols("h beta k lambda lambda1 nu")
EXPRESSIONS = st.recursive(
    st.one_of(st.sampled_from(SYMBOLS), st.fractions(-9, 9, max_denominator=7).map(sympy.Rational)),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda p: p[0] + p[1]),
        st.tuples(inner, inner).map(lambda p: p[0] * p[1]),
        st.tuples(inner, st.integers(-3, 3)).map(lambda p: (p[0] + 11) ** p[1]),
        inner.map(lambda e: sympy.sqrt(e**2 + 1)),
        inner.map(lambda e: sympy.exp(e / 7)),
        inner.map(lambda e: sympy.log(e**2 + 2)),
        inner.map(lambda e: sympy.Symbol("beta") ** e),
    ),
    max_leaves=6,
)


@given(expr=EXPRESSIONS)
def test_the_reader_undoes_the_writer(expr):
    assume(not expr.has(sympy.zoo, sympy.nan, sympy.I))
    powers = [p.exp for p in expr.atoms(sympy.Pow, sympy.exp) if p.exp.is_Rational]
    assume(all(max(abs(n.p), n.q) < 1000 for n in powers))
    read = read_latex(latex(expr), names=[s.name for s in SYMBOLS])
    assert decide(read, expr, ComparisonDomain()).outcome is not Outcome.DIFFERENT


def test_a_target_without_an_order_asks_for_every_term():
    text = r"\dot x = -\nabla E - \frac h2\nabla^2E\nabla E + O(h^3)"
    names = set(MEANINGS)
    display = read_against(text, "gradient-descent:modified-flow", names=names, aliases={})
    found = compare_display(display, "gradient-descent:modified-flow")
    outcomes = {verdict.beside: verdict.answer.outcome for verdict in found}
    assert outcomes == {
        "∇E": Outcome.EQUAL,
        "∇²E ∇E": Outcome.EQUAL,
        "∇²E ∇²E ∇E": Outcome.DIFFERENT,
        "∇³E[∇E,∇E]": Outcome.DIFFERENT,
    }
    assert "gradient-descent" in ZOO
