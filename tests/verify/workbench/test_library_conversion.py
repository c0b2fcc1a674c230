"""Which optimizers of two libraries are one iteration, and where others part."""

import pytest

from derive.language.bad_input import BadInput
from verify.report.library_conversion import as_json, as_text
from verify.workbench.library_conversion import convert_library


@pytest.mark.parametrize(
    ("source", "target", "arguments", "found"),
    [
        ("torch.AdamW", "optax.adamw", {"betas": (0.8, 0.99)}, {"b1": 0.8, "b2": 0.99}),
        ("torch.Adam", "optax.adamw", {"weight_decay": 0.1, "decoupled_weight_decay": True}, {}),
        ("optax.adamax", "torch.Adamax", {"b1": 0.7, "eps": 1e-6}, {"betas": (0.7, 0.999)}),
        ("torch.RMSprop", "optax.rmsprop", {"centered": True}, {"eps_in_sqrt": False}),
        ("optax.signum", "optax.lion", {"beta": 0.8}, {"b1": 0.8, "b2": 0.8}),
        ("torch.Adadelta", "optax.adadelta", {"weight_decay": 0.2}, {"weight_decay": 0.2}),
        ("torch.SGD", "optax.sgd", {"momentum": 0.9, "nesterov": True}, {"nesterov": True}),
        ("torch.NAdam", "keras.Nadam", {"momentum_decay": 1.0}, {"beta_1": 0.9}),
        ("optax.rmsprop", "keras.RMSprop", {"momentum": 0.9}, {"epsilon": 1e-8}),
    ],
)
def test_the_same_iteration_is_found_there_and_back(source, target, arguments, found):
    there = convert_library(source, target, arguments)
    assert not there.differs
    assert there.found.items() >= found.items()
    known = {name: there.found[name] for name in there.target.defaults if name in there.found}
    assert not convert_library(target, source, known).differs


@pytest.mark.parametrize(
    ("source", "target", "arguments", "differs", "step"),
    [
        ("torch.Adam", "torch.AdamW", {"weight_decay": 0.1}, {"coupled", "decoupled"}, 1),
        ("torch.Adam(amsgrad=True)", "optax.amsgrad", {}, {"corrected_top"}, 2),
        ("torch.RAdam", "optax.radam", {}, {"raw_eps"}, 6),
        ("torch.NAdam", "optax.nadam", {}, {"rule"}, 1),
        ("torch.Adagrad", "optax.adagrad", {}, {"eps", "eps_root"}, 1),
        ("torch.RMSprop", "optax.adam", {}, {"rule"}, 1),
        ("optax.adam", "torch.Adam", {"eps_root": 1e-3}, {"eps_root"}, 1),
        ("optax.rmsprop", "torch.RMSprop", {"bias_correction": True}, {"corrected"}, 1),
        ("optax.adam", "optax.contrib.adopt", {}, {"rule"}, 1),
        ("torch.Adam", "keras.Adam", {}, {"rule"}, 1),
        ("torch.Adagrad(lr_decay)", "torch.Adagrad", {"lr_decay": 0.1}, {"rule"}, 2),
    ],
)
def test_others_part_at_the_first_step_that_feels_what_differs(
    source, target, arguments, differs, step
):
    """RAdam takes its first adaptive step in step 6; the first maximum is of one value."""
    found = convert_library(source, target, arguments)
    assert set(found.differs) >= differs
    assert found.parts_at == step
    assert f"part in step {step}" in as_text(found)
    assert as_json(found)["same"] is False


def test_without_its_epsilon_the_adam_of_keras_is_pytorchs():
    found = convert_library("torch.Adam", "keras.Adam", {"eps": 0.0})
    assert found.parts_at is None
    assert "keras-adam: Adam in the second form" in as_text(found)


def test_without_its_epsilon_radam_is_one_in_both_libraries():
    found = convert_library("torch.RAdam", "optax.radam", {"eps": 0.0})
    assert found.parts_at is None
    assert "stay together" in as_text(found)


@pytest.mark.parametrize(
    ("source", "arguments", "message"),
    [
        ("torch.LBFGS", {}, "follows no flow"),
        ("torch.Muon", {}, "matrices"),
        ("torch.AdamW", {"beta": 1.0}, "has no argument"),
        ("torch.AdamW", {"betas": 0.9}, "takes 2 numbers as betas"),
        ("torch.AdamW", {"lr": (0.1, 0.2)}, "takes one number as lr"),
        ("optax.lionn", {}, "Did you mean 'optax.lion'"),
    ],
)
def test_what_cannot_be_converted_is_said(source, arguments, message):
    with pytest.raises(BadInput, match=message):
        convert_library(source, "optax.adamw", arguments)
