"""Command lines that nobody means well: ordinary ones of every command, with words replaced.

An attack whose truth is known names the exit codes that would be a false answer.
"""

from __future__ import annotations

import random
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from typer.main import get_command

from tests.attacks.world import DRAFT, FILES, RIGHT, RULES
from verify.commands.application import app
from verify.commands.menu import MENU, SUBMENUS

ORDINARY = {
    "derive": (
        "heavy-ball --order 2 --set beta=1/2",
        "adam --order 2",
        "nesterov --quantity initial-shift --format latex --name lr=h --prefix my",
        "heavy-ball --minibatch --quantity expectation --sampling reshuffled --batches 4 --k 2",
        "heavy-ball --loss x**4/4+y**2 --order 2",
        "heavy-ball --observe 'y = x + h*v'",
        "nesterov-c --quantity second-order-equation --clock 3/2",
        "own.py:rule --seconds 2",
    ),
    "optimizers": ("--format json",),
    "convert": (
        "--from torch --to ema --lr 0.1 --momentum 0.9",
        "--from torch --to keras --lr 0.1 --momentum 0.9 --schedule cosine --format json",
        "--from qhm --to torch --lr 1/3 --momentum 1/2 --nu 1/4",
        "--from torch.AdamW --to optax.adamw --set lr=0.001 --set betas=0.9,0.99",
    ),
    "momentum": (
        "--lr 1e-3 --hessian-top 50",
        "nesterov --lr 1/10 --hessian-top 10 --hessian-bottom 1 --set beta=0.9 --format json",
        "--lr 1e-3 --hessian-top 50 --label-noise 1/10 --trace-curvature 2 --prefactor 1",
    ),
    "drift": (
        "--loss (x*y-1)**2/2 --at 2,1/2 --set beta=9/10 --lr 1/10",
        "--loss (x*y-1)**2/2 --at 1,1 --set beta=1/2 --noise '2,1;1,3' --format json",
    ),
    "check": (
        "h*(1+beta)/(4*(1-beta)**2) --against heavy-ball:modified-loss:order-1",
        "-lr/2 --name lr=h --against gradient-descent:modified-flow:order-1 --assume 'h > 0'",
        "--latex '\\frac{h}{4}' --against gradient-descent:modified-loss:order-1",
        "\"X'' + 3*X'/t + grad f(X) = 0\" --against nesterov-c --start 0 --clock 0",
        "--align lines.tex",
        "h/4 --against cowsik2022.stability --format json",
    ),
    "claim new": ("new.toml", "taken.txt"),
    "identify": ("own.py:Mine --set lr=0.1", "torch.optim.SGD --as torch.Adam"),
    "trajectory": (
        "heavy-ball --set beta=1/2 --loss x**2/2 --start 1 --lr 1/4 --time 1",
        "own.py:rule --loss x**2+cos(x*y) --start 1,1/2 --lr 1/4 --time 1 --order 2 --format json",
    ),
    "simulate": (
        "--loss x^2 --loss (x-1)^2 --start 1 --runs 20 --steps 5 --set beta=1/2",
        "--loss x^2 --loss (x-1)^2 --start 1 --sampling cyclic --runs 20 --steps 5 --lr 1/9",
    ),
    "interpolator": (
        "--x '1,2,0,1;0,1,1,-1' --y 1,2 --lr 1/10 --set beta=1/2 --start 1/5 --steps 900",
        "--x rows.txt --y 1,2 --lr 1/10 --batch 1 --seed 3 --digits 20 --network sums --steps 900",
    ),
    "recovery": ("needed-start --seeds 2 --seed 1",),
    "experiment": ("", "explicit --seeds 2 --scale 1/100 --ledger figures.jsonl"),
    "sweep": ("--lr 1/2,0.4 --replicas 20 --strength 1e-2",),
    "verify": (
        "cowsik2022.stability --digits 15 --durations 1",
        "one.toml --digits 15 --certificates new",
        "own.py:rule --loss x**2/2 --digits 15 --seconds 2",
    ),
    "claims": ("--source ghosh2023 --verdict corrected", "--search momentum --format json"),
    "show": ("cowsik2022.stability --digits 15 --seed 1",),
    "coverage": ("--format json",),
    "mutants": ("cowsik2022.stability --digits 15",),
    "recheck": ("certificates", "certificates --format json"),
    "plot errors": (
        "heavy-ball --set beta=1/2 --loss x^4/4+x^2/2 --start 1 --out new.svg --time 1/4",
    ),
    "plot trajectory": (
        "heavy-ball --set beta=1/2 --loss x^2+3*y^2 --start 2,2 --out new.svg --time 1/4",
    ),
    "plot stability": ("lessard --set beta=1/2 --out new.pdf",),
    "plot timescales": ("heavy-ball --lr 1e-3 --hessian-top 50 --out new.png",),
    "plot schedule": ("cosine --out new.svg",),
    "plot gain": ("--x '1,2,0;0,1,1' --y 1,2 --lr 1/10 --set beta=1/2 --out new.svg",),
    "export": ("cowsik2022.stability --out new --prefix my", "one.toml --out mine"),
    "report": ("cowsik2022.stability --out mine --digits 15 --ledger ledger.sqlite",),
    "campaign": (
        "cowsik2022.stability --losses 1 --digits 15 --workers 1 --ledger ledger.sqlite",
        "trial:heavy-ball --losses 1 --digits 15 --workers 1 --seconds 5 --memory 900",
    ),
    "ledger": ("ledger.sqlite", "ledger.sqlite --format json"),
}
"""Ordinary lines of each command, as cheap as they can be."""

