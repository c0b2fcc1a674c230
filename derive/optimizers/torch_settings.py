"""Which rule is each optimizer of torch.optim, at which arguments, and which follows no flow?

An argument is named as PyTorch 2.13 names it; `betas.0` is the first of a pair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from derive.language.update_rule import Optimizer
from derive.optimizers import adam_family, adam_kin, averaged, linear, scaled
from derive.optimizers.settings import Argument, LibraryOptimizer
from derive.optimizers.through_maps import muon


def _torch(name: str, rule: Optimizer | None = None, **data: Any) -> LibraryOptimizer:
    """PyTorch's common arguments: coupled decay and the sign of the loss."""
    if rule:
        data["at"] = {"coupled": "weight_decay", "maximize": "maximize"} | data["at"]
        data["defaults"] = {"weight_decay": 0.0, "maximize": False} | data["defaults"]
    return LibraryOptimizer("torch", name, rule, **data)


BETAS = {"beta1": "betas.0", "beta2": "betas.1", "eps": "eps"}
PRESET = {"betas": (0.9, 0.999), "eps": 1e-8}
ADAM = {**BETAS, "eps_root": 0, "corrected": True, "nesterov": False}


def _either(decoupled: bool) -> Callable[[Mapping[str, Any]], float]:
    return lambda a: a["weight_decay"] if a["decoupled_weight_decay"] is decoupled else 0.0


ADAGRAD: Mapping[str, Argument] = {
    "h": lambda a: a["lr"] ** 2,
    "eps": lambda a: a["lr"] * a["eps"],
    "eps_root": 0,
    "initial": lambda a: a["lr"] ** 2 * a["initial_accumulator_value"],
}
EITHER = {"coupled": _either(False), "decoupled": _either(True)}

TORCH = (
    _torch(
        "SGD",
        linear.torch_sgd,
        at={"momentum": "momentum", "dampening": "dampening", "nesterov": "nesterov"},
        defaults={"lr": 1e-3, "momentum": 0.0, "dampening": 0.0, "nesterov": False},
    ),
    _torch(
        "ASGD",
        averaged.averaged_sgd,
        at={"lam": "lambd", "power": "alpha", "t0": lambda a: a["t0"] * a["lr"], "before": True},
        defaults={"lr": 1e-2, "lambd": 1e-4, "alpha": 0.75, "t0": 1e6},
    ),
    _torch(
        "RMSprop",
        scaled.library_rmsprop,
        at={
            "beta2": "alpha",
            "eps": "eps",
            "eps_root": 0,
            "mu": "momentum",
            "initial": 0,
            "centered": "centered",
            "nesterov": False,
            "corrected": False,
        },
        defaults={"lr": 1e-2, "alpha": 0.99, "eps": 1e-8, "momentum": 0.0, "centered": False},
    ),
    _torch(
        "Adagrad",
        scaled.library_adagrad,
        at=ADAGRAD,
        defaults={"lr": 1e-2, "eps": 1e-10, "initial_accumulator_value": 0.0},
        only={"lr_decay": 0.0},
    ),
    _torch(
        "Adagrad(lr_decay)",
        scaled.fading_adagrad,
        at={**ADAGRAD, "decay": lambda a: a["lr_decay"] / a["lr"] ** 2},
        defaults={"lr": 1e-2, "lr_decay": 0.0, "eps": 1e-10, "initial_accumulator_value": 0.0},
    ),
    _torch(
        "Adadelta",
        scaled.adadelta,
        at={"rho": "rho", "eps": "eps"},
        defaults={"lr": 1.0, "rho": 0.9, "eps": 1e-6},
    ),
    _torch(
        "Adam",
        adam_family.library_adam,
        at=ADAM | EITHER,
        defaults={"lr": 1e-3, **PRESET, "decoupled_weight_decay": False},
        only={"amsgrad": False},
    ),
    _torch(
        "AdamW",
        adam_family.library_adam,
        at=ADAM | {"coupled": 0.0, "decoupled": "weight_decay"},
        defaults={"lr": 1e-3, **PRESET, "weight_decay": 1e-2},
        only={"amsgrad": False},
    ),
    _torch(
        "Adam(amsgrad=True)",
        adam_family.amsgrad,
        at={**BETAS, "eps_root": 0, "corrected": True, "corrected_top": False, "rising": True},
        defaults={"lr": 1e-3, **PRESET},
        only={"amsgrad": True},
    ),
    _torch(
        "NAdam",
        adam_family.torch_nadam,
        at={**BETAS, "psi": "momentum_decay", **EITHER},
        defaults={"lr": 2e-3, **PRESET, "momentum_decay": 4e-3, "decoupled_weight_decay": False},
    ),
    _torch(
        "RAdam",
        adam_kin.radam,
        at={**BETAS, "eps_root": 0, "raw_eps": True, "nesterov": False, **EITHER},
        defaults={"lr": 1e-3, **PRESET, "decoupled_weight_decay": False},
    ),
    _torch(
        "Adamax",
        adam_kin.adamax,
        at={**BETAS, "corrected": True},
        defaults={"lr": 2e-3, **PRESET},
    ),
    LibraryOptimizer(
        "torch",
        "Muon",
        muon,
        at={
            "mu": "momentum",
            "nesterov": "nesterov",
            "corrected": False,
            "decoupled": "weight_decay",
        },
        defaults={"lr": 1e-3, "momentum": 0.95, "nesterov": True, "weight_decay": 0.1},
    ),
    _torch(
        "Adafactor",
        why="its second moment is kept 1 - k^(-0.8) times in step k and its step shrinks as the "
        "number of steps, which no power of h replaces",
    ),
    _torch("LBFGS", why="it solves for its step from pairs of differences that tend to 0 with h"),
    _torch("Rprop", why="its step sizes grow by a factor until a gradient changes its sign"),
    _torch("SparseAdam", why="the memory of an entry waits while it has no gradient"),
)
