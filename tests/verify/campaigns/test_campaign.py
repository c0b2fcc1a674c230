"""A campaign gives the same ledger however it is run, and whatever ends it in between."""

import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import closing
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from derive.language.ground_types import GROUND_TYPES
from tests.verify.commands.test_cli import listens, undertow
from verify.campaigns.draws import code_digest, decide, units
from verify.campaigns.ledger import Ledger, LedgerEntry
from verify.campaigns.processes import CREW, decide_within
from verify.cli import main

CHEAP = "cowsik2022.jacobian"
CLAIMS = f"{CHEAP},cowsik2022.zero-modes"
CAMPAIGN = ("campaign", *CLAIMS.split(","), "--digits", "20", "--seed", "3", "--losses")
BARE = (
    "from derive import optimizer\n"
    "@optimizer(state=('v',), parameters=('beta',))\n"
    "def mine(x, v, grad, h, *, beta):\n"
    "    v = beta * v - h * grad(x)\n"
    "    return x + v, v\n"
)
IN_A_WORKER = "import os, sys\nif sys.argv[0].endswith('worker.py'):\n"


def entries(path: Path) -> list[LedgerEntry]:
    with closing(Ledger(path, create=False)) as ledger:
        return list(ledger)


def results(path: Path) -> list[tuple]:
    """All but the times."""
    return [(e.unit, e.claim, e.seed, e.digits, e.outcome, e.figure) for e in entries(path)]


def run(capsys, path: Path, losses: int, *more: str) -> list[tuple]:
    """The ledger of an undisturbed campaign."""
    code, _, said = undertow(capsys, *CAMPAIGN, str(losses), "--ledger", str(path), *more)
    assert (code, said) == (0, "")
    return results(path)


def printed_with_python_s_integers(code: str) -> str:
    """By a new process whose environment asks SymPy for Python's own integers."""
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "SYMPY_GROUND_TYPES": "python"},
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


@pytest.mark.parametrize("first", ["derive", "verify", "verify.claims.claim"])
def test_the_ground_types_are_fixed_before_sympy_is_imported(first: str):
    code = f"import {first}, sympy.external.gmpy as g; print(g.GROUND_TYPES)"
    assert printed_with_python_s_integers(code) == GROUND_TYPES


def test_ground_types_that_came_first_stay_and_give_the_same_figure():
    unit = ("ghosh2023.variance-factor", 5, 20)
    code = f"import sympy; from verify.campaigns.draws import decide; print(decide{unit})"
    assert printed_with_python_s_integers(code) == str(decide(*unit))


def test_a_seed_gives_one_set_of_units_and_each_draw_its_own_seed():
    drawn = list(units(["ghosh2023.gamma", CHEAP], 50, 3, 20))
    assert drawn == list(units(["ghosh2023.gamma", CHEAP], 60, 3, 20))[:100]
    assert len({unit.id for unit in drawn}) == 100
    assert len({unit.seed for unit in drawn}) == 50
    others = list(units(["ghosh2023.gamma", CHEAP], 50, 4, 20))
    assert not {unit.id for unit in drawn} & {unit.id for unit in others}


def test_the_code_of_a_user_s_claim_is_part_of_its_units(tmp_path: Path):
    digests = set()
    for factor in ("", "2*"):
        path = tmp_path / f"rule{factor.strip('*')}.py"
        path.write_text(BARE.replace("h * grad", f"{factor}h * grad"))
        digests.add(code_digest(f"{path}:mine"))
    assert len(digests | {code_digest(CHEAP)}) == 3


def test_the_number_of_workers_changes_nothing(capsys, tmp_path: Path):
    one, two = (run(capsys, tmp_path / f"{n}.db", 15, "--workers", str(n)) for n in (1, 2))
    assert one == two
    assert len(one) == 30
    assert {row[4] for row in one} == {"passed"}
    for _, claim, seed, digits, *decided in one[::7]:
        assert (*decided,) == decide(claim, seed, digits)


