"""Simulated runs and their prediction, against exact enumeration and against wrong predictions."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from flint import fmpq

from derive.language.update_rule import BadInput
from verify.formulas.reading import loss_from_text
from verify.models.batch_sequences import all_sequences
from verify.models.noisy_quadratic import NoisyQuadratic, iterate_moments
from verify.simulations.sgd_moments import BatchedTraining, predict, simulate

SAMPLINGS = ("with-replacement", "reshuffled", "cyclic")
every_sampling = pytest.mark.parametrize("sampling", SAMPLINGS)


def experiment(*losses: str, sampling: str, **changes) -> BatchedTraining:
    start = [1.0] * loss_from_text(losses[0]).dimension
    world = BatchedTraining([loss_from_text(t) for t in losses], start, 0.1, 0.6, 6, sampling)
    return replace(world, **changes)


def enumerated(world: BatchedTraining) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance at each step over every sequence of batches."""
    paths = []
    for sequence in all_sequences(world.sampling, len(world.losses), world.steps):
        x, v, path = list(world.start), [0.0] * len(world.start), [list(world.start)]
        for n in sequence:
            slope = world.losses[n].gradient.run(x, [float(c) for c in _constants(world, n)])
            v = [world.beta * a - world.h * g for a, g in zip(v, slope, strict=True)]
            x = [a + b for a, b in zip(x, v, strict=True)]
            path.append(x)
        paths.append(path)
    return np.mean(paths, axis=0), np.var(paths, axis=0)


def _constants(world: BatchedTraining, n: int) -> list[float]:
    return [int(c.p) / int(c.q) for c in world.losses[n].gradient.constants]


@every_sampling
def test_the_prediction_is_exact_for_quadratics_of_one_hessian(sampling):
    world = experiment(
        "(x-1)^2 + x*y + y^2", "x^2 + x*y + (y-2)^2", "(x+3)^2 + x*y + y^2 + y", sampling=sampling
    )
    mean, variance = enumerated(world)
    found = predict(world)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-9, atol=1e-14)


def test_the_prediction_is_exact_for_quadratics_with_independent_batches():
    world = experiment("(x-1)^2/2", "3*(x+1)^2/2", sampling="with-replacement", steps=8)
    mean, variance = enumerated(world)
    found = predict(world)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(found.variance, variance, rtol=1e-9)
    # gradients x - 1 and 3 x + 3; in z = x + 1/2 their mean is 2 z and they deviate by z + 3/2
    exact = NoisyQuadratic(fmpq(2), fmpq(1), fmpq(9, 4), fmpq(3, 2))
    moments = iterate_moments(exact, fmpq(3, 2), h=fmpq(1, 10), beta=fmpq(3, 5), weight=fmpq(0))
    for k, (first, second) in enumerate(islice(_shifted(moments), 9)):
        assert abs(found.mean[k, 0] - first) < 1e-12
        assert abs(found.variance[k, 0] - (second - first**2)) < 1e-12


def _shifted(moments):
    """The moments of x from those of x + 1/2, whose mean gradient is without a constant."""
    for first, second in moments:
        a, b = (int(q.p) / int(q.q) for q in (first, second))
        yield a - 0.5, b - a + 0.25


@every_sampling
def test_the_error_of_the_prediction_falls_faster_than_what_it_predicts(sampling):
    """Halving h with the steps fixed, the mean is right up to h^2, so that its error is O(h^3)."""
    errors = []
    for h in (0.04, 0.02, 0.01):
        world = experiment("x^4/4 + x", "(x-2)^2", sampling=sampling, h=h, steps=6)
        errors.append(abs(predict(world).mean - enumerated(world)[0]).max())
    assert errors[0] > 6 * errors[1] > 36 * errors[2]


def test_the_simulation_excludes_wrong_samplings_at_five_standard_errors():
    """Different curvatures: the mean differs by the regularizer F, the variance by its factor."""
    losses = ("(x-1)^2/2", "3*(x+1)^2/2")
    world = experiment(*losses, sampling="reshuffled", steps=20)
    measured = simulate(world, runs=60_000, seed=3)
    right = predict(world)
    wrong = predict(replace(world, sampling="with-replacement"))
    k = world.steps
    for found, error, true, planted in (
        (measured.mean, measured.mean_error, right.mean, wrong.mean),
        (measured.variance, measured.variance_error, right.variance, wrong.variance),
    ):
        assert abs(found[k] - planted[k]) > 5 * error[k]
        assert abs(found[k] - true[k]) < abs(found[k] - planted[k]) / 5


def test_independent_batches_agree_with_the_prediction_within_five_standard_errors():
    world = experiment("(x-1)^2/2", "3*(x+1)^2/2", sampling="with-replacement", steps=30)
    measured, right = simulate(world, runs=40_000, seed=5), predict(world)
    assert np.all(abs(measured.mean - right.mean)[1:] < 5 * measured.mean_error[1:])
    off = abs(measured.variance - right.variance)[2:]
    assert np.all(off < 5 * measured.variance_error[2:])


def test_one_seed_gives_one_result():
    world = experiment("x^2", "(x-1)^2", sampling="cyclic")
    first, again, other = (simulate(world, runs=50, seed=s).mean for s in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_a_loss_without_some_coordinates_or_with_a_constant_gradient():
    world = experiment("x", "-x", sampling="cyclic")
    assert simulate(world, runs=10, seed=0).mean[2].shape == (1,)


def test_running_away_is_said():
    world = experiment("-x^4", "-x^4", sampling="reshuffled", h=1.0, steps=30)
    for run in (lambda: simulate(world, runs=3, seed=0), lambda: predict(world)):
        with pytest.raises(BadInput, match="infinity"):
            run()
