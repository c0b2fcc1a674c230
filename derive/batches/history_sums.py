"""The mini-batch flow of a step k that stays a symbol, in sums over the steps before it.

With N_k the memory's leading part before step k, N_(k+1) = W N_k + C f_k, and P_k = V N_k + B f_k
the force, the map x_k -> x_k + D_k and the memory m_k as a function of x_k satisfy

    D_k = V m_k + B h f_k(Y_k),             Y_k = x + U m_k + A h f_k(Y_k),
    m_(k+1)(x + D_k) = W m_k + C h f_k(Y_k).

Order by order in h, with y_k = U N_k + A f_k and M_k = N_(k+1),

    m_k = h N_k + h^2 sum_(r<k) W^(k-1-r) (C f_r' y_r - M_r' P_r) + ...,

and a sum over r < k of terms that hold sums over s < r. The flow is the logarithm of x + D_k.

Source: Hairer, Lubich, Wanner, Geometric Numerical Integration (2006), IX.9, for the logarithm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from flint import fmpq

from derive.batches.minibatch_flow import leading_parts
from derive.engine.bseries import BSeries
from derive.engine.coloured import rewriting
from derive.engine.linear_memory import Vector, linear_method
from derive.engine.sequences import NoClosedForm
from derive.language.coefficients import Coefficient
from derive.language.trees import Tree, grow, trees_up_to
from derive.language.update_rule import BadInput, Optimizer

HIGHEST_ORDER = 3
Gaps = tuple[int, ...]
"""One eigenvalue of the memory for every gap of k > r > s > ...; see `Sums`."""


class Sums:
    """A field at step k: the sum over chains k = r_0 > r_1 > ... of weighted differentials.

    `terms[gaps, t]` multiplies the sum over r_1 > r_2 > ... of F(t) times the product of
    eigenvalue[gaps[i]]^(r_i - r_(i+1) - 1). A node of colour `level * letters + letter` stands for
    this letter of step r_level; the letters of fixed fields come last and have level 0.
    """

    def __init__(self, terms: dict[tuple[Gaps, Tree], Coefficient]) -> None:
        self.terms = {key: c for key, c in terms.items() if c}

    def __add__(self, other: Sums) -> Sums:
        terms = dict(self.terms)
        for key, c in other.terms.items():
            terms[key] = terms[key] + c if key in terms else c
        return Sums(terms)

    def __mul__(self, factor: Coefficient | int | fmpq) -> Sums:
        return Sums({key: c * factor for key, c in self.terms.items()})

    __rmul__ = __mul__

    def __sub__(self, other: Sums) -> Sums:
        return self + other * -1

    def along(self, direction: Sums) -> Sums:
        """The derivative of this field in the direction of the other."""
        return self._joined([direction], lambda t, branches: _grafts(t, branches[0]))

    def bent(self, first: Sums, second: Sums) -> Sums:
        """The second derivative of a field without derivatives in two directions."""
        return self._joined([first, second], lambda t, branches: [grow(branches, t.colour)])

    def _joined(
        self,
        directions: Sequence[Sums],
        join: Callable[[Tree, tuple[Tree, ...]], Iterable[Tree]],
    ) -> Sums:
        parts: list[tuple[Gaps, Tree, tuple[Tree, ...], Coefficient]] = [
            (gaps, t, (), c) for (gaps, t), c in self.terms.items()
        ]
        for direction in directions:
            parts = [
                # up to HIGHEST_ORDER at most one factor holds a sum
                (gaps or own, t, (*branches, u), c * d)
                for gaps, t, branches, c in parts
                for (own, u), d in direction.terms.items()
            ]
        found = Sums({})
        for gaps, t, branches, c in parts:
            for joined in join(t, branches):
                found += Sums({(gaps, joined): c})
        return found


def _grafts(t: Tree, u: Tree) -> Iterator[Tree]:
    """t with u as one more branch of each of its nodes in turn."""
    yield grow((*t.branches, u), t.colour)
    for i, branch in enumerate(t.branches):
        for grafted in _grafts(branch, u):
            yield grow((*t.branches[:i], grafted, *t.branches[i + 1 :]), t.colour)


@dataclass(frozen=True)
class HistoryFlow:
    """x' = sum over n of h^n orders[n] on [t_k, t_(k+1)], in the letters of the steps r <= k.

    Letter 0 is the batch's f_r = -grad E_r. Where the rule has one memory that moves x, letter 1 is
    the force P_r = -grad G_r; otherwise letter i is the memory N_r^i. Last come the fixed fields.
    """

    optimizer: Optimizer
    orders: tuple[Sums, ...]
    letters: int
    has_force: bool

    @property
    def rates(self) -> Vector:
        """The eigenvalues that `Gaps` number."""
        method = linear_method(self.optimizer)
        return [method.w[i][i] for i in range(len(method.w))]

    def place(self, colour: int) -> tuple[int, int]:
        """The letter and the level of a node."""
        return colour % self.letters, colour // self.letters

    def at_step(self, k: int) -> BSeries:
        """All sums written out in the batches' losses: the series of `minibatch_flow` at this k."""
        zero = linear_method(self.optimizer).ring.number(0)
        order, colours = len(self.orders), k + len(self.optimizer.fields)
        found = dict.fromkeys(trees_up_to(order, colours), zero)
        letters = list(self._letters(k))
        for (gaps, t), c in (term for sums in self.orders for term in sums.terms.items()):
            for below in combinations(range(k - 1, -1, -1), len(gaps)):
                chain = (k, *below)
                weight = c
                for gap, r, s in zip(gaps, chain, below, strict=False):
                    weight = weight * self.rates[gap] ** (r - s - 1)
                meaning = {
                    level * self.letters + letter: row
                    for level, r in enumerate(chain)
                    for letter, row in enumerate(letters[r])
                }
                for other, factor in rewriting(meaning)(t).items():
                    found[other] = found[other] + weight * factor * other.symmetry
        return BSeries(order, zero, found)

    def _letters(self, k: int) -> Iterator[list[dict[int, Coefficient]]]:
        """The letters of step 0, ..., k in the fields of the batches and the fixed ones."""
        one = linear_method(self.optimizer).ring.number(1)
        fixed = [{k + i: one} for i in range(1, len(self.optimizer.fields))]
        for r, (memory, force) in enumerate(leading_parts(self.optimizer, k)):
            yield [{r: one}, *([force] if self.has_force else memory), *fixed]