def test_the_ledger_is_read_back_as_json_and_as_text(capsys, tmp_path: Path):
    path = tmp_path / "ledger.db"
    ledger = Ledger(path)
    first = LedgerEntry("a" * 64, CHEAP, 12, 20, "c" * 64, "passed", "2 checks", 1500)
    ledger.add(first)
    ledger.add(LedgerEntry("b" * 64, CHEAP, 13, 20, "c" * 64, "rejected", "trace: off by 1", 2500))
    ledger.close()
    _, out, _ = undertow(capsys, "ledger", str(path), "--format", "json")
    read = json.loads(out)["units"]
    assert list(read[0]) == ["unit", "claim", "seed", "outcome", "figure", "seconds"]
    assert list(read[0].values()) == ["a" * 64, CHEAP, 12, "passed", "2 checks", 0.0015]
    assert [unit["outcome"] for unit in read] == ["passed", "rejected"]
    code, out, _ = undertow(capsys, "ledger", str(path))
    assert code == 0
    said = " ".join(out.split())
    for part in (f"{CHEAP} 2 1 1 0", "seed 13: trace: off by 1", f"verify {CHEAP} --seed 13"):
        assert part in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--losses", "0"), "--losses"),
        (("--losses", "1", "cowsik2022.jacobien"), "Did you mean"),
        (("--losses", "1", "--digits", "3"), "use 15 or more"),
        (("--losses", "1", "--workers", "0"), "--workers"),
        (("--losses", "1", "--ledger", "/nowhere/ledger.db"), "/nowhere/ledger.db"),
    ],
)
def test_bad_input_is_one_sentence(capsys, more, said):
    code, out, err = undertow(capsys, "campaign", *more)
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_killed_at_random_moments_it_ends_with_the_ledger_of_an_undisturbed_run(tmp_path: Path):
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["verify.cli"])
    path, draw = tmp_path / "killed.db", random.Random(5)

    def start(ledger: Path, workers: int = 2) -> BaseProcess:
        arguments = [*CAMPAIGN, "100", "--workers", str(workers), "--ledger", str(ledger)]
        process = context.Process(target=main, args=(arguments,))
        process.start()
        return process

    def done(ledger: Path) -> int:
        return len(entries(ledger)) if ledger.exists() else 0

    begin = time.monotonic()
    start(path).join()
    undisturbed, alone = results(path), time.monotonic() - begin
    path.rename(tmp_path / "undisturbed.db")
    counts = [0]
    for i in range(8):
        process = start(path, 1 + i % 2)
        if i < 4:
            time.sleep(draw.uniform(0, alone / 2))
        else:
            while done(path) == counts[-1]:
                time.sleep(0.01)
            time.sleep(draw.uniform(0, 0.1))
        process.kill()
        process.join()
        counts.append(done(path))
    assert counts == sorted(counts)
    assert len(set(counts)) > 4
    assert counts[-1] < 200
    process = start(path)
    process.join()
    assert process.exitcode == 0
    assert results(path) == undisturbed
    assert len(undisturbed) == 200


def test_two_campaigns_can_share_a_ledger(capsys, tmp_path: Path):
    path = tmp_path / "shared.db"
    command = [sys.executable, "-m", "verify", *CAMPAIGN, "30", "--ledger", str(path)]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    for campaign in both:
        campaign.communicate()
        assert campaign.returncode == 0
    assert len(results(path)) == 60
    assert results(path)[::12] == run(capsys, tmp_path / "alone.db", 30)[::12]


@listens
def test_an_interrupted_campaign_says_how_far_it_came_and_goes_on(tmp_path: Path):
    path = tmp_path / "ledger.db"
    command = [sys.executable, "-m", "verify", *CAMPAIGN, "2000", "--ledger", str(path)]
    campaign = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not path.exists() or len(entries(path)) < 20:
        time.sleep(0.05)
    campaign.send_signal(signal.SIGINT)
    _, said = campaign.communicate(timeout=30)
    assert campaign.returncode == 130
    assert "Traceback" not in said
    done = len(entries(path))
    told = re.search(r"stopped; (\d+) of 4000 ", said)
    assert told
    assert int(told[1]) in (done - 1, done)  # one may be written and not yet be told


def unit_of(path: Path, text: str) -> tuple[str, int, int, str]:
    path.write_text(text + BARE)
    claim = f"{path}:mine"
    return claim, 1, 20, code_digest(claim)


@pytest.mark.parametrize(
    ("worse", "figure"),
    [
        ("sum(range(10**12))", "time limit of 2 s"),
        ("import flint; x = flint.fmpz(2) ** (10**10)", "memory limit of 400 MB"),
        ("os.kill(os.getpid(), 9)", "ended its worker 3 times: SIGKILL"),
    ],
)
def test_a_unit_that_runs_away_is_undecided_and_the_next_one_is_not(tmp_path, worse, figure):
    limits = (2, 400)
    with CREW:
        bad = unit_of(tmp_path / "rule.py", f"{IN_A_WORKER}    {worse}\n")
        _, outcome, said, _ = decide_within(bad, limits)
        assert outcome == "undecided"
        assert figure in said
        _, outcome, _, _ = decide_within((CHEAP, 1, 20, code_digest(CHEAP)), limits)
        assert outcome == "passed"


def test_a_campaign_tells_of_its_own_units_alone_in_the_order_drawn(capsys, tmp_path: Path):
    path = tmp_path / "ledger.db"
    claims, losses = CLAIMS.split(","), 6
    own = list(units(claims, losses, 3, 20))
    others = [*units(claims, losses, 4, 20), *units(claims, losses, 3, 25)]
    known = [*reversed(own[1:-1]), *others, *units(["ghosh2023.gamma"], losses, 3, 20)]
    with closing(Ledger(path)) as ledger:
        for unit in known:
            values = (unit.id, unit.claim, unit.seed, unit.digits, unit.code)
            ledger.add(LedgerEntry(*values, "undecided", "as told", 1))
    command = (*CAMPAIGN, str(losses), "--ledger", str(path))
    _, out, _ = undertow(capsys, *command)
    again = [line.split()[2:5:2] for line in out.splitlines() if "undertow verify" in line]
    assert again == [[unit.claim, str(unit.seed)] for unit in own[1:-1]]
    assert "together" in out
    assert out.split("together")[1].split()[:4] == ["12", "2", "0", "10"]
    assert out.splitlines()[-1].startswith("2 units in ")
    assert out.splitlines()[-1].endswith("; 10 were done before.")
    _, out, _ = undertow(capsys, *command, "--format", "json")
    read = json.loads(out)
    assert [unit["unit"] for unit in read["units"]] == [unit.id for unit in own]
    assert read["new"] == 0
