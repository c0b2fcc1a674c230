"""`undertow momentum`, as text and as JSON."""

import json

import pytest

from verify.cli import main

BASE = ["momentum", "--lr", "1e-3", "--hessian-top", "50"]


def run(capsys, *more: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        main([*BASE, *more])
    assert stopped.value.code == 0
    return capsys.readouterr().out


def test_it_prints_the_choices_and_what_they_rest_on(capsys):
    text = run(capsys, "--label-noise", "1/10", "--trace-curvature", "2", "--set", "beta=0.9")
    head, *_, last = text.splitlines()
    assert head == "heavy-ball   step size 1/1000, curvature 50"
    assert "fastest" in text
    assert "0.0760000" not in text
    assert "0.076" in text  # 2 (1 + 9/10)/50
    assert last.strip() == "training is fastest where relaxation and drift take equally long"


def test_json_has_exact_numbers_beside_decimals(capsys):
    found = json.loads(run(capsys, "--set", "beta=9/10", "--format", "json"))
    (given,) = (choice for choice in found["choices"] if choice["name"] == "given")
    assert given["largest_step"] == {"exact": "19/250", "decimal": 0.076}
    assert given["drift"] is None
    assert "prefactor" in found["missing"]["matched"]
    assert found["closed_forms"]["fastest"] == "(1 - sqrt(z))**2"


def test_a_mistake_is_one_sentence(capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*BASE, "--set", "beta=1"])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("undertow: beta = 1 is outside (-1, 1)")


@pytest.mark.parametrize("lr", ["1e-3", "1e-150", "1e-330"])
def test_at_the_fastest_momentum_the_slowest_mode_takes_twice_as_long_as_a_flat_one(capsys, lr):
    found = json.loads(run(capsys, "--lr", lr, "--format", "json"))
    (fastest,) = found["choices"]  # beta = (1 - sqrt z)^2, and the modes shrink by 1 - sqrt z
    slowest, flat = (fastest[name]["decimal"] for name in ("slowest", "mixed"))
    assert slowest == pytest.approx(2 * flat, rel=1e-12)