NUMBERS = (
    *("1/2", "0.999999999999999999", "1e300", "1e-300", "-1/2", "1000", "12", "2", "1e-30", "1e30"),
    *("1" * 299 + "/" + "3" * 299, "1.1", "-3", "1/1000003", "500", "10000", "0.9", "1,1", "7"),
    *("0", "-0", "-1", "1/0", "0/0", "1/-2", "--1", "+1", "1e-999999999", "1e5000", "-1e400"),
    *("1e30", "1e330", "1e-330", "nan", "inf", "-inf", "Infinity", "NaN", "1_000", "0x10", "1e"),
    *("e1", ".", "٣", "１２", "߅", "½", "Ⅷ", "²", "1٫5", "1,5", "1.2.3", "\u202e1", "1\u2069"),
    *("1\u00a0", "−1", "9" * 5000, "1/" + "3" * 400, "1/" + "7" * 100_000, "0." + "3" * 100_000),
    *("1e" + "9" * 1000, str(10**30), str(-(10**30)), str(2**31), str(2**63), str(2**64)),
    *("100000", "999", "1000001", "True", "None", "beta", "h", "1j", "1+1", "1//2", "1 2", ""),
    *(" ", "\t1", "\n", "\x1b[2J1"),
)
FORMULAS = (
    *("9**9**9**9", "((((h^99)^99)^99)^99)", "(1+h)**1000000", "(1+h+beta+k)**300"),
    *("2**(10**9*h)", "exp(exp(exp(exp(9+h))))", "exp(exp(2+h)^30)", "(1+h)^(-1/h^99)"),
    *("beta^exp(exp(5+beta))", "Sum(beta**r, (r, 0, 10**9))"),
    *("Sum(Sum(h**r,(r,0,k)),(k,0,99999))", "Sum(r, (r, h, oo))", "Sum(r!, (r, 0, oo))"),
    *("Sum(1/r, (r, 1, 9999))", "Sum(beta**r/(1-beta**r),(r,1,oo))"),
    *("binomial((1+h)**9, (1+beta)**9)", "binomial(10**9, 10**8)", "binomial(1000000, h)"),
    *("factorial(10**9)", "h!" * 50, "factorial(factorial(h))", "sin(beta+h)", "exp(1)", "pi"),
    *("E", "LambertW(h)", "LambertW(-1)", "tan(1+beta*h)", "gamma(h)", "zeta(2)"),
    *("asinh(sqrt(-1))", "I", "1/(beta-beta)", "sqrt(-1)", "log(0)", "0**0", "0**(-h)"),
    *("abs(abs(h))", "1/(1-1)", "h/0", "((((", "zeta*(", "(" * 400 + "h" + ")" * 400),
    *("-" * 3000 + "h", "+".join(["h"] * 3000), "sqrt(" * 60 + "h" + ")" * 60),
    *("exp(" * 40 + "h" + ")" * 40, "h*" * 4000 + "h", "x" * 100_000),
    *("x1+x2+x3+x4+x5+x6+x7+x8+x9", "x**200", "cos(x)**50*exp(x**9)", "1/x", "log(x)", "sqrt(x)"),
    *("(x*y*z-1)**40", "exp(exp(x))", "x^(1/2)", "x**x", "abs(x)", "tanh(x*y)**9", "y = x + v/0"),
    *("y = x + h*h*v", "x = x", "v", "y = sqrt(beta)*x", "y = x + sqrt(1-beta)*v", "y = v*v"),
    *("y =", "y = x + beta^(1/3)*v", "y = exp(x)", "y = x**2", "= x", "y = y", "E=x", "E=x**2"),
    *("W=x", "=x", r"\frac{1}{", r"\frac{\beta}{1-\beta}", r"\input{taken.txt}"),
    *(r"\write18{touch ran}", r"\sum", r"\def\a{\a\a}\a", "$" * 99, r"\begin{align}" * 50),
    *(r"{" * 500, r"\sqrt[3]{h}", "^^41", "%", "X''=X", "X'' + X' = 0", "X''' = 0"),
    *("X'' + exp(X) = 0", "X''/0 = 0", "0 = 0", "beta > beta", "h > 0", "h < 0", "beta = 1"),
    *("h = 0", "h = h", "beta >= 10**99", "beta = 1/(1-beta)", "1 > 2"),
    *("__import__('os').system('touch ran')", "open('ran','w')", "$(touch ran)", "`touch ran`"),
    *("().__class__.__bases__", "lambda: 0", "h;h", "h\nh", "[].append(1)", "'h'", "f'{h}'", "@h"),
    *("<script>alert(1)</script>", "\u202eh", "h\u0000", "\ud800", "𝒽", "β", "∂", "h\u0301", "é"),
)
NAMES = (
    *("lambda", "None", "h", "k", "x", "E", "beta=", "=1", "=", "beta=1=2", "h=beta", "beta=h"),
    *("h=h", "x=h", "k=beta", "lr=h", "lr=nonsense", "lambda=h", "import=beta", "__class__=beta"),
    *("β=beta", "beta=1/2,beta=1/3", "beta = 1/2", "BETA=1/2", "beta=beta", "h=1", "lr=0"),
    *("beta=1", "beta=-1", "beta=0.99999999999999999999", "betas=0.9", "betas=nan,inf", "eps=0"),
    *("lr=inf", "lr=nan", "heavy-ball", "heavyball", "HEAVY-BALL", "heavy-ball ", "nesterov"),
    *("lessard", "sgd", "adam", "../heavy-ball", "heavy-ball:modified-loss"),
    *("heavy-ball:modified-loss:order-9", "trial:"),
    *("heavy-ball:modified-flow:order-99999999999999", "adam:modified-loss:order-1", "a:b:c:d:e"),
    *("trial:heavy-ball", "ghosh2023", "ghosh2023.", "cowsik2022.stability", "cowsik2022.", ","),
    *("a,,b", "torch", "ema", "torch.optim.SGD", "torch.optim.__dict__", "torch.os.system"),
    *("optax.adam", "os.system", "numpy.core", "sys", "tcp://", "tcp://127.0.0.1:1", "http://["),
    *("%s%n", "{0}", "*", "json", "text", "latex", "sympy", "JSON", "modified-flow"),
    *("past-a-kink", "transient", "cosine", "slow-manifold", "one-step-map", "covariance"),
    *("expectation", "with-replacement", "rotated", "-", "--", "---", "--help", "-h", "--version"),
    *("--force", "--no-such", "--lr", "--set", "-x9", "1,2;3", ";", ",", "1,2;1,2", "0,0"),
    *("1;1;1;1", "2,1;1,-3", "label", "isotropic", "1,1,1,1,1", "A" * 5000, "é" * 300),
    *("a/" * 3000, "\x1b]0;x\x07", "a\rb", "\u2066a", "\ufeffh", "a\u200bb"),
)
PATHS = (*FILES, *(f"{name}.py:rule" for name in RULES), *(f"{name}.py" for name in RULES))
KINDS = (NUMBERS, FORMULAS, NAMES, PATHS)

