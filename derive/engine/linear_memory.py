"""An update rule read as a linear method: which state, which gradients, with which weights.

The declared function runs once on linear forms. What comes out is the normal form

    Y_r = x + U_r m + sum_(s<r) A_rs h f(Y_s),
    x+  = x + V m + B h f(Y),      m+ = W m + C h f(Y),

with every memory scaled by a power of h and shifted so that it vanishes where grad E does. Each
stage takes one of the rule's fields, f_c in the place of f, c its colour.

Source: general linear methods, Hairer, Lubich, Wanner, Geometric Numerical Integration, XV.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

from derive.engine.linear_forms import LinearForm, NotLinear, StepPower, shown
from derive.language.coefficients import Coefficient, Ring, RootWanted
from derive.language.update_rule import BadInput, Gradient, Optimizer

Vector = list[Coefficient]
Matrix = list[Vector]


class NoSlowManifold(BadInput):
    """x alone does not determine the memory: an eigenvalue 1 of the memory's linear part."""


@dataclass(frozen=True)
class LinearMethod:
    """The module's normal form; rows of A and U belong to stages, of C and W to memories.

    `memory_units[i]` is the power of h that memory i carries (velocity 0, gradient buffer -1);
    `memory_shift[i]` the multiple of x that was taken off it. The memory starts at
    start h f(Z), where Z_r = x_0 + sum_(s<r) start_a_rs h f(Z_s). `fields` and `start_fields` are
    the colours of the stages.
    """

    ring: Ring
    a: Matrix
    u: Matrix
    b: Vector
    v: Vector
    c: Matrix
    w: Matrix
    memory_units: tuple[int, ...]
    memory_shift: tuple[Coefficient, ...]
    start: Matrix
    start_a: Matrix
    fields: tuple[int, ...]
    start_fields: tuple[int, ...]

    @cached_property
    def memory_inverse(self) -> Matrix:
        """(I - W)^(-1): how a lasting gradient accumulates in the memory."""
        size = len(self.w)
        one = self.ring.number(1)
        return solve(
            [[one * (i == j) - self.w[i][j] for j in range(size)] for i in range(size)],
            [[one * (i == j) for j in range(size)] for i in range(size)],
        )


def solve(matrix: Matrix, right: Matrix) -> Matrix:
    """matrix^(-1) right, exactly; NoSlowManifold where the matrix is singular."""
    rows = [[*left, *rest] for left, rest in zip(matrix, right, strict=True)]
    size = len(rows)
    for i in range(size):
        pivot = next((r for r in range(i, size) if rows[r][i]), None)
        if pivot is None:
            raise NoSlowManifold(
                "the memory has an eigenvalue 1 (it never fades), "
                "so there is no slow manifold to follow."
            )
        rows[i], rows[pivot] = rows[pivot], rows[i]
        inverse = rows[i][i].inverse()
        rows[i] = [value * inverse for value in rows[i]]
        for r in range(size):
            if r != i and rows[r][i]:
                factor = rows[r][i]
                rows[r] = [
                    value - factor * top for value, top in zip(rows[r], rows[i], strict=True)
                ]
    return [row[size:] for row in rows]


def linear_method(rule: Optimizer) -> LinearMethod:
    """Read the normal form off an update rule.

    Raises:
        NotLinear: the rule is not linear in memory and gradients, evaluates the gradient away
            from x, or adds terms of different units.
        NoSlowManifold: the memory never fades.
    """
    ring = Ring(rule.parameters)
    while True:
        try:
            return _read(rule, ring)
        except RootWanted as wanted:
            ring = ring.with_roots(wanted.roots)


def _read(rule: Optimizer, ring: Ring) -> LinearMethod:
    one = ring.number(1)
    parameters = {name: ring.parameter(name) for name in rule.parameters}
    parameters = rule.arguments(ring.number) | parameters
    h = StepPower(one, 1)
    x, *memory = (LinearForm(ring, {(name, 0): one}) for name in ("x", *rule.memory))
    step, begin = _Recorder(ring), _Recorder(ring)
    colours = len(rule.fields)
    try:
        new_x, new_memory = rule.step(x, memory, step.gradients(colours), h, parameters)
        started = rule.start(x, begin.gradients(colours), h, parameters)
    except ZeroDivisionError as error:
        raise NotLinear(f"the rule {rule.name} divides by 0.") from error
    except (TypeError, AttributeError) as error:
        raise NotLinear(f"the rule {rule.name} is not linear in its memory{_why(error)}") from error
    updates = [new_x, *new_memory]
    for name, form in zip(("x", *rule.memory), updates, strict=True):
        if not isinstance(form, LinearForm):
            raise NotLinear(
                f"the rule {rule.name} returns {shown(form)} as the new {name}: that holds "
                "neither x nor a gradient."
            )
    for name, form in zip(rule.memory, started, strict=True):
        if not isinstance(form, LinearForm):
            raise NotLinear(
                f"start= of {rule.name} gives {shown(form)} for {name}: write x * 0 for nothing."
            )
    return _normal_form(ring, rule.memory, step, updates, begin, list(started))


def _why(error: Exception) -> str:
    """Python's words, where they name nothing of ours."""
    said = str(error)
    inner = any(
        name in said for name in ("LinearForm", "StepPower", "Coefficient", "fmpq", "Written")
    )
    return (
        ": it uses states or gradients in another way than adding them up." * inner or f": {said}."
    )


