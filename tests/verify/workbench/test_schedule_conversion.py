"""Which conventions stay one iteration under a schedule, and what keeps the others together."""

import json

import pytest

from derive import BadInput
from derive.engine.schedules import SCHEDULES
from verify.cli import main
from verify.workbench.conventions import convert
from verify.workbench.schedule_conversion import rates, under_schedule

CHANGING = [name for name in SCHEDULES if name != "constant"]


@pytest.mark.parametrize("name", CHANGING)
def test_two_that_keep_the_rate_outside_stay_one(name):
    found = under_schedule(convert("torch", "optax", lr="0.1", momentum="0.9"), name)
    assert (found.power, found.apart) == (0, 0.0)


@pytest.mark.parametrize("name", CHANGING)
@pytest.mark.parametrize(
    ("source", "target", "power"), [("torch", "keras", 1), ("keras", "ema", -1)]
)
def test_across_the_buffer_a_power_of_the_rates_keeps_them_one(name, source, target, power):
    found = under_schedule(convert(source, target, lr="0.1", momentum="0.9"), name)
    assert found.power == power
    assert found.apart > 1e-3


def test_nothing_changes_without_a_change():
    found = under_schedule(convert("torch", "keras", lr="0.1", momentum="0.9"), "constant")
    assert found.power == 0
    assert set(rates("constant")) == {1}


def test_a_schedule_that_is_not_known_is_refused():
    with pytest.raises(BadInput, match="no schedule is called"):
        under_schedule(convert("torch", "keras", lr="0.1", momentum="0.9"), "sine")


def test_the_command_says_it_in_words_and_as_data(capsys):
    asked = [
        "convert",
        "--from",
        "torch",
        "--lr",
        "0.1",
        "--momentum",
        "0.9",
        "--to",
        "keras",
        "--schedule",
        "step",
    ]
    with pytest.raises(SystemExit):
        main(asked)
    assert "multiplied by lr_new/lr_old in every step" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main([*asked, "--format", "json"])
    found = json.loads(capsys.readouterr().out)["schedule"]
    assert (found["same"], found["power"]) == (False, 1)
