"""Hostile text is data: no code runs, one error type, each answered at once."""

import builtins
import random
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from verify.formulas.reading import read_expression, read_latex, read_loss
from verify.formulas.tokens import Unreadable

NAMES = ("h", "beta", "k")
SECONDS = 1  # of this process; a loop without end takes more

SEEDS = [
    "__import__('os').system('true')",
    "().__class__.__bases__[0].__subclasses__()",
    "beta.__class__",
    "lambda: 0",
    "(lambda x: x)(1)",
    "[x for x in range(9)]",
    "{h: beta}",
    "f'{h}'",
    "(h := 1)",
    "h if beta else k",
    "import os",
    "exec('1')",
    "eval(h)",
    "open('/etc/passwd')",
    "h; beta",
    "h\nbeta",
    "h == beta",
    "h @ beta",
    "h // beta",
    "h % beta",
    "h << 9999999",
    "9**9**9**9",
    "((9**9)**9)**9",
    "1e999999999",
    "9" * 300,
    "factorial(99999999)",
    "binomial(99999999, 3)",
    "Sum(h, (k, 0, 10**9))",
    "(" * 1000 + "h" + ")" * 1000,
    "(" * 10**6,
    "-" * 5000 + "h",
    "h" * 3000,
    "h + " * 600 + "h",
    "\u0435\u0445\u0440(h)",  # Cyrillic letters that look like exp
    "\uff48 + 1",  # fullwidth h
    "\u00b2\u2075",
    "h\u200bbeta",
    "h\u0000",
    "\ud800",
    "beta\u202e)1(",
    "\\input{/etc/passwd}",
    "\\write18{true}",
    "\\def\\x{\\x}\\x",
    "\\catcode`\\@=0",
    "\\csname end\\endcsname",
    "\\frac" * 400,
    "{" * 500,
    "\\sqrt[9]{h",
    "$h$",
    "`true`",
    "$(true)",
    "h' OR 1=1 --",
    "<script>h</script>",
    "%s%n%x",
    "0x10",
    "0b1",
    "1_000",
    "1j",
    "nan",
    "inf",
    "None",
    "True",
    "...",
    "",
    " ",
]


def corpus() -> list[str]:
    """200 strings: those above, and seeded splices of them."""
    draw = random.Random(2026)
    found = list(SEEDS)
    while len(found) < 200:
        a, b = draw.choice(SEEDS)[:400], draw.choice(SEEDS)[:400]
        found.append(
            a[: draw.randint(0, len(a))] + draw.choice("+*^( ,") + b[draw.randint(0, len(b)) :]
        )
    return found


def readers():
    return {
        "expression": lambda text: read_expression(text, names=NAMES),
        "latex": lambda text: read_latex(text, names=NAMES),
        "loss": read_loss,
    }


each_reader = pytest.mark.parametrize("name", readers())


def answered(name: str, text: str) -> None:
    """The law: a value or our own error, soon."""
    begin, said = time.process_time(), ""
    try:
        readers()[name](text)
    except Unreadable as error:
        said = str(error)
    assert time.process_time() - begin < SECONDS
    assert "\n" not in said
    assert len(said) < 400


@pytest.fixture(scope="module", autouse=True)
def _grammars() -> None:
    for read in readers().values():
        read("1 + 1")  # builds the grammar before the clock starts


@each_reader
def test_two_hundred_hostile_strings_are_refused_or_read_as_data(name, monkeypatch):
    def refuse(*_: object, **__: object) -> object:
        raise AssertionError("text was run")

    monkeypatch.setattr(builtins, "eval", refuse)
    monkeypatch.setattr(builtins, "exec", refuse)
    assert len(corpus()) == 200
    for text in corpus():
        answered(name, text)


@each_reader
@given(text=st.text(max_size=80))
@example(text="\\")
@example(text="^")
@example(text="h^")
def test_any_text_at_all(name, text):
    answered(name, text)


@each_reader
@given(text=st.text(alphabet="hk0123456789.+-*/^(){}\\, abetsqrfc", max_size=60))
def test_text_that_is_almost_a_formula(name, text):
    answered(name, text)


@pytest.mark.parametrize("text", SEEDS[:20])
def test_code_is_never_a_formula(text):
    with pytest.raises(Unreadable):
        read_expression(text, names=NAMES)
