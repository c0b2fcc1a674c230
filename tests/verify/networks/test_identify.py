"""What a black box tells, and that planted slips are found."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from derive.language.bad_input import BadInput
from derive.optimizers.libraries import LIBRARIES
from tests.verify.commands.test_cli import undertow
from tests.verify.networks.own_optimizers import Adam, Damped, Noisy
from verify.networks.boxes import find_box, optax_box, stepping_box, torch_box
from verify.networks.naming import identify
from verify.networks.objects import from_optax, from_torch
from verify.networks.probing import probe, rational

pytest.importorskip("scipy", reason="arguments are found by scipy's least squares")
OWN = Path(__file__).parent / "own_optimizers.py"
GIVEN = {"lr": 0.001}


def test_adam_written_by_hand_is_adam():
    found = identify(stepping_box(Adam), "torch.Adam", GIVEN)
    assert found.parting is None
    assert str(found.found) == "torch.Adam(lr=0.001)"


@pytest.mark.parametrize(
    ("slip", "step", "told"),
    [
        ("swapped", 1, "torch.Adam(lr=0.001, betas=(0.999, 0.9))"),
        ("inside", 0, "optax.adam(learning_rate=0.001, eps=0.0, eps_root=1e-08)"),
        ("late", 0, "torch.Adam(lr=0.001) with the number of the step +1"),
        ("uncorrected", 0, "torch.Adam(lr=0.001) with 'corrected' switched over"),
    ],
)
def test_a_slip_in_adam_is_found(slip: str, step: int, told: str):
    found = identify(stepping_box(lambda: Adam(slip=slip)), "torch.Adam", GIVEN)
    assert found.parting is not None
    assert found.parting.step == step
    assert str(found.found) == told


def test_dampening_in_the_first_step_is_found():
    given = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}
    found = identify(stepping_box(Damped), "torch.SGD", given)
    assert found.parting is not None
    assert found.parting.step == 0
    assert rational(found.parting.gives / found.parting.claimed, 1e-12) == Fraction(1, 2)
    assert "a first step as every other" in str(found.found)
    assert found.findings.kernel[:3] == (Fraction(1, 20), Fraction(9, 200), Fraction(81, 2000))
    assert found.findings.poles == (Fraction(9, 10),)


def test_an_unknown_convention_is_named_without_a_claim():
    found = identify(stepping_box(lambda: Adam(lr=0.03, betas=(0.8, 0.97), eps=1e-6)))
    assert str(found.found) in {
        "torch.Adam(lr=0.03, betas=(0.8, 0.97), eps=1e-06)",
        "optax.adam(learning_rate=0.03, b1=0.8, b2=0.97, eps=1e-06)",
    }


def test_what_is_not_repeatable_is_nobody():
    found = identify(stepping_box(Noisy), "torch.SGD", {"lr": 0.1})
    assert not found.findings.repeatable
    assert found.found is None


def test_poles_and_kernel_of_two_memories():
    class Two:
        def __init__(self):
            self.a = self.b = 0.0

        def step(self, x, g):
            self.a, self.b = 0.5 * self.a + g, 0.75 * self.b + g
            return x - 0.5 * self.a - 0.25 * self.b

    found = probe(stepping_box(Two))
    assert found.linear
    assert set(found.poles) == {Fraction(1, 2), Fraction(3, 4)}
    assert found.kernel[:2] == (Fraction(3, 4), Fraction(7, 16))


def test_decay_is_coupled_or_decoupled_at_its_rate(torch: Any):
    adam = {"lr": 0.01, "weight_decay": 0.1}
    coupled = probe(torch_box(lambda x: torch.optim.Adam(x, **adam)))
    beside = probe(torch_box(lambda x: torch.optim.AdamW(x, **adam)))
    assert (coupled.decay, coupled.rate) == ("coupled", None)
    assert (beside.decay, beside.rate) == ("decoupled", Fraction(1, 1000))


@pytest.mark.parametrize("one", [o for o in LIBRARIES.values() if o.library == "torch"], ids=str)
def test_every_class_of_torch_is_named_or_refused(one, torch: Any):
    box = find_box(f"torch.optim.{one.name.partition('(')[0]}", one.only)
    if one.name in ("LBFGS", "SparseAdam"):
        with pytest.raises(BadInput, match="fails in its first steps"):
            identify(box, str(one))
        return
    found = identify(box, str(one))
    assert found.parting is None
    assert (found.found is None) == (one.rule is None)


@pytest.mark.parametrize(
    "one", [o for o in LIBRARIES.values() if o.library == "optax" and o.rule], ids=str
)
def test_every_alias_of_optax_is_named(one, optax: Any):
    given = {"learning_rate": 0.001, **one.only}
    found = identify(find_box(str(one), given), str(one), given)
    assert found.parting is None
    assert found.found is not None


def test_adam_of_keras_is_told_from_that_of_pytorch_by_its_epsilon():
    class KerasAdam:
        """Its epsilon stands beside the root that is not corrected."""

        def __init__(self) -> None:
            self.m = self.v = self.k = 0

        def step(self, x: np.ndarray, g: np.ndarray) -> np.ndarray:
            self.m, self.v, self.k = (
                0.9 * self.m + 0.1 * g,
                0.999 * self.v + 0.001 * g**2,
                self.k + 1,
            )
            rate = 0.001 * np.sqrt(1 - 0.999**self.k) / (1 - 0.9**self.k)
            return x - rate * self.m / (np.sqrt(self.v) + 1e-7)

    box = stepping_box(KerasAdam)
    assert str(identify(box, library="keras").found) == "keras.Adam()"
    parting = identify(box, "torch.Adam", {"lr": 0.001}, library="keras").parting
    assert parting is not None
    assert parting.step == 0


def test_a_rate_that_follows_a_schedule_is_no_constant_one(optax: Any):
    with pytest.raises(BadInput, match="known here, at a constant rate"):
        from_optax(optax.sgd(optax.cosine_decay_schedule(0.1, 1000), momentum=0.9))


@pytest.mark.parametrize("name", ["polyak_sgd", "lbfgs"])
def test_a_transformation_that_asks_for_the_loss_is_told(name: str, optax: Any):
    with pytest.raises(BadInput, match="asks for the loss in each step"):
        identify(find_box(f"optax.{name}", {}))


@pytest.mark.parametrize(
    ("name", "given", "arguments"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, ("h", 0.1)),
        ("AdamW", {"lr": 0.01}, ("decoupled", 0.01)),
        ("Adam", {"weight_decay": 0.5, "amsgrad": True}, ("coupled", 0.5)),
        ("Adagrad", {"lr": 0.5, "lr_decay": 0.25, "weight_decay": 0.125}, ("coupled", 0.125)),
    ],
)
def test_the_rule_of_an_object_of_torch(name, given, arguments, torch: Any):
    x = torch.nn.Parameter(torch.zeros(3))
    made = getattr(torch.optim, name)([x], **given)
    found = from_torch(made)
    assert getattr(found, arguments[0]) == arguments[1]
    assert found.exact.parameters == ()


def test_what_is_not_covered_is_refused_by_name(torch: Any):
    x, y = (torch.nn.Parameter(torch.zeros(3)) for _ in "xy")
    groups = [{"params": [x]}, {"params": [y], "lr": 0.5}]
    for made, said in [
        (torch.optim.Rprop([x]), "torch.Rprop follows no flow"),
        (torch.optim.SGD(groups, lr=0.1), "groups that differ in lr"),
        (torch.optim.RMSprop([x], centered=True, maximize=False), None),
    ]:
        if said is None:
            assert from_torch(made).values["centered"]
            continue
        with pytest.raises(BadInput, match=said):
            from_torch(made)


def test_the_rule_of_a_transformation_of_optax(optax: Any):
    found = from_optax(optax.adamw(0.01, b1=0.8, weight_decay=0.125))
    assert (found.h, found.decoupled) == (0.01, 0.125)
    assert dict(found.values)["beta1"] == 0.8
    with pytest.raises(BadInput, match="what optax"):
        from_optax(3)


def test_a_box_of_optax_starts_afresh(optax: Any):
    box = optax_box(optax.sgd(0.1, momentum=0.5))
    ones = [np.ones(2)] * 3
    assert np.array_equal(box(np.zeros(2), ones), box(np.zeros(2), ones))


def test_the_command_says_what_it_is_and_exits_1_where_it_is_not(capsys):
    name = f"{OWN}:Adam"
    code, out, _ = undertow(capsys, "identify", name, "--as", "torch.Adam", "--set", "lr=0.001")
    assert code == 0
    assert "It is torch.Adam(lr=0.001); undertow derive library-adam" in out
    code, out, _ = undertow(
        capsys, "identify", f"{OWN}:Damped", "--as", "torch.SGD", "--set", "lr=0.1",
        "--set", "momentum=0.9", "--set", "dampening=0.5", "--format", "json",
    )  # fmt: skip
    found = json.loads(out)
    assert code == 1
    assert found["parting"]["step"] == 0
    assert found["findings"]["poles"] == ["9/10"]
    assert found["is"]["rule"] == "torch-sgd"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nonsense",), "write torch.optim.SGD, optax.adam or my_opt.py:MyOptimizer"),
        ((f"{OWN}:NoStep",), "no step"),
        ((f"{OWN}:Nobody",), "no optimizer called 'Nobody'"),
        ((f"{OWN}:Silent",), "gives no next x: its shape is (), not (8,)"),
        ((f"{OWN}:Leaving",), "does not take these arguments"),
        ((f"{OWN}:Adam", "--set", "beta=1"), "does not take these arguments"),
        ((f"{OWN}:Adam", "--as", "torch.AdmaW"), "Did you mean 'torch.AdamW'"),
        ((f"{OWN}:Adam", "--as", "torch.Adam", "--set", "slip=1e999999"), "--set slip"),
    ],
)
def test_bad_input_is_one_sentence(capsys, arguments: tuple[str, ...], said: str):
    code, _, error = undertow(capsys, "identify", *arguments)
    assert code == 2
    assert said in error
    assert error.count("\n") == 1
