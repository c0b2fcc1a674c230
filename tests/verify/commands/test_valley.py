"""`undertow drift` and `undertow sweep`: exact, symbolic and numerical answers, and refusals."""

import json
import math

import numpy as np
import pytest

from verify.cli import main
from verify.simulations.label_noise import settling_times

HYPERBOLA = ["drift", "--loss", "(x*y - 1)**2/2", "--at", "2,1/2"]
NUMBERS = ["--set", "beta=9/10", "--lr", "1/10"]


def run(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        main(list(words))
    shown = capsys.readouterr()
    return stopped.value.code, shown.out, shown.err


def test_numbers_are_exact(capsys):
    code, out, _ = run(capsys, *HYPERBOLA, *NUMBERS, "--format", "json")
    told = json.loads(out)
    assert code == 0
    assert told["exact"] is True
    assert told["dimension"] == 1
    # -(1/2) e^2 (1+b)/(2(1+b) - h lambda) P_L (2x, 2y), e = 1, lambda = 17/4, P_L on (16, -4)/17
    size = -1 / 2 * 1.9 / (3.8 - 0.425) * (4 * 4 - 1 * 1) / 17
    for text, entry in zip(told["drift"]["all"], (4, -1), strict=True):
        top, bottom = map(int, text.split("/"))
        assert abs(top / bottom - size * entry) < 1e-12


def test_parameters_without_a_value_stay_symbols(capsys):
    code, out, _ = run(capsys, *HYPERBOLA)
    assert code == 0
    assert "beta" in out
    assert "h**2" in out
    assert "diffusion   none" in out


def test_a_loss_with_irrational_derivatives_is_done_in_numbers(capsys):
    words = ["drift", "--loss", "(exp(x)*y - 1)^2/2", "--at", "0.69314718,0.5"]
    code, out, _ = run(capsys, *words, *NUMBERS, "--noise", "isotropic", "--format", "json")
    told = json.loads(out)
    assert code == 0
    assert told["exact"] is False
    (a, b), (_, d) = ([float(x) for x in row] for row in told["diffusion"])
    assert abs(a + d - 1) < 1e-9
    assert abs(a * d - b * b) < 1e-9


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([*HYPERBOLA, "--noise", "other"], "none of label"),
        ([*HYPERBOLA, "--noise", "other.txt"], "none of label"),
        ([*HYPERBOLA, "--noise", "1,2;2,1"], "no covariance"),
        ([*HYPERBOLA, "--noise", "1,2"], "2 rows of 2"),
        ([*HYPERBOLA, "--lr", "5", "--set", "beta=0"], "smaller step"),
        ([*HYPERBOLA, "--lr", "-1"], "not positive"),
        (["drift", "--loss", "x*y", "--at", "1"], "1 numbers"),
        (["drift", "--loss", "x^2+y^2", "--at", "0,0"], "isolated"),
        (["drift", "--loss", "(x*y-1)^2", "--at", "1,2"], "--lr and --set"),
        (["drift", "sam", "--loss", "(x*y-1)^2", "--at", "1,1"], "one gradient a step"),
        (["sweep", "--lr", "0.1"], "two or more"),
        (["sweep", "--strength", "1"], "outside"),
        (["sweep", "--replicas", "2"], "outside"),
        (["sweep", "--replicas", "100000"], "minutes"),
        (["sweep", "--lr", "0.1,1e-300"], "minutes"),
        (["sweep", "--strength", "nan"], "--strength"),
        (["sweep", "--strength", "1e330"], "is no float"),
        (["sweep", "--strength", "1e-999999999"], "--strength"),
    ],
    ids=lambda w: w if isinstance(w, str) else "",
)
def test_what_cannot_be_used_is_one_sentence_and_exit_code_2(capsys, words, says):
    code, _, err = run(capsys, *words)
    assert code == 2
    assert says in err
    assert err.count("\n") == 1


def test_a_run_that_grows_beyond_all_floats_has_no_settling_time():
    draw = np.random.default_rng(0)
    dampings = np.array([2.0**-3, 2.0**-9])
    times = settling_times(0.5, dampings, strength=1e-2, replicas=20, generator=draw).mean(1)
    assert math.isfinite(times[0])
    assert math.isinf(times[1])


def test_a_best_momentum_at_an_end_of_those_tried_is_not_known(capsys):
    sweep = ("sweep", "--lr", "0.5,0.4", "--strength", "1e-2", "--replicas", "20")
    code, out, _ = run(capsys, *sweep)
    assert code == 0
    assert "nan" not in out
    assert "not known: the best momentum is the first or the last" in out


def test_a_sweep_prints_a_row_a_step_size(capsys):
    words = ["sweep", "--lr", "0.1,0.02", "--strength", "1e-4", "--replicas", "60"]
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert len(out.splitlines()) == 6
    assert "2/3 where the times match" in out
