"""Which rule is each alias of optax, at which arguments, and which follows no flow?

An argument is named as optax 0.2.8 names it; of `contrib` are those that have a rule here.
"""

from __future__ import annotations

from typing import Any

from derive.language.update_rule import Optimizer
from derive.optimizers import adam_family, adam_kin, adaptive, averaged, linear, scaled
from derive.optimizers.settings import LibraryOptimizer
from derive.optimizers.through_maps import muon


def _optax(name: str, rule: Optimizer | None = None, **data: Any) -> LibraryOptimizer:
    if rule:
        data["at"] = {"h": "learning_rate"} | data["at"]
        data["defaults"] = {"learning_rate": 1e-3} | data["defaults"]
    return LibraryOptimizer("optax", name, rule, **data)


MOMENTS = {"beta1": "b1", "beta2": "b2", "eps": "eps", "eps_root": "eps_root", "corrected": True}
B = {"b1": 0.9, "b2": 0.999}
E = {"eps": 1e-8, "eps_root": 0.0}
DECOUPLED = {"decoupled": "weight_decay"}


def _adams(name: str, nesterov: bool, decay: bool) -> LibraryOptimizer:
    return _optax(
        name,
        adam_family.library_adam,
        at={**MOMENTS, "nesterov": nesterov, **(DECOUPLED if decay else {})},
        defaults={**B, **E, **({"weight_decay": 1e-4} if decay else {})},
    )


def _maxes(name: str, decay: bool) -> LibraryOptimizer:
    return _optax(
        name,
        adam_kin.adamax,
        at={
            "beta1": "b1",
            "beta2": "b2",
            "eps": "eps",
            "corrected": True,
            **(DECOUPLED if decay else {}),
        },
        defaults={**B, "eps": 1e-8, **({"weight_decay": 1e-4} if decay else {})},
    )


