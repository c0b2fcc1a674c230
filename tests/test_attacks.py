"""Whatever is typed or handed over as a file has an answer: a verdict, or one sentence.

500 attacks on each of the four kinds with --hypothesis-profile=deep, 20 without.
"""

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from verify.cli import main

HOSTILE = [
    *("", " ", "-", "--", "0", "-0", "1/0", "0/0", "nan", "inf", "-inf", "1e5000", "1e-999999999"),
    *("1e400", "9" * 5000, "1/" + "3" * 400, "٣", "1_000", "0x10", "\u202e1", "1\0", "\ud800", "½"),
    *("beta", "h", "E", "k", "lambda", "zeta*(", "((((", "beta=", "=1", "beta=1=2", "h=beta"),
    *("sin(beta+h)", "exp(1)", "pi", "LambertW(h)", "tan(1+beta*h)", "1/(beta-beta)", "sqrt(-1)"),
    *("9**9**9**9", "(1+h)**1000000", "(" * 400 + "h" + ")" * 400, "h!" * 50, "factorial(10**9)"),
    *("__import__('os').system('false')", "().__class__", "lambda: 0", "h;h", "h\nh", "$(false)"),
    *(r"\frac{1}{", r"\input{x}", r"\frac{\beta}{1-\beta}", "<script>", "../../x", "/dev/zero"),
    *("heavy-ball", "nesterov", "heavy-ball:modified-loss", "x.py:f", "/dev/null:f", "trial:"),
]
PLAIN = ["h*(1+beta)/(4*(1-beta)^2)", "beta=9/10", "1/2", "0.9", "x**4/4 + y**2", "3", "adam"]
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.sampled_from(PLAIN),
    st.text(alphabet="hbetak()+-*/^=.,:;_{}\\$0123456789 \u202e\u00e9\0", max_size=24),
    st.tuples(st.sampled_from(PLAIN), st.sampled_from(HOSTILE)).map("".join),
)
OPTIMIZERS = ["heavy-ball", "nesterov", "gradient-descent", "sgd"]


def attack(*words: str) -> None:
    """The command's exit code means one thing, and a refusal is one sentence."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(list(words))
    code, said = ended.value.code or 0, err.getvalue()
    assert code in (0, 1, 2, 3), (words, code, said)
    assert "Traceback" not in out.getvalue() + said, words
    if code == 2:
        assert said.startswith("undertow: "), words
        assert said.count("\n") == 1, (words, said)
        assert len(said) < 1500, words
        assert not re.search("[\u202a-\u202e\u2066-\u2069\0\x1b]", said), words


@seed(16)
@given(formula=texts, against=st.one_of(st.just("heavy-ball:modified-loss:order-1"), texts))
def test_formulas(formula, against):
    attack("check", formula, "--against", against)


@seed(17)
@given(st.sampled_from([*OPTIMIZERS, *HOSTILE]), texts, texts)
def test_derivations(optimizer, value, order):
    attack("derive", optimizer, "--set", f"beta={value}", "--order", order[:1] or "2")


NUMBERS = [
    ("sweep", "--replicas", "20", "--strength", "1e-2", "--lr"),
    ("sweep", "--replicas", "20", "--lr", "1/2,0.4", "--strength"),
    ("momentum", "--hessian-top", "50", "--lr"),
    ("momentum", "--lr", "1e-3", "--hessian-top"),
    ("convert", "--from", "torch", "--to", "ema", "--momentum", "0.9", "--lr"),
    ("convert", "--from", "torch", "--to", "ema", "--lr", "0.1", "--momentum"),
    ("drift", "--loss", "(x*y-1)**2/2", "--set", "beta=9/10", "--lr", "1/10", "--at"),
    ("trajectory", "heavy-ball", "--set", "beta=1/2", "--loss", "x**2/2", "--start"),
]


@seed(18)
@given(st.sampled_from(NUMBERS), texts)
def test_numbers(words, value):
    attack(*words, value)


@seed(19)
@given(st.sampled_from(["recheck", "ledger", "verify", "derive", "show"]), st.binary(max_size=200))
def test_files(tmp_path_factory, command, content):
    path: Path = tmp_path_factory.mktemp("attack") / "file.toml"
    path.write_bytes(content)
    attack(command, str(path))
