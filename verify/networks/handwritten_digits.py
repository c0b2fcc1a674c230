"""Small networks on scikit-learn's handwritten digits, trained by PyTorch's heavy ball."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.language.bad_input import BadInput
from verify.networks.landscapes import Landscape, top_curvature, torch_landscape

CLASSES = 10


@dataclass
class Digits:
    """A network, and images with one-hot targets to learn and to be tested on.

    Args:
        model: a perceptron with one hidden layer, or a small convolutional network.
    """

    model: Any
    inputs: Any
    targets: Any
    test_inputs: Any
    test_targets: Any

    @property
    def landscape(self) -> Landscape:
        """The squared error on all images that are learnt."""
        return torch_landscape(self.model, squares, (self.inputs, self.targets))

    @property
    def accuracy(self) -> float:
        """The share of the test images that are read rightly."""
        import torch  # noqa: PLC0415 (of an extra)

        with torch.no_grad():
            right = self.model(self.test_inputs).argmax(1) == self.test_targets.argmax(1)
        return float(right.float().mean())

    @property
    def loss(self) -> float:
        """The squared error on all images that are learnt."""
        return self._error(self.inputs, self.targets)

    @property
    def test_loss(self) -> float:
        """The squared error on the test images."""
        return self._error(self.test_inputs, self.test_targets)

    def _error(self, inputs: Any, targets: Any) -> float:
        import torch  # noqa: PLC0415 (of an extra)

        with torch.no_grad():
            return float(squares(self.model(inputs), targets))

    @property
    def curvature(self) -> float:
        """The largest eigenvalue of the Hessian of the squared error on what is learnt."""
        land = self.landscape
        x = land.point()
        return top_curvature(lambda v: land.hessian_times(x, v), x.size, tolerance=1e-4)[0]

    def train(
        self,
        lr: float,
        momentum: float,
        *,
        batch: int | None = None,
        noise: float = 0.0,
        draw: Any = None,
    ) -> Iterator[int]:
        """Train step by step, on all images or on batches, and count the steps.

        Args:
            batch: the images of a step, drawn with replacement; all of them without it.
            noise: the standard deviation of what each step adds to its targets.
            draw: the random numbers of batches and noise.
        """
        import torch  # noqa: PLC0415 (of an extra)

        optimizer = torch.optim.SGD(self.model.parameters(), lr=lr, momentum=momentum)
        k = 0
        while True:
            x, y = self.inputs, self.targets
            if batch is not None:
                chosen = torch.randint(0, len(x), (batch,), generator=draw)
                x, y = x[chosen], y[chosen]
            if noise:
                y = y + noise * torch.randn(y.shape, generator=draw, dtype=y.dtype)
            optimizer.zero_grad()
            squares(self.model(x), y).backward()
            optimizer.step()
            k += 1
            yield k


def squares(outputs: Any, targets: Any) -> Any:
    """Half the mean squared distance."""
    return ((outputs - targets) ** 2).sum(1).mean() / 2


def read_digits(seed: int, images: int, hidden: int, *, convolutional: bool = False) -> Digits:
    """A fresh network and a random choice of so many images to learn, in single precision.

    Raises:
        BadInput: PyTorch or scikit-learn is not installed.
    """
    try:
        import torch  # noqa: PLC0415 (of an extra)
        from sklearn.datasets import load_digits  # noqa: PLC0415 (of an extra)
    except ImportError as error:
        raise _needs(error) from None
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(labels))
    inputs = torch.tensor(pixels[order] / 16 - 0.3, dtype=torch.float32)
    targets = torch.nn.functional.one_hot(torch.tensor(labels[order]), CLASSES).float()
    nn = torch.nn
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if convolutional:
            layers: list[Any] = [
                nn.Unflatten(1, (1, 8, 8)),
                nn.Conv2d(1, hidden // 4, 3),
                nn.Tanh(),
            ]
            layers += [nn.Flatten(), nn.Linear(36 * (hidden // 4), CLASSES)]
        else:
            layers = [nn.Linear(64, hidden), nn.Tanh(), nn.Linear(hidden, CLASSES)]
        model = nn.Sequential(*layers).float()
    split = slice(0, images), slice(images, None)
    return Digits(model, *(part[s] for s in split for part in (inputs, targets)))


@contextmanager
def one_thread() -> Iterator[None]:
    """PyTorch on one thread: networks this small are slower on several.

    Raises:
        BadInput: PyTorch is not installed.
    """
    try:
        import torch  # noqa: PLC0415 (of an extra)
    except ImportError as error:
        raise _needs(error) from None
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _needs(error: ImportError) -> BadInput:
    return BadInput(f"this needs {error.name}: pip install 'undertow[experiments]'.")


def steps_until(
    training: Iterator[int], done: Callable[[], bool], *, most: int, every: int = 10
) -> int:
    """The step at which it is done, looked at now and then; `most` where it is not before."""
    for k in training:
        if k >= most or (k % every == 0 and done()):
            return k
    return most