TARGET = "heavy-ball:modified-loss:order-1"
FINITE = (
    *("exp(beta)", "(1+h)**40", "sqrt(1+h)", "exp(exp(exp(1+h)))", "Sum(beta**r, (r, 0, k))"),
    *("h**99", "Sum((beta/2)**r, (r, 0, oo))", "binomial(9, 3)", "exp(-1/h)", "tanh(h)"),
    *("(h/10)**300", "1e-99", "sin(h)**2 + 1", "1/(1-beta)**30", "exp(-exp(9+h))"),
    *("sqrt(h)/10**40", "LambertW(h)", "h**(1/3)", "(1+beta+h)**12", "2 + cos(exp(h))"),
    *("asinh(h)", "log(1+h)", "h**beta", "exp(pi)", "7**-30"),
)
"""Formulas with a value that is not 0 wherever 0 < h and |beta| < 1, but for single points."""

DISGUISES = (
    *("({r})+({t})-({t})", "({r})*({t})/({t})", "(({t})*({r})+({t})**2)/({t})-({t})", "--({r})"),
    *("2*({r})-({r})+0*({t})", "({r})*(1+({t}))-({t})*({r})", "1/(1/({r}))+({t})*0"),
)
SLIPS = (
    *("({r})+({t})", "({r})-({t})/10**9", "({r})*(1+({t}))", "({r})+({t})*h**9"),
    *("-({r})+0*({t})", "({r})/2+({t})-({t})"),
)


