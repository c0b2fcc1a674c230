"""The deep-network statements of Ghosh et al. 2023, Cowsik et al. 2022 and Papazov et al. 2024."""

from __future__ import annotations

import math
from collections.abc import Mapping

from verify.networks import trainings
from verify.networks.experiments import Experiment, Prediction, Run

GHOSH = "Ghosh et al. 2023"


def _at_equal_rate(name: str, run: Run, where: str) -> Experiment:
    return Experiment(
        name,
        run,
        (
            Prediction(
                "At equal h/(1-beta) and equal training loss, momentum 0.9 is at smaller curvature "
                f"than none ({where}).",
                f"{GHOSH}, remarks 4.2 and 5.3",
                "log of the ratio of curvatures",
                (-math.inf, 0.0),
                "the interval of the mean lies above 0",
            ),
            Prediction(
                "At equal h/(1-beta) and equal training loss, momentum 0.9 reads more test images "
                f"than none ({where}).",
                f"{GHOSH}, section 6, figure 4 and table 1",
                "gain in accuracy",
                (0.0, math.inf),
                "the interval of the mean lies below 0",
            ),
        ),
        seeds=20,
    )


EXPERIMENTS: Mapping[str, Experiment] = {
    e.name: e
    for e in (
        _at_equal_rate(
            "perceptron", trainings.equal_rate(0.1, 0.05), "one hidden layer, all images at once"
        ),
        _at_equal_rate(
            "perceptron-batches",
            trainings.equal_rate(0.1, 0.05, batch=40),
            "one hidden layer, batches of 40",
        ),
        _at_equal_rate(
            "convolutional",
            trainings.equal_rate(0.03, 0.1, convolutional=True),
            "convolutional, all images at once",
        ),
        _at_equal_rate(
            "convolutional-batches",
            trainings.equal_rate(0.03, 0.1, convolutional=True, batch=40),
            "convolutional, batches of 40",
        ),
        Experiment(
            "best",
            trainings.best,
            (
                Prediction(
                    "After equally many full-batch steps the best momentum at h = 0.1 reads more "
                    "test images than gradient descent at its best h.",
                    f"{GHOSH}, section 6, figures 2 and 3",
                    "gain of the best",
                    (0.0, math.inf),
                    "the interval of the mean lies below 0",
                ),
            ),
        ),
        Experiment(
            "stability",
            trainings.stability,
            (
                Prediction(
                    "At a minimum heavy ball is stable up to h = 2(1+beta)/curvature.",
                    f"{GHOSH}, section 6",
                    "furthest from 1",
                    (-math.inf, 0.05),
                    "the interval of the mean lies above 0.05",
                ),
            ),
        ),
        Experiment(
            "edge",
            trainings.edge,
            (
                Prediction(
                    "Full-batch heavy ball settles where h times the top curvature is 2(1+beta).",
                    f"{GHOSH}, section 6; Cohen et al. 2021",
                    "furthest from 1",
                    (-math.inf, 0.1),
                    "the interval of the mean lies above 0.1",
                ),
            ),
        ),
        Experiment(
            "explicit",
            trainings.explicit,
            (
                Prediction(
                    "Heavy ball is nearer to the flow of E + h(1+beta)/(4(1-beta)^2) |grad E|^2 "
                    "from its shifted start than to gradient flow.",
                    f"{GHOSH}, theorem 4.1",
                    "distance beside that to gradient flow",
                    (-math.inf, 1.0),
                    "the interval of the mean ratio lies above 1",
                ),
            ),
        ),
        Experiment(
            "drift",
            trainings.drift,
            (
                Prediction(
                    "At fixed h the steps that label noise needs to flatten go as (1-beta)^2.",
                    "Cowsik et al. 2022, section 4",
                    "exponent",
                    (1.75, 2.25),
                    "the interval of the mean exponent lies outside 1.75 to 2.25",
                ),
            ),
        ),
        Experiment(
            "level-lines",
            trainings.level_lines,
            (
                Prediction(
                    "Test errors are level along lines of equal h/(1-beta)^2.",
                    "Papazov et al. 2024, figure 2",
                    "spread along beside across",
                    (-math.inf, 0.5),
                    "the interval of the mean lies above 0.5",
                ),
                Prediction(
                    "Lines of equal h/(1-beta)^2 are more level than those of equal h/(1-beta).",
                    "Papazov et al. 2024, proposition 1",
                    "log of the spread beside that at equal h/(1-beta)",
                    (-math.inf, 0.0),
                    "the interval of the mean lies above 0",
                ),
            ),
        ),
    )
}