class _Recorder:
    """Gradients as unknowns: where each was taken, and of which field."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.arguments: list[LinearForm] = []
        self.fields: list[int] = []

    def gradients(self, colours: int) -> Gradient:
        """What a rule takes as `grad`."""
        each = tuple(partial(self._grad, colour) for colour in range(colours))
        return each if colours > 1 else each[0]

    def _grad(self, colour: int, at: object) -> LinearForm:
        if not isinstance(at, LinearForm):
            raise NotLinear(
                f"the rule takes the gradient at {shown(at)}, which is not a state: write grad(x)."
            )
        self.arguments.append(at)
        self.fields.append(colour)
        return LinearForm(self.ring, {(len(self.arguments) - 1, 0): self.ring.number(1)})


def _normal_form(
    ring: Ring,
    memory: tuple[str, ...],
    step: _Recorder,
    updates: list[LinearForm],
    begin: _Recorder,
    starts: list[LinearForm],
) -> LinearMethod:
    arguments, start_arguments = step.arguments, begin.arguments
    units = _units(memory, arguments, updates)
    zero, one = ring.number(0), ring.number(1)

    def row(form: LinearForm, gradients: int) -> tuple[Coefficient, Vector, Vector]:
        by_name: dict[str | int, Coefficient] = {name: c for (name, _), c in form.terms.items()}
        return (
            by_name.get("x", zero),
            [by_name.get(name, zero) for name in memory],
            # grad E = -f, so that every weight below multiplies h f
            [-by_name.get(stage, zero) for stage in range(gradients)],
        )

    x_rows = [row(form, len(arguments)) for form in updates]
    size = range(len(memory))
    # a memory that settles at a multiple of x: shift = W shift + (its weight of x)
    identity_minus_w = [[one * (i == j) - x_rows[1 + i][1][j] for j in size] for i in size]
    shift = [r[0] for r in solve(identity_minus_w, [[x_rows[1 + i][0]] for i in size])]

    def at_rest(r: tuple[Coefficient, Vector, Vector]) -> Coefficient:
        return sum((weight * s for weight, s in zip(r[1], shift, strict=True)), r[0])

    if at_rest(x_rows[0]) != 1:
        raise NotLinear(
            "without a gradient x does not stay where it is: the weights of x in the step add up "
            f"to {at_rest(x_rows[0])}, not 1. Weight decay is h times the gradient of a further "
            "loss: see fields=."
        )
    stages = [row(form, len(arguments)) for form in arguments]
    if any(at_rest(stage) != 1 for stage in stages):
        raise NotLinear("the gradient is taken at a point that does not tend to x as h does to 0.")
    start_rows = [row(form, len(start_arguments)) for form in starts]
    start_stages = [row(form, len(start_arguments)) for form in start_arguments]
    if [r[0] for r in start_rows] != shift or any(stage[0] != 1 for stage in start_stages):
        name, weight = next(
            ((n, s) for n, r, s in zip(memory, start_rows, shift, strict=True) if r[0] != s),
            (memory[0] if memory else "", zero),
        )
        start = "x" if weight == 1 else f"{weight} * x"
        raise NotLinear(
            f"the memory {name} does not start at rest: without a gradient it is {start}; declare "
            f"start=lambda x, grad, h, **p: ({start}, ...), one entry for each state."
        )
    x_memory, x_gradients = x_rows[0][1], x_rows[0][2]
    return LinearMethod(
        ring,
        a=[stage[2] for stage in stages],
        u=[stage[1] for stage in stages],
        b=x_gradients,
        v=x_memory,
        c=[
            [own - shift[i] * ours for own, ours in zip(x_rows[1 + i][2], x_gradients, strict=True)]
            for i in size
        ],
        w=[
            [own - shift[i] * ours for own, ours in zip(x_rows[1 + i][1], x_memory, strict=True)]
            for i in size
        ],
        memory_units=tuple(units[name] for name in memory),
        memory_shift=tuple(shift),
        start=[r[2] for r in start_rows],
        start_a=[stage[2] for stage in start_stages],
        fields=tuple(step.fields),
        start_fields=tuple(begin.fields),
    )


def _units(
    memory: tuple[str, ...], arguments: list[LinearForm], updates: list[LinearForm]
) -> dict[str, int]:
    """The power of h in each memory, so that a step size times a gradient is a parameter."""
    units: dict[str | int, int] = {"x": 0} | dict.fromkeys(range(len(arguments)), -1)
    rules: list[tuple[str | int | None, LinearForm]] = [
        *((None, form) for form in arguments),
        *zip(("x", *memory), updates, strict=True),
    ]
    changed = True
    while changed:
        changed = False
        for target, form in rules:
            found = {power + units[n] for (n, power) in form.terms if n in units}
            goal = 0 if target is None else units.get(target)
            found |= set() if goal is None else {goal}
            if len(found) > 1:
                what = "the point of a gradient" if target is None else f"the update of {target}"
                decay = target == "x" and any(n == "x" and power for n, power in form.terms)
                raise NotLinear(
                    "the rule adds h times x to x: weight decay is h times the gradient of a loss "
                    "W = |x|^2/2 of its own. Declare fields=('E', 'W') and take both gradients, or "
                    "use coupled or decoupled of derive.optimizers.weight_decay."
                    if decay
                    else f"{what} adds terms of different units; a step size times a gradient has "
                    "the unit of x, so a power of h is missing or too many."
                )
            for unit in found:
                fresh = [(n, unit - power) for (n, power) in form.terms if n not in units]
                fresh += [(target, unit)] if target is not None and target not in units else []
                units |= dict(fresh)
                changed = changed or bool(fresh)
    return {name: units.get(name, 0) for name in memory}