@dataclass(frozen=True)
class Attack:
    """What is typed behind `undertow`, and the exit codes that would be false.

    Args:
        files: what stands in files of the world instead of what is there.
    """

    words: tuple[str, ...]
    false: frozenset[int] = frozenset()
    files: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return shlex.join(w if len(w) < 99 else f"{w[:60]}...({len(w)})" for w in self.words)


def attacks(number: int, seed: int) -> Iterator[Attack]:
    """So many attacks; the commands take turns."""
    draw = random.Random(seed)
    commands = list(ORDINARY)
    for i in range(number):
        yield (
            draw.choice(TRUTHS)(draw)
            if draw.random() < 1 / 8
            else _mangled(draw, commands[i % len(commands)])
        )


def all_commands() -> list[str]:
    """Every command that can be typed."""
    names = [name for group in MENU.values() for name in group if name not in SUBMENUS]
    return names + [
        f"{menu} {name}"
        for menu, groups in SUBMENUS.items()
        for group in groups.values()
        for name in group
    ]


@cache
def options(command: str) -> tuple[tuple[str, bool], ...]:
    """The long options of a command, and whether each takes a value."""
    menu: Any = get_command(app)
    for name in command.split():
        menu = menu.get_command(None, name)
    found = [(p.opts[0], not p.is_flag) for p in menu.params if p.param_type_name == "option"]
    return tuple((name, takes) for name, takes in found if name != "--help")


@cache
def usual(option: str) -> tuple[str, ...]:
    """What ordinary lines have behind this option."""
    lines = [shlex.split(line) for each in ORDINARY.values() for line in each]
    return tuple(b for line in lines for a, b in pairwise(line) if a == option)


def _mangled(draw: random.Random, command: str) -> Attack:
    words = shlex.split(draw.choice(ORDINARY[command]))
    for _ in range(draw.choice((1, 1, 1, 2))):
        _mangle(draw, command, words)
    return Attack((*command.split(), *words))


def _hostile(draw: random.Random, word: str) -> str:
    """Mostly of the kind that is wanted there, so that it gets past the first reader."""
    if draw.random() < 0.2:
        return draw.choice(draw.choice(KINDS))
    if word.startswith("own.py:"):
        return draw.choice(list(RULES)) + ".py:rule"
    if re.fullmatch(r"[\w.]+\.\w{2,6}(:\w+)?|new|mine|certificates", word):
        return draw.choice(PATHS)
    if re.fullmatch(r"(\w+=)?[-\d./,;e ]+", word):
        return draw.choice(NUMBERS)
    return draw.choice(FORMULAS if re.search(r"[*^/+\\ ]", word) else NAMES)


def _mangle(draw: random.Random, command: str, words: list[str]) -> None:
    places = [i for i, word in enumerate(words) if not word.startswith("--")]
    way = draw.random()
    if places and way < 0.6:
        place = draw.choice(places)
        value = _hostile(draw, words[place])
        name, equals, _ = words[place].partition("=")
        keep = equals and words[place - 1] in ("--set", "--name") and draw.random() < 0.7
        words[place] = f"{name}={value}" if keep else value
    elif way < 0.8:
        option, takes = draw.choice(options(command))
        value = draw.choice([*usual(option), draw.choice(draw.choice(KINDS))])
        words += [option, value] if takes else [option]
    elif places and way < 0.9:
        place = draw.choice(places)
        words[place] += _hostile(draw, words[place])
    elif way < 0.95:
        words.append(draw.choice(draw.choice(KINDS)))
    elif words:
        del words[draw.randrange(len(words))]


def _disguised(draw: random.Random) -> Attack:
    given = draw.choice(DISGUISES).format(r=RIGHT, t=draw.choice(FINITE))
    return Attack(("check", given, "--against", TARGET), frozenset({1}))


def _wrong(draw: random.Random) -> Attack:
    given = draw.choice(SLIPS).format(r=RIGHT, t=draw.choice(FINITE))
    return Attack(("check", given, "--against", TARGET), frozenset({0}))


def _drafted(draw: random.Random) -> Attack:
    """A draft of one claim, in disguise or with a slip."""
    right = draw.random() < 1 / 2
    given = draw.choice(DISGUISES if right else SLIPS).format(r=RIGHT, t=draw.choice(FINITE))
    words = ("verify", "one.toml", "--digits", "15")
    return Attack(words, frozenset({1 if right else 0}), (("one.toml", DRAFT.format(given)),))


TRUTHS = (_disguised, _wrong, _drafted)
