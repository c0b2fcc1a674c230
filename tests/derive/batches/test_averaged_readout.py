"""The mean step of an averaged readout, against the history itself."""

import math
from itertools import permutations, product
from typing import Any

import pytest
import sympy

from derive.batches.averaged_readout import (
    G_J,
    Q_J,
    S_IJ,
    S_J,
    G,
    H,
    Q,
    S,
    adam_mean_step,
    mean_step,
)
from derive.batches.averages import CYCLIC, SAMPLINGS, WITH_REPLACEMENT, mean_covariance

B1, B2, EPS = sympy.symbols("beta1 beta2 eps")
LONG = 60
"""How many steps of the past are kept; at beta = 1/2 the rest is below 1e-16."""


def past_step(readout, averaged, kept, noise, ratio, g, curvature):
    """The last step over -h, and what past motion adds over h^2, the batches of the past given:
    noise[j] is that of the gradient j steps ago, and ratio times it that of the curvature."""

    def averages(first):
        return [
            sum((1 - b) * b**j * phi(g + noise[first + j]) for j in range(LONG - first))
            for (phi, _), b in zip(averaged, kept, strict=True)
        ]

    steps = [readout(*averages(s)) for s in range(LONG // 2)]
    moved, gone = [], 0
    for (_, slope), b in zip(averaged, kept, strict=True):
        gone, total = 0, 0
        for j in range(1, LONG // 2):
            gone += steps[j]
            total += (1 - b) * b**j * slope(g + noise[j]) * (curvature + ratio * noise[j]) * gone
        moved.append(total)
    here, tiny = averages(0), 1e-4
    memory = 0.0
    for i, change in enumerate(moved):
        up, down = ([m + sign * tiny * (k == i) for k, m in enumerate(here)] for sign in (1, -1))
        memory -= change * (readout(*up) - readout(*down)) / (2 * tiny)
    return steps[0], memory


CASES = {
    "adam": (
        lambda m, v: m / (math.sqrt(v) + 0.3),
        [(lambda g: g, lambda g: 1.0), (lambda g: g * g, lambda g: 2 * g)],
        (0.5, 0.4),
        adam_mean_step(),
        {B1: 0.5, B2: 0.4, EPS: 0.3},
    ),
    "a cubic of one average": (
        lambda m: m + m**2 / 3 - m**3 / 5,
        [(lambda g: g + g**3 / 4, lambda g: 1 + 3 * g * g / 4)],
        (0.45,),
        mean_step(lambda m: m + m**2 / 3 - m**3 / 5, [(G + G**3 / 4, B1)]),
        {B1: 0.45},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_noise_enters_by_the_second_derivatives_of_the_history(name):
    """The mean through the second power of the noise is half the sum of the second derivatives by
    the noise of each step, times s; q = ratio s where the curvature's noise is a multiple."""
    readout, averaged, kept, found, values = CASES[name]
    g, curvature, ratio, d = 1.3, 0.7, 0.6, 5e-3

    def at(noise):
        return past_step(readout, averaged, kept, noise, ratio, g, curvature)

    still = at([0.0] * LONG)
    bent = [0.0, 0.0]
    for j in range(LONG // 2):
        one, other = (at([sign * d * (i == j) for i in range(LONG)]) for sign in (1, -1))
        for part in (0, 1):
            bent[part] += (one[part] + other[part] - 2 * still[part]) / (2 * d * d)
    given = values | {G: g, H: curvature}
    for part, expr in enumerate((found.drift, found.memory)):
        quiet = float(expr.subs(given | {S: 0, Q: 0}))
        noisy = float(expr.subs(given | {S: 1, Q: ratio})) - quiet
        assert math.isclose(still[part], quiet, rel_tol=1e-7)
        assert math.isclose(bent[part], noisy, rel_tol=2e-4)
        assert not math.isclose(bent[part], 1.01 * noisy, rel_tol=2e-4)


def test_without_noise_the_memory_of_adam_is_its_flow_less_the_discretization():
    found = adam_mean_step().memory.subs({S: 0, Q: 0})
    u = G / (G + EPS)
    ages = B1 / (1 - B1) - B2 / (1 - B2) * G / (G + EPS)
    ages_of_v = -2 * ages * u * H / (2 * (G + EPS))
    positive = sympy.Symbol("g", positive=True)
    assert sympy.simplify((found - ages_of_v).subs(G, positive)) == 0


def test_of_a_linear_readout_it_is_the_mean_loss_of_heavy_ball():
    """At h/(1 - beta) it has h beta/(2 (1 - beta)(1 + beta)) F; here q is half the slope of F."""
    memory = mean_step(lambda m: m, [(G, B1)]).memory
    assert sympy.cancel(memory + B1 / (1 - B1) * H * G + B1 / (1 + B1) * Q) == 0


def in_components(readout, averages, here, there):
    """The last step of component i over -h, and what the motion of j adds over h^2; noise[n] is
    that of the gradient of n steps ago, along one direction."""
    noise, own, curvature = here["noise"], here["g"], here["curvature"]
    count = len(noise)

    def read(component, first):
        return [
            sum(
                (1 - b) * b**n * phi(component["g"] + component["by"] * noise[first + n])
                for n in range(count - first)
            )
            for phi, _, b in averages
        ]

    steps = [readout(*read(there, first)) for first in range(count)]
    here_now, tiny, memory = read(here, 0), 1e-5, 0.0
    for a, (_, slope, b) in enumerate(averages):
        gone, change = 0.0, 0.0
        for n in range(1, count):
            gone += steps[n]
            bent = curvature + here["bent"] * noise[n]
            change += (1 - b) * b**n * slope(own + here["by"] * noise[n]) * bent * gone
        up, down = (
            [m + sign * tiny * (k == a) for k, m in enumerate(here_now)] for sign in (1, -1)
        )
        memory -= change * (readout(*up) - readout(*down)) / (2 * tiny)
    return readout(*here_now), memory


def sequences(sampling, count):
    """The noises of count steps, each sequence as likely as any other, of two batches."""
    if sampling is WITH_REPLACEMENT:
        yield from product((1, -1), repeat=count)
        return
    if sampling is CYCLIC:
        yield from ([sign, -sign] * (count // 2) for sign in (1, -1))
        return
    epochs = list(permutations((1, -1)))
    for chosen in product(epochs, repeat=count // 2 + 1):
        signs = [sign for epoch in chosen for sign in epoch]
        yield signs[:count]
        yield signs[1 : count + 1]


def enumerated(readout, averages, sampling, size, count):
    here: dict[str, Any] = {"g": 1.3, "by": 1.0, "curvature": 0.7, "bent": 0.6}
    there = {"g": -0.8, "by": 0.4}
    total, number = [0.0, 0.0], 0
    for signs in sequences(sampling, count):
        here["noise"] = [size * sign for sign in signs]
        found = in_components(readout, averages, here, there)
        total = [a + b for a, b in zip(total, found, strict=True)]
        number += 1
    return [a / number for a in total]


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=lambda s: s.name)
def test_all_sequences_of_two_batches_agree_to_the_fourth_power_of_the_noise(sampling):
    b1, b2 = 0.06, 0.09  # nothing older than 8 steps counts
    averages = [(lambda g: g, lambda g: 1.0, b1), (lambda g: g * g, lambda g: 2 * g, b2)]
    formula = adam_mean_step(inside=True, sampling=sampling)
    values = {B1: b1, B2: b2, EPS: 0.3, "M": 2, G: 1.3, G_J: -0.8, H: 0.7}

    def off(size):
        s = size**2
        given = values | {S: s, S_IJ: 0.4 * s, S_J: 0.16 * s, Q: 0.6 * s, Q_J: 0.24 * s}
        seen = enumerated(lambda m, v: m / math.sqrt(v + 0.3), averages, sampling, size, 8)
        told = [float(e.subs(given)) for e in (formula.drift, formula.coupled)]
        return [a - b for a, b in zip(seen, told, strict=True)]

    for large, small in zip(off(0.16), off(0.08), strict=True):
        assert abs(large / small / 16 - 1) < 0.1


@pytest.mark.parametrize("sampling", SAMPLINGS.values(), ids=lambda s: s.name)
def test_of_a_linear_readout_it_is_exact_for_every_sampling(sampling):
    """With weights in place of averages, the covariance of the force is that of the averages."""
    found = mean_step(lambda m: m, [(G, B1)], sampling)
    own = mean_covariance(sampling).subs("beta", B1) * (1 - B1) ** 2
    assert found.drift == G
    assert sympy.simplify(found.coupled + B1 / (1 - B1) * (H * G_J + own * Q_J)) == 0
