"""A network's training beside its flows, and its loss as a function of one vector."""

from typing import Any

import numpy as np
import pytest

from derive.language.bad_input import BadInput
from verify.networks import following
from verify.networks.following import follow
from verify.networks.landscapes import double_jax, jax_landscape, torch_landscape

pytest.importorskip("scipy", reason="curvatures are found by scipy's Lanczos")


def network(torch: Any) -> tuple[Any, Any, tuple[Any, Any]]:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 1))
    inputs = torch.randn(32, 4)
    data = inputs, torch.sin(inputs.sum(1, keepdim=True))
    return model, torch.nn.functional.mse_loss, data


def test_products_with_the_hessian_are_differences_of_gradients(torch: Any):
    land = torch_landscape(*network(torch), dtype=torch.float64)
    x = land.point()
    v = np.linspace(-1, 1, x.size)
    near = [land.slope(x + s * 1e-6 * v)[1] for s in (1, -1)]
    assert np.allclose((near[0] - near[1]) / 2e-6, land.hessian_times(x, v), atol=1e-8)


def test_a_network_follows_the_modified_flow_from_the_shifted_start(torch: Any):
    model, loss, data = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    found = follow(model, loss, optimizer, data, steps=50)
    assert found.asymptotic
    for errors in (found.parameters, found.outputs):
        orders = found.orders(errors)
        assert [orders[name].supports(n) for name, n in zip(errors, (1, 1, 2), strict=True)] == (
            [True] * 3
        )


def test_a_step_outside_the_asymptotic_range_is_said(torch: Any):
    model, loss, data = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.5)
    found = follow(model, loss, optimizer, data, steps=2, halvings=2)
    assert "not in the asymptotic range: h curv = " in str(found)


def test_follow_refuses_what_is_not_linear(torch: Any):
    model, loss, data = network(torch)
    with pytest.raises(BadInput, match="not linear in its gradients"):
        follow(model, loss, torch.optim.Adam(model.parameters()), data, steps=2)


def test_a_flow_too_stiff_to_follow_is_told(torch: Any, monkeypatch: pytest.MonkeyPatch):
    model, loss, data = network(torch)
    descent = torch.optim.SGD(model.parameters(), lr=0.1)
    monkeypatch.setattr(following, "MOST_EVALUATIONS", 10)
    with pytest.raises(BadInput, match="too stiff"):
        follow(model, loss, descent, data, steps=1)


def in_jax(torch: Any) -> tuple[Any, Any, Any, tuple[Any, Any]]:
    """The same network, its loss, its parameters and its data."""
    jax = pytest.importorskip("jax", reason="get JAX with the extra 'jax'")
    model, _, data = network(torch)

    def apply(p: Any, x: Any) -> Any:
        return jax.numpy.tanh(x @ p[0].T + p[1]) @ p[2].T + p[3]

    def squares(found: Any, wanted: Any) -> Any:
        return ((found - wanted) ** 2).mean()

    weights = [p.detach().numpy() for p in model.parameters()]
    return apply, squares, weights, (data[0].numpy(), data[1].numpy())


def test_a_landscape_of_jax_has_the_same_derivatives(torch: Any):
    apply, squares, weights, data = in_jax(torch)
    with double_jax():
        ours = jax_landscape(apply, squares, lambda: weights, data, double=True)
        theirs = torch_landscape(*network(torch), dtype=torch.float64)
        x, v = ours.point(), np.linspace(-1, 1, 37)
        assert np.allclose(ours.slope(x)[1], theirs.slope(x)[1], atol=1e-12)
        assert np.allclose(ours.hessian_times(x, v), theirs.hessian_times(x, v), atol=1e-12)


def test_a_network_of_jax_follows_as_that_of_pytorch_does(torch: Any, optax: Any):
    apply, squares, weights, data = in_jax(torch)
    momentum = optax.sgd(0.01, momentum=0.5)
    ours = follow(apply, squares, momentum, data, steps=10, halvings=2, parameters=weights)
    model, loss, same = network(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.5)
    theirs = follow(model, loss, optimizer, same, steps=10, halvings=2)
    for name, errors in theirs.parameters.items():
        assert ours.parameters[name] == pytest.approx(errors, rel=1e-4)
        assert ours.outputs[name] == pytest.approx(theirs.outputs[name], rel=1e-4)