OPTAX = (
    _optax(
        "sgd",
        linear.torch_sgd,
        at={"momentum": "momentum", "dampening": 0.0, "nesterov": "nesterov"},
        defaults={"momentum": 0.0, "nesterov": False},
    ),
    _adams("adam", False, False),
    _adams("adamw", False, True),
    _adams("nadam", True, False),
    _adams("nadamw", True, True),
    _optax(
        "amsgrad",
        adam_family.amsgrad,
        at={**MOMENTS, "corrected_top": True, "rising": True},
        defaults={**B, **E},
    ),
    _optax(
        "radam",
        adam_kin.radam,
        at={k: v for k, v in MOMENTS.items() if k != "corrected"}
        | {"raw_eps": False, "nesterov": "nesterov"},
        defaults={**B, **E, "nesterov": False},
        only={"threshold": 5.0},
    ),
    _maxes("adamax", False),
    _maxes("adamaxw", True),
    _optax(
        "adabelief",
        adam_kin.adabelief,
        at={**MOMENTS, "nesterov": "nesterov"},
        defaults={**B, "eps": 1e-16, "eps_root": 1e-16, "nesterov": False},
    ),
    _optax(
        "adan",
        adam_kin.adan,
        at={**MOMENTS, "beta3": "b3", **DECOUPLED},
        defaults={
            "b1": 0.98,
            "b2": 0.92,
            "b3": 0.99,
            "eps": 1e-8,
            "eps_root": 1e-8,
            "weight_decay": 0.0,
        },
    ),
    _optax(
        "rmsprop",
        scaled.library_rmsprop,
        at={
            "beta2": "decay",
            "eps": lambda a: 0.0 if a["eps_in_sqrt"] else a["eps"],
            "eps_root": lambda a: a["eps"] if a["eps_in_sqrt"] else 0.0,
            "mu": "momentum",
            "initial": "initial_scale",
            "centered": "centered",
            "nesterov": "nesterov",
            "corrected": "bias_correction",
        },
        defaults={
            "decay": 0.9,
            "eps": 1e-8,
            "eps_in_sqrt": True,
            "momentum": 0.0,
            "initial_scale": 0.0,
            "centered": False,
            "nesterov": False,
            "bias_correction": False,
        },
    ),
    _optax(
        "adagrad",
        scaled.library_adagrad,
        at={
            "h": lambda a: a["learning_rate"] ** 2,
            "eps": 0,
            "eps_root": lambda a: a["learning_rate"] ** 2 * a["eps"],
            "initial": lambda a: a["learning_rate"] ** 2 * a["initial_accumulator_value"],
        },
        defaults={"initial_accumulator_value": 0.1, "eps": 1e-7},
    ),
    _optax(
        "adadelta",
        scaled.adadelta,
        at={"rho": "rho", "eps": "eps", "coupled": "weight_decay"},
        defaults={"rho": 0.9, "eps": 1e-6, "weight_decay": 0.0},
    ),
    _optax(
        "lion",
        adaptive.lion,
        at={"beta1": "b1", "beta2": "b2", **DECOUPLED},
        defaults={"b1": 0.9, "b2": 0.99, "weight_decay": 1e-3},
    ),
    _optax("signum", adaptive.lion, at={"beta1": "beta", "beta2": "beta"}, defaults={"beta": 0.9}),
    _optax("sign_sgd", adaptive.lion, at={"beta1": 0, "beta2": 0}, defaults={}),
    _optax(
        "lamb",
        scaled.library_lamb,
        at={**MOMENTS, "lam": "weight_decay"},
        defaults={**B, "eps": 1e-6, "eps_root": 0.0, "weight_decay": 0.0},
    ),
    _optax(
        "lars",
        scaled.lars,
        at={
            "mu": "momentum",
            "trust": "trust_coefficient",
            "eps": "eps",
            "nesterov": "nesterov",
            "coupled": "weight_decay",
        },
        defaults={
            "momentum": 0.9,
            "trust_coefficient": 1e-3,
            "eps": 0.0,
            "nesterov": False,
            "weight_decay": 0.0,
        },
    ),
    _optax(
        "novograd",
        scaled.novograd,
        at={k: v for k, v in MOMENTS.items() if k != "corrected"} | {"lam": "weight_decay"},
        defaults={"b1": 0.9, "b2": 0.25, "eps": 1e-6, "eps_root": 0.0, "weight_decay": 0.0},
    ),
    _optax("fromage", scaled.fromage, at={}, defaults={}),
    _optax(
        "optimistic_gradient_descent",
        linear.optimistic_gradient,
        at={"alpha": "alpha", "beta": "beta"},
        defaults={"alpha": 1.0, "beta": 1.0},
    ),
    _optax(
        "optimistic_adam_v2",
        adam_kin.optimistic_adam,
        at={**MOMENTS, "alpha": "alpha", "beta": "beta", "nesterov": "nesterov"},
        defaults={**B, **E, "alpha": 1.0, "beta": 1.0, "nesterov": True},
    ),
    _optax(
        "contrib.ademamix",
        adam_kin.ademamix,
        at={**MOMENTS, "beta3": "b3", "alpha": "alpha", **DECOUPLED},
        defaults={**B, "b3": 0.9999, "alpha": 5.0, **E, "weight_decay": 0.0},
    ),
    _optax(
        "contrib.adopt",
        adam_kin.adopt,
        at={"beta1": "b1", "beta2": "b2", "eps": "eps"},
        defaults={"b1": 0.9, "b2": 0.9999, "eps": 1e-6},
        only={"use_clipping": False, "nesterov": False},
    ),
    _optax(
        "contrib.adopt(use_clipping=True)",
        why="it clips at the fourth root of the number of the step, which is no power of h; from "
        "the step on in which its scaled gradients are below that, it is optax.contrib.adopt",
    ),
    _optax(
        "contrib.schedule_free_sgd",
        averaged.schedule_free_sgd,
        at={"beta": "b1"},
        defaults={"b1": 0.9},
    ),
    _optax(
        "contrib.muon",
        muon,
        at={"mu": "beta", "nesterov": "nesterov", "corrected": True, **DECOUPLED},
        defaults={"beta": 0.95, "nesterov": True, "weight_decay": 0.0},
    ),
    _optax("adafactor", why="as torch's: its second moment is kept 1 - k^(-0.8) times in step k"),
    _optax("lbfgs", why="a line search chooses its step"),
    _optax("noisy_sgd", why="it adds noise to every step, and what it follows is no curve"),
    _optax(
        "optimistic_adam", why="its weight of optimism is no multiple of h; take optimistic_adam_v2"
    ),
    _optax("polyak_sgd", why="its step is the gap of the loss over the squared gradient, not h"),
    _optax("rprop", why="its step sizes grow by a factor until a gradient changes its sign"),
    _optax("sm3", why="its accumulator adds squared gradients, and is shared by rows and columns"),
    _optax("yogi", why="its second moment moves by a full share of g^2 to and fro about g^2"),
)
