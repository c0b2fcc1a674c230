"""Every ending of a command: one exit code, one sentence, and nothing that stays behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.verify.commands.test_cli import listens, undertow
from verify.cli import shortened
from verify.report.terminal import fit

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "verify"]
HEAD = "import os, random, sys, threading, time\nfrom derive import optimizer\n"
RULE = "@optimizer()\ndef rule(x, grad, h):\n"
STEP = "    return x - h*grad(x)\n"


def ended(folder: Path, *arguments: str) -> tuple[int, str, str]:
    run = subprocess.run(
        [*COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )
    return run.returncode, run.stdout, run.stderr


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (f"{RULE}    raise SystemExit(0)\n", "own.py:5: SystemExit: 0"),
        (f"{RULE}    raise KeyboardInterrupt\n", "own.py:5: KeyboardInterrupt"),
        (f"{RULE}    raise GeneratorExit\n", "own.py:5: GeneratorExit"),
        (f"{RULE}    return undefined\n", "own.py:5: NameError"),
        ("raise SystemExit(0)\n", "own.py:3: SystemExit: 0"),
        (f"{RULE}    return x - h*random.random()*grad(x)\n", "two answers for one input"),
        (
            f"count = [0]\n{RULE}    count[0] += 1\n    return x - count[0]*h*grad(x)\n",
            "two answers",
        ),
        (
            "@optimizer(state=[f'm{i}' for i in range(30)])\ndef rule(*all):\n    return all\n",
            "30 memories",
        ),
        (
            "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\n"
            f"{RULE}    raise Odd\n",
            "Odd: no message",
        ),
    ],
)
def test_what_a_rule_raises_is_one_sentence_and_no_verdict(capsys, tmp_path, body, said):
    (tmp_path / "own.py").write_text(HEAD + body)
    code, out, err = undertow(capsys, "derive", f"{tmp_path}/own.py:rule")
    assert (code, out) == (2, "")
    assert said in err
    assert err.startswith("undertow: ")
    assert err.count("\n") == 1


def test_a_rule_that_grows_without_end_is_stopped(tmp_path: Path):
    (tmp_path / "own.py").write_text(
        f"{HEAD}{RULE}    grown = [0]\n    while True: grown += grown\n"
    )
    said = "undertow: own.py:6: the rule takes more than 800 MB of memory.\n"
    assert ended(tmp_path, "derive", "own.py:rule") == (2, "", said)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (f"{RULE}    os._exit(0)\n", "exit code 0 while it ran own.py"),
        (f"{RULE}    os.abort()\n", "SIGABRT"),
    ],
)
def test_a_rule_that_ends_the_program_is_named(tmp_path, body, said):
    (tmp_path / "own.py").write_text(HEAD + body)
    code, out, err = ended(tmp_path, "derive", "own.py:rule")
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "body",
    [
        f"{RULE}    while True:\n        try:\n            time.sleep(60)\n"
        "        except BaseException:\n            pass\n",
        f"{RULE}    return x - h*len(range(7 ** 7 ** 12))*grad(x)\n",
    ],
)
def test_a_rule_that_does_not_end_is_ended(tmp_path, body):
    (tmp_path / "own.py").write_text(HEAD + body)
    code, _, err = ended(tmp_path, "derive", "own.py:rule")
    assert code == 2
    assert "own.py" in err
    assert "takes more than" in err
    assert err.count("\n") == 1


def test_what_a_rule_prints_is_no_part_of_the_answer(tmp_path):
    loud = 'print("a")\nos.write(1, b"b")\nos.system("echo c")\n'
    thread = "threading.Thread(target=time.sleep, args=(60,)).start()\n"
    called = f'{RULE}    print("d")\n    os.write(1, b"e")\n{STEP}'
    (tmp_path / "own.py").write_text(HEAD + loud + thread + called)
    code, out, _ = ended(tmp_path, "derive", "own.py:rule", "--format", "json")
    assert code == 0
    assert json.loads(out)["terms"]


@listens
@pytest.mark.parametrize(
    ("arguments", "after", "number"),
    [
        (("verify",), 0.5, signal.SIGINT),
        (("verify",), 4, signal.SIGTERM),
        (("mutants",), 4, signal.SIGHUP),
        (("verify",), 4, signal.SIGKILL),
        (("derive", "heavy-ball", "--order", "14"), 2.5, signal.SIGINT),
        (("derive", "heavy-ball", "--order", "14"), 2.5, signal.SIGKILL),
        (("campaign", "--losses", "99"), 4, signal.SIGKILL),
    ],
)
def test_nothing_outlives_a_command_that_is_stopped(tmp_path, arguments, after, number):
    if signal.getsignal(number) is signal.SIG_IGN:
        pytest.skip(f"{number.name} is ignored here, and so by what is started from here")
    run = subprocess.Popen(
        [*COMMAND, *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "UNDERTOW_TEST": (mark := str(tmp_path))},
    )
    time.sleep(after)
    run.send_signal(number)
    begin = time.monotonic()
    _, err = run.communicate(timeout=60)
    assert time.monotonic() - begin < 20  # 1 s on a machine that has nothing else to do
    if number is not signal.SIGKILL:
        assert run.returncode == 128 + number
        assert err.startswith("undertow: stopped")
        assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
    time.sleep(0.3)
    assert not [pid for pid in _alive() if mark in _environment(pid)]


def test_what_a_kill_leaves_the_same_command_repairs():
    command = [sys.executable, "-m", "tests.benchmarks.kills", "export", "--kills", "8"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def _alive() -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit()]


def _environment(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace")
    except OSError:
        return ""


def test_a_reader_that_goes_away_is_no_verdict(tmp_path):
    command = " ".join([*COMMAND, "claims"])
    script = f"{command} | head -c 1 >/dev/null; exit ${{PIPESTATUS[0]}}"
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr) == (141, "")


def test_a_full_disk_is_said(tmp_path):
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            [*COMMAND, "claims"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert run.returncode == 2
    assert run.stderr == "undertow: standard output cannot be written: No space left on device.\n"


def test_what_is_echoed_is_cut_and_shows_what_steers_a_terminal():
    long = "9" * 100_000
    assert len(shortened(f"--lr {long} is not above 0.", [f"--lr={long}"])) < 150
    spaced = "1 " * 5000
    assert len(shortened(f"--start {spaced} has 5000 numbers.", ["--start", spaced])) < 150
    assert fit("\x1b[2J\u202eabc\x00", "utf-8") == "\\x1b[2J\\u202eabc\\x00"


def test_what_steers_a_terminal_is_written_out_in_an_answer_too(capsys, tmp_path):
    code, out, _ = undertow(capsys, "claim", "new", f"{tmp_path}/a\x1b[2J.toml")
    assert (code, "\x1b" in out, r"a\x1b[2J.toml" in out) == (0, False, True)
