import pytest
import sympy

from derive.language.writing import latex, plain, unicode_text

h, beta, k, z, i = sympy.symbols("h beta k z i")

WRITTEN = [
    (
        h * (1 + beta) / (4 * (1 - beta) ** 2),
        r"\frac{h(1+\beta)}{4(1-\beta)^{2}}",
        "h*(1 + beta)/(4*(1 - beta)**2)",
        "h(1+β)/(4(1−β)²)",
    ),
    (-beta / (1 - beta) ** 3, r"-\frac{\beta}{(1-\beta)^{3}}", "-beta/(1 - beta)**3", "−β/(1−β)³"),
    (
        1 - beta ** (2 * k + 2),
        r"1-\beta^{2+2k}",
        "1 - beta**(2 + 2*k)",
        "1−β^(2+2k)",
    ),
    ((1 - sympy.sqrt(beta)) ** 2, r"(1-\sqrt{\beta})^{2}", "(1 - sqrt(beta))**2", "(1−sqrt(β))²"),
    (1 + beta - z, r"1+\beta-z", "1 + beta - z", "1+β−z"),
    (
        sympy.Mul(-1, 1 + beta, evaluate=False),
        r"-(1+\beta)",
        "-(1 + beta)",
        "−(1+β)",
    ),
    (beta**i, r"\beta^{i}", "beta**i", "β^i"),
    (beta * sympy.Symbol("x_1"), r"\beta x_{1}", "beta*x_1", "βx_1"),
    (k ** sympy.Rational(-3, 2), r"\frac{1}{k^{\frac{3}{2}}}", "1/k**(3/2)", "1/k^(3/2)"),
    (sympy.Rational(3, 4), r"\frac{3}{4}", "3/4", "3/4"),
]


@pytest.mark.parametrize(("expr", "tex", "text", "line"), WRITTEN)
def test_a_formula_is_written_as_an_author_writes_it(expr, tex, text, line):
    assert latex(expr) == tex
    assert plain(expr) == text
    assert unicode_text(expr) == line


@pytest.mark.parametrize("expr", [row[0] for row in WRITTEN])
def test_plain_text_reads_back_as_the_same_expression(expr):
    names = {s.name: s for s in expr.free_symbols}
    assert sympy.simplify(sympy.parse_expr(plain(expr), names) - expr) == 0
