"""The mean step of an averaged readout, against the history itself."""

import math

import pytest
import sympy

from derive.batches.averaged_readout import G, H, Q, S, adam_mean_step, mean_step

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
