"""Whatever is typed or handed over as a file has an answer: a verdict, or one sentence.

`python -m tests.attacks --number 2000 --seed 1` runs as many as one likes and counts the faults.
"""

import subprocess
import sys

from tests.attacks.hostile import ORDINARY, Attack, all_commands, attacks, options
from tests.attacks.judge import INTERNAL, touched
from tests.attacks.world import seen


def test_every_command_is_attacked():
    assert sorted(ORDINARY) == sorted(all_commands())
    assert all(options(command) for command in ORDINARY)


def test_the_same_seed_gives_the_same_attacks():
    assert list(attacks(60, 7)) == list(attacks(60, 7)) != list(attacks(60, 8))
    assert {attack.words[0] for attack in attacks(600, 7)} == {c.split()[0] for c in ORDINARY}


def test_what_shows_the_inside_is_recognized():
    for text in ("Traceback (most", "KeyError: 'x'", "<class 'int'>", "RuntimeWarning: overflow"):
        assert INTERNAL.search(f"undertow: {text}")
    assert not INTERNAL.search("undertow: no optimizer is called 'a'. Did you mean 'adam'?")


def test_a_foreign_file_that_changes_is_seen_unless_it_is_named_to_be_replaced(tmp_path):
    (tmp_path / "mine.txt").write_text("a")
    (tmp_path / "link").symlink_to("mine.txt")
    before = seen(tmp_path)
    assert touched(before, seen(tmp_path), Attack(())) == []
    (tmp_path / "mine.txt").write_text("b")
    after = seen(tmp_path)
    assert touched(before, after, Attack(("export", "--out", "mine.txt"))) == ["mine.txt"]
    assert touched(before, after, Attack(("--out", "mine.txt", "--force"))) == []
    assert touched(before, after, Attack(("--out", "link", "--force"))) == ["mine.txt"]


def test_forty_attacks_find_nothing():
    """In a process of its own, whose threads no child inherits."""
    words = [sys.executable, "-m", "tests.attacks", "--number", "40", "--seed", "16"]
    run = subprocess.run(words, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
