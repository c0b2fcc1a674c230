"""The folder in which an attack runs: files of every odd kind, and some that belong to others."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import stat
from pathlib import Path

_HEAD = "import os, sys, threading, time\nfrom derive import optimizer\n"
_RULE = "@optimizer()\ndef rule(x, grad, h):\n    "
_STEP = "return x - h*grad(x)\n"
RULES = {
    "own": "@optimizer(state=('v',))\ndef rule(x, v, grad, h):\n    v = v/2 + grad(x)\n"
    "    return x - h*v, v\nclass Mine:\n    def __init__(self, lr=0.1):\n        self.lr = lr\n"
    "    def step(self, x, g):\n        return x - float(self.lr)*g\n",
    "loop": _RULE + "while True: pass\n",
    "forever": "while True: time.sleep(1)\n",
    "leaves": _RULE + "raise SystemExit(0)\n",
    "left": "sys.exit(0)\n",
    "gone": _RULE + "os._exit(0)\n",
    "aborts": "os.abort()\n",
    "kills": "os.kill(os.getpid(), 9)\n",
    "odd": "class Odd(BaseException):\n    def __str__(self): raise ValueError\n"
    + _RULE
    + "raise Odd\n",
    "interrupts": _RULE + "raise KeyboardInterrupt\n",
    "prints": "print('{}')\n" + _RULE + "print('equal'); os.write(1, b'equal'); " + _STEP,
    "threads": _RULE + "threading.Thread(target=time.sleep, args=(99,)).start(); " + _STEP,
    "two": "c = [0]\n" + _RULE + "c[0] += 1; return x - c[0]*h*grad(x)\n",
    "thirty": "@optimizer(state=[f'm{i}' for i in range(30)])\ndef rule(*all): return all\n",
    "infinite": _RULE + "return x - float('inf')*grad(x)\n",
    "nan": _RULE + "return x - float('nan')*h*grad(x)\n",
    "none": _RULE + "pass\n",
    "deep": _RULE + "return rule(x, grad, h)\n",
    "recurses": "def f(x): return f(x)\n" + _RULE + "return f(x)\n",
    "grows": _RULE + "a = [0]\n    while True: a += a\n",
    "tower": _RULE + "y = grad(x)\n    for _ in range(99): y = y*y + y\n    return x - h*y\n",
    "large": _RULE + "return x - 10**99999*h*grad(x)\n",
    "swallows": _RULE
    + "while True:\n        try: time.sleep(1)\n        except BaseException: pass\n",
    "broken": "def rule(:\n",
    "closes": "os.close(1); os.close(2)\n" + _RULE + _STEP,
    "parameters": "from derive import Parameter\n@optimizer(parameters=[Parameter('lambda')])\n"
    "def rule(x, grad, h, **p): " + _STEP,
}
"""Rule files: the text behind their imports."""

RIGHT = "h*(1+beta)/(4*(1-beta)**2)"
DRAFT = """
[[claim]]
id = "one.claim"
type = "equality"
statement = 'The modified loss of heavy ball has the coefficient ${{formula}}$.'
expected = "derived"
source = {{ key = "one", where = "equation (1)", known = "ours" }}
formula = {{ printed = "{}", assumptions = ["0 <= beta", "beta < 1", "h > 0"] }}
about = {{ optimizer = "heavy-ball", quantity = "modified-loss", order = 1 }}
"""
"""A draft of one claim, with a place for its formula."""

_TOML = "[[claim]]\nid = {}\n"
TEXTS = {
    "one.toml": DRAFT.format(RIGHT),
    "lines.tex": r"\begin{align} a &= h/4 \\ &= \frac{h}{4} \end{align}",
    "rows.txt": "1 2 0 1\n0 1 1 -1\n",
    "empty": "",
    "binary": "\0\x01\x7f\u0080\uffff" * 99,
    "deep.json": "[" * 100_000,
    "nan.json": '{"a": NaN, "b": Infinity, "c": 1e999}',
    "bare.json": "null",
    "list.toml": "claim = [1, 2]\n",
    "deep.toml": "a = " + "[" * 5000,
    "evil.toml": _TOML.format("'../../x'") + "statement = '{formula}'\ntype = 'equality'\n",
    "null.toml": _TOML.format('"a\\u0000b"'),
    "code.toml": _TOML.format("'a.b'") + "formula = { printed = \"__import__('os')\" }\n",
    "bomb.tex": r"\begin{align} h &= h^{9^{9^{9^9}}} \\ &= \sum_{r=0}^{999999} r \end{align}",
    "taken.txt": "this belongs to somebody else\n",
    "touching.py": "open('ran', 'w')\n",
    "canary/book.tex": "a book\n",
    "canary/index.html": "a page\n",
    "canary/.undertow.json": '["book.tex", "../taken.txt"]',
    "unfinished/.undertow-unfinished.json": '["../taken.txt", "index.html"]',
    "unfinished/index.html": "a page\n",
    "badcert/manifest.json": '["../taken", "x", {}]',
    "badcert/x.json": '{"checks": {}, "formulas": []}',
}
LINKS = {"link": "taken.txt", "linked": "canary", "nowhere": "missing/there", "round": "round"}
OTHERS = ("fifo", "sparse", "foreign.sqlite", "certificates", "draft.toml", "ledger.sqlite")
FILES = (
    *TEXTS,
    *LINKS,
    *OTHERS,
    *("canary", "unfinished", "badcert", "/dev/zero", "/dev/stdin", "/dev/full", "/proc/self/mem"),
    *(".", "..", "/", "", "new", "new/deeper/still", "new.svg", "taken.txt/new", "n" * 300),
    *("canary/new.svg", "linked/new.svg", "link.svg", "new.exe", "/proc/new"),
)


def build(folder: Path, kept: Path) -> None:
    """Make the world.

    Args:
        kept: a folder with the certificates, draft and ledger that the command itself wrote.
    """
    shutil.copytree(kept, folder)
    for name, text in TEXTS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    for name, text in RULES.items():
        (folder / f"{name}.py").write_text(_HEAD + text)
    for name, target in LINKS.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "fifo")
    with open(folder / "sparse", "wb") as sparse:
        sparse.truncate(1 << 30)
    foreign = sqlite3.connect(folder / "foreign.sqlite")
    foreign.executescript("CREATE TABLE units (unit TEXT); INSERT INTO units VALUES ('mine');")
    foreign.close()


def seen(folder: Path) -> dict[str, str]:
    """What each file is now: its kind, and its content where it is small."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        kept = path.lstat()
        content = ""
        if stat.S_ISLNK(kept.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(kept.st_mode):
            small = kept.st_size < 1 << 24
            content = hashlib.sha256(path.read_bytes()).hexdigest() if small else str(kept.st_size)
        found[str(path.relative_to(folder))] = f"{stat.S_IFMT(kept.st_mode):o} {content}"
    return found