def history_flow(optimizer: Optimizer, *, order: int) -> HistoryFlow:
    """The flow on [t_k, t_(k+1)] in closed form in k, for any sequence of batches.

    Args:
        optimizer: a declared update rule, linear in its memory.
        order: 1 to 3; the flow then reaches h^(order-1).
    Raises:
        BadInput: another order.
        NoClosedForm: the memory's matrix is not diagonal, or its start holds nested gradients.

    >>> from derive import heavy_ball
    >>> for (gaps, t), c in history_flow(heavy_ball, order=2).orders[1].terms.items():
    ...     print(gaps, t, c)
    (0,) 3[3[]] -beta
    () 1[1[]] -1/2
    """
    if not 1 <= order <= HIGHEST_ORDER:
        raise BadInput(
            f"order = {order}: the sums over the history are known for orders 1 to "
            f"{HIGHEST_ORDER}; minibatch_flow knows any order at a given step."
        )
    method = linear_method(optimizer)
    size, stages = range(len(method.w)), range(len(method.a))
    diagonal = not any(method.w[i][j] for i in size for j in size if i != j)
    if not diagonal or any(weight for row in method.start_a for weight in row):
        why = (
            "starts with a gradient of a gradient" if diagonal else "has a matrix off its diagonal"
        )
        raise NoClosedForm(
            f"the memory {why}, so there are no sums over the history; minibatch_flow knows "
            "the flow at a given step."
        )
    one = method.ring.number(1)
    has_force = len(method.v) == 1 and bool(method.v[0])
    first_fixed = 1 + len(size)
    letters = first_fixed + len(optimizer.fields) - 1

    def letter(number: int) -> Sums:
        return Sums({((), grow((), number)): one})

    def past(sums: Sums, i: int) -> Sums:
        """The sum over r < k of eigenvalue^(k-1-r) times the field of step r."""
        up = {
            c: {c + letters if c % letters < first_fixed else c: one}
            for c in range(HIGHEST_ORDER * letters)
        }
        shifted = rewriting(up)
        return Sums({((i, *g), next(iter(shifted(t)))): c for (g, t), c in sums.terms.items()})

    f = [letter(first_fixed + field - 1 if field else 0) for field in method.fields]
    if has_force:
        memory = [(letter(1) - _combine(method.b, f)) * method.v[0].inverse()]
    else:
        memory = [letter(1 + i) for i in size]
    after = [memory[i] * method.w[i][i] + _combine(method.c[i], f) for i in size]
    force = _combine(method.v, memory) + _combine(method.b, f)
    bend = force.along(force)
    y = [_combine(method.u[r], memory) + _combine(method.a[r], f) for r in stages]

    f2 = [f[r].along(y[r]) for r in stages]
    local = [_combine(method.c[i], f2) - after[i].along(force) for i in size]
    memory2 = [past(local[i], i) for i in size]
    after2 = [memory2[i] * method.w[i][i] + local[i] for i in size]
    step2 = _combine(method.v, memory2) + _combine(method.b, f2)
    field2 = step2 - bend * fmpq(1, 2)

    y2 = [_combine(method.u[r], memory2) + _combine(method.a[r], f2) for r in stages]
    f3 = [f[r].along(y2[r]) + f[r].bent(y[r], y[r]) * fmpq(1, 2) for r in stages]
    local3 = [
        _combine(method.c[i], f3)
        - after2[i].along(force)
        - after[i].along(step2)
        - after[i].bent(force, force) * fmpq(1, 2)
        for i in size
    ]
    step3 = _combine(method.v, [past(local3[i], i) for i in size]) + _combine(method.b, f3)
    pair = force.along(field2) + field2.along(force)
    field3 = step3 - pair * fmpq(1, 2) - bend.along(force) * fmpq(1, 6)
    return HistoryFlow(optimizer, (force, field2, field3)[:order], letters, has_force)


def _combine(row: Vector, fields: Sequence[Sums]) -> Sums:
    return sum((field * weight for weight, field in zip(row, fields, strict=True)), Sums({}))
