"""Which rule is each optimizer of Keras that has one here, at which arguments?

An argument is named as Keras 3 names it; a decay is decoupled in all of them.
"""

from __future__ import annotations

from typing import Any

from derive.language.update_rule import Optimizer
from derive.optimizers import adam_family, adaptive, linear, scaled
from derive.optimizers.settings import LibraryOptimizer


def _keras(name: str, rule: Optimizer, **data: Any) -> LibraryOptimizer:
    data["at"] = {"h": "learning_rate", "decoupled": "weight_decay"} | data["at"]
    data["defaults"] = {"learning_rate": 1e-3, "weight_decay": 0.0} | data["defaults"]
    return LibraryOptimizer("keras", name, rule, **data)


BETAS = {"beta1": "beta_1", "beta2": "beta_2"}
SMALL = {"epsilon": 1e-7}
PRESET = {"beta_1": 0.9, "beta_2": 0.999, **SMALL}

KERAS = (
    _keras(
        "SGD",
        linear.torch_sgd,
        at={"momentum": "momentum", "dampening": 0.0, "nesterov": "nesterov"},
        defaults={"learning_rate": 1e-2, "momentum": 0.0, "nesterov": False},
    ),
    _keras(
        "RMSprop",
        scaled.library_rmsprop,
        at={
            "beta2": "rho",
            "eps": 0,
            "eps_root": "epsilon",
            "mu": "momentum",
            "initial": 0,
            "centered": "centered",
            "nesterov": False,
            "corrected": False,
        },
        defaults={"rho": 0.9, "momentum": 0.0, **SMALL, "centered": False},
    ),
    _keras(
        "Adam",
        adam_family.keras_adam,
        at={**BETAS, "eps": "epsilon"},
        defaults=PRESET,
        only={"amsgrad": False},
    ),
    _keras(
        "AdamW",
        adam_family.keras_adam,
        at={**BETAS, "eps": "epsilon"},
        defaults={**PRESET, "weight_decay": 4e-3},
        only={"amsgrad": False},
    ),
    _keras(
        "Nadam",
        adam_family.torch_nadam,
        at={**BETAS, "eps": "epsilon", "psi": 1.0},
        defaults=PRESET,
    ),
    _keras(
        "Adagrad",
        scaled.library_adagrad,
        at={
            "h": lambda a: a["learning_rate"] ** 2,
            "eps": 0,
            "eps_root": lambda a: a["learning_rate"] ** 2 * a["epsilon"],
            "initial": lambda a: a["learning_rate"] ** 2 * a["initial_accumulator_value"],
            "decoupled": lambda a: a["weight_decay"] / a["learning_rate"],
        },
        defaults={"initial_accumulator_value": 0.1, **SMALL},
    ),
    _keras(
        "Adadelta",
        scaled.adadelta,
        at={"rho": "rho", "eps": "epsilon"},
        defaults={"rho": 0.95, **SMALL},
    ),
    _keras("Lion", adaptive.lion, at=BETAS, defaults={"beta_1": 0.9, "beta_2": 0.99}),
)
