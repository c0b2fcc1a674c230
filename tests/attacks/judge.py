"""One attack in a process of its own, watched from outside, and what was wrong with its answer."""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import re
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import derive
import verify
from tests.attacks.hostile import Attack
from tests.attacks.world import build, seen

SECONDS = 5.0
"""Of the processor's time; what takes longer must be stopped by an interrupt."""
STOPPING_SECONDS = 1.0
WALL_SECONDS = 120.0
MEGABYTES = 1024
DEVICES = ("/dev/full", "/dev/null", "/dev/zero")
CODES = (0, 1, 2, 3)
HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\0\x1b\x07]")
INTERNAL = re.compile(
    r"Traceback|unforeseen|object at 0x|<class '|<function |NoneType|site-packages|FLINT|"
    r"(?<![\w'.])[A-Z]\w+(Error|Exception|Warning)\b|\b(sympy|numpy|flint|click|typer)\.\w"
)


@dataclass(frozen=True)
class Verdict:
    """What became of an attack.

    Args:
        faults: what is wrong, each with its kind before the colon.
        seconds: of the processor's time.
        megabytes: the most that one of its processes held.
    """

    attack: Attack
    code: int
    faults: tuple[str, ...]
    seconds: float
    megabytes: float
    said: str


def judged(attack: Attack, kept: Path) -> Verdict:
    """Run an attack in a new world."""
    with tempfile.TemporaryDirectory() as place:
        world = Path(place, "world")
        build(world, kept)
        for name, text in attack.files:
            (world / name).write_text(text)
        before = seen(world)
        run = _Run(attack, world, Path(place))
        faults = [*run.faults()]
        faults += [f"touched: {name}" for name in touched(before, seen(world), attack)]
        faults += [f"touched: {name}" for name in _replaced()]
        if (world / "ran").exists():
            faults.append("ran: code from a text")
        return Verdict(
            attack, run.code, tuple(faults), run.seconds, run.megabytes, run.err or run.out
        )


def _replaced() -> list[str]:
    """The devices that are files now."""
    return [name for name in DEVICES if Path(name).is_file()]


def touched(before: dict[str, str], after: dict[str, str], attack: Attack) -> list[str]:
    """The files that were there and are not as they were; what --force names may be replaced."""
    named = {word.strip("/") for word in attack.words} if "--force" in attack.words else set()
    named |= {"canary"} if "linked" in named else set()
    return [
        name
        for name, content in before.items()
        if after.get(name) != content
        and not name.startswith("ledger.sqlite")
        and not any(name == root or name.startswith(f"{root}/") for root in named if root)
    ]


class _Run:
    """The processes of an attack, from their start to the end of the last of them."""

    def __init__(self, attack: Attack, world: Path, place: Path) -> None:
        self.attack = attack
        self.stopped, self.late, self.hung = False, False, False
        self.child = os.fork()
        if not self.child:
            _become(attack, world, place)
        begin = time.monotonic()
        asked = None
        while True:
            pid, status, used = os.wait4(self.child, os.WNOHANG)
            if pid:
                break
            now = time.monotonic() - begin
            time.sleep(min(0.02 + now / 10, 0.3))
            spent = _spent(self.child) if now > 2 else 0.0
            if asked is None and (spent > SECONDS or now > WALL_SECONDS):
                asked, self.stopped = spent, True
                os.kill(self.child, signal.SIGINT)
            elif asked is not None and spent > asked + STOPPING_SECONDS:
                self.late = True
            if asked is not None and (spent > asked + 2 * SECONDS or now > 2 * WALL_SECONDS):
                self.hung = True
                with suppress(ProcessLookupError):
                    os.killpg(self.child, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(self.child, signal.SIGKILL)
        self.code = os.waitstatus_to_exitcode(status)
        self.seconds = used.ru_utime + used.ru_stime
        self.megabytes = used.ru_maxrss / 1024
        self.out, self.err = (
            (place / name).read_bytes().decode("utf-8", "replace") for name in ("out", "err")
        )

    def faults(self) -> list[str]:
        """What is wrong with the code, the texts, the time and the memory."""
        found: list[str] = []
        lines = self.err.splitlines()
        own = any(".py" in word for word in self.attack.words)
        if self.code not in CODES and not (self.code == 130 and self.stopped):
            found.append(f"code: {self.code}")
        if self.code in self.attack.false:
            found.append(f"false: {self.code}")
        if self.hung or self.late:
            found.append("hang: does not stop within a second")
        if self.megabytes > MEGABYTES:
            found.append(f"memory: {self.megabytes:.0f} MB")
        said = self.out + self.err
        for word in self.attack.words:
            said = said.replace(word, "") if len(word) > 2 else said
        if "Traceback" in said or (not own and INTERNAL.search(said)):
            found.append("traceback: internals of Python are shown")
        if HIDDEN.search(self.out + self.err):
            found.append("steers: the terminal")
        if self.code == 2:
            told = [line for line in lines if line.startswith("undertow: ")]
            if len(told) != 1 or not lines[-1].startswith("undertow: ") or len(lines[-1]) > 1500:
                found.append("sentence: not one")
        if not own and any(not line.startswith("undertow: ") for line in lines):
            found.append("noise: on standard error")
        if self.code in (0, 1, 3) and self.out and _asks_for_json(self.attack):
            try:
                json.loads(self.out, parse_constant=lambda name: 1 / 0)
            except (ValueError, ZeroDivisionError):
                found.append("json: none")
        return found


def _asks_for_json(attack: Attack) -> bool:
    pairs = list(zip(attack.words, attack.words[1:], strict=False))
    formats = [value for option, value in pairs if option == "--format"]
    return formats[-1:] == ["json"]


def _become(attack: Attack, world: Path, place: Path) -> None:
    """In the child: the command."""
    os.setsid()
    os.chdir(world)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    os.environ |= {"HOME": str(place), "TMPDIR": str(place)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    from verify.__main__ import main  # noqa: PLC0415

    sys.argv = ["undertow", *attack.words]
    try:
        main()
    except SystemExit as ended:
        sys.stdout.flush()
        os._exit(ended.code if isinstance(ended.code, int) else 0)
    except BaseException as error:
        os.write(2, f"Traceback: {error!r}".encode())
    os._exit(71)


def _spent(session: int) -> float:
    """The processor's time that a session has taken."""
    ticks = 0
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        with suppress(OSError, ValueError):
            text = Path("/proc", pid, "stat").read_text(encoding="utf-8", errors="replace")
            fields = text.rpartition(")")[2].split()
            if int(fields[3]) == session:
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def kept_files(folder: Path) -> Path:
    """Certificates, a draft and a ledger, written by the command itself."""
    kept = folder / "kept"
    kept.mkdir()
    for words in (
        "verify cowsik2022.stability --digits 15 --certificates certificates",
        "claim new draft.toml",
        "campaign cowsik2022.stability --losses 1 --digits 15 --workers 1 --ledger ledger.sqlite",
    ):
        run = _Run(Attack(tuple(words.split())), kept, folder)
        if run.code:
            raise RuntimeError(f"{words}: exit code {run.code}, {run.err}")
    for name in ("out", "err"):
        (folder / name).unlink()
    return kept


def prepare() -> None:
    """Import once, for all children, what a command would import."""
    for package in (derive, verify):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            with suppress(ImportError, SystemExit):  # what needs PyTorch, and __main__
                importlib.import_module(module.name)
    gc.collect()
    gc.freeze()
