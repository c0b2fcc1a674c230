"""Schedules of PyTorch beside the rates that they set, and as the schedule of a rule."""

from collections.abc import Callable
from typing import Any

import pytest

from derive.engine.component_ring import Element
from derive.engine.invariant_manifold import general_flow
from derive.language.bad_input import BadInput
from derive.optimizers.linear import torch_sgd
from derive.optimizers.scheduled_rules import scheduled_buffer
from derive.optimizers.under_schedule import scheduled
from verify.networks.meter import watch
from verify.networks.objects import from_torch


def test_a_schedule_around_a_rule_is_the_scheduled_buffer():
    """The same rule declared twice: b <- beta b + g, x <- x - h eta(t) b."""
    ours = general_flow(
        scheduled(torch_sgd.at(momentum="1/2", dampening=0, nesterov=False)), order=3
    )
    theirs = general_flow(scheduled_buffer.at(beta="1/2"), order=3)
    assert [terms(e) for e in ours.flow["x"]] == [terms(e) for e in theirs.flow["x"]]


def terms(element: Element) -> set[tuple[str, ...]]:
    """The terms of a polynomial, each as its factors, in no order."""
    return {tuple(sorted(t.split("*"))) for t in str(element).replace(" - ", " + -").split(" + ")}


def test_a_rule_with_a_schedule_takes_no_second():
    with pytest.raises(BadInput, match="has a schedule or players already"):
        scheduled(scheduled_buffer)


def sgd(torch: Any, **arguments: Any) -> Any:
    parameter = torch.nn.Parameter(torch.ones(3))
    parameter.grad = torch.ones(3)
    return torch.optim.SGD([parameter], **({"lr": 0.1} | arguments))


SMOOTH: dict[str, dict[str, Any]] = {
    "CosineAnnealingLR": {"T_max": 50, "eta_min": 0.01},
    "ExponentialLR": {"gamma": 0.97},
    "LinearLR": {"start_factor": 0.25, "total_iters": 20},
    "PolynomialLR": {"total_iters": 30, "power": 2.0},
}


@pytest.mark.parametrize("name", SMOOTH)
def test_a_schedule_gives_the_rates_that_pytorch_sets(torch: Any, name: str):
    optimizer = sgd(torch, momentum=0.9)
    scheduler = getattr(torch.optim.lr_scheduler, name)(optimizer, **SMOOTH[name])
    setting = from_torch(optimizer, scheduler)
    for k in range(40):
        (group,) = optimizer.param_groups
        assert setting.h * setting.rate(k) == pytest.approx(group["lr"], rel=1e-12, abs=1e-15)
        optimizer.step()
        scheduler.step()
    assert from_torch(optimizer, scheduler) == setting  # whenever it is asked
    assert setting.whole.schedules == ("eta",)


UNREADABLE: dict[str, Callable[[Any, Any], Any]] = {
    "StepLR": lambda s, o: s.StepLR(o, 10),
    "LambdaLR": lambda s, o: s.LambdaLR(o, lambda k: 1.0),
    "OneCycleLR": lambda s, o: s.OneCycleLR(o, 0.1, total_steps=30),
    "ReduceLROnPlateau": lambda s, o: s.ReduceLROnPlateau(o),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_schedule_with_kinks_is_refused_by_name(torch: Any, name: str):
    optimizer = sgd(torch, momentum=0.9)
    made = UNREADABLE[name](torch.optim.lr_scheduler, optimizer)
    with pytest.raises(BadInput, match=f"{name} is not covered.*CosineAnnealingLR"):
        from_torch(optimizer, made)


def test_a_schedule_of_what_is_no_step_size_or_of_another_optimizer_is_refused(torch: Any):
    schedules = torch.optim.lr_scheduler
    adagrad = torch.optim.Adagrad([torch.nn.Parameter(torch.ones(3))])
    with pytest.raises(BadInput, match="Adagrad is not covered with a scheduler"):
        from_torch(adagrad, schedules.ExponentialLR(adagrad, 0.9))
    with pytest.raises(BadInput, match="of another optimizer"):
        from_torch(sgd(torch), schedules.ExponentialLR(adagrad, 0.9))


def test_a_meter_follows_the_schedule(torch: Any):
    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    data = torch.randn(16, 3), torch.randn(16, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.5)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 20)
    loss = torch.nn.functional.mse_loss
    meter = watch(model, loss, optimizer, data, scheduler=scheduler, every=5)
    for _ in meter.over(10):
        optimizer.zero_grad()
        loss(model(data[0]), data[1]).backward()
        optimizer.step()
        scheduler.step()
    early, late = meter.readings
    assert "schedule" in late.terms
    for reading, share in ((early, (1 + 0.5**0.5) / 2), (late, 0.5)):  # of a cosine, at 1/4 and 1/2
        rate = 0.05 * share
        assert reading.step_times_curvature == pytest.approx(rate * reading.curvature, rel=1e-9)
