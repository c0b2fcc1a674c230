"""Adam and SGD as people write them, each with one slip that is planted."""

import numpy as np


class Adam:
    """Adam of its paper, unless it is told which slip to make."""

    def __init__(self, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, slip=""):
        self.lr, self.betas, self.eps, self.slip = lr, betas, eps, slip
        self.k = 0
        self.m = self.v = 0.0

    def step(self, x, g):
        b1, b2 = self.betas[::-1] if self.slip == "swapped" else self.betas
        self.k += 1
        self.m, self.v = b1 * self.m + (1 - b1) * g, b2 * self.v + (1 - b2) * g**2
        k = self.k + (self.slip == "late")
        m, v = self.m / (1 - b1**k), self.v / (1 - b2**k)
        if self.slip == "uncorrected":
            m, v = self.m, self.v
        if self.slip == "inside":
            return x - self.lr * m / np.sqrt(v + self.eps)
        return x - self.lr * m / (np.sqrt(v) + self.eps)


class Damped:
    """PyTorch's SGD with the dampening in its first step too."""

    def __init__(self, lr=0.1, momentum=0.9, dampening=0.5):
        self.lr, self.momentum, self.dampening, self.v = lr, momentum, dampening, 0.0

    def step(self, x, g):
        self.v = self.momentum * self.v + (1 - self.dampening) * g
        return x - self.lr * self.v


class Noisy:
    """No two runs are equal."""

    def step(self, x, g):
        return x - 0.1 * g * (1 + 0.01 * np.random.default_rng().standard_normal())


class NoStep:
    """No optimizer."""


class Silent:
    """Moves x in its place and returns nothing."""

    def step(self, x, g):
        x -= 0.1 * g


class Leaving:
    """Ends the program where it is made."""

    def __init__(self):
        raise SystemExit(3)
