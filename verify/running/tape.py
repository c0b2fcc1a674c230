"""What a loss computes, recorded once as a straight-line program.

A program runs on any number type, and it gives the Taylor coefficients of an ODE's solution one
after another.

Source: Griewank, Walther, Evaluating Derivatives (2008), chapter 13.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from operator import mul
from typing import Any

from flint import fmpq, fmpz

from verify.running.numbers import Arithmetic
from verify.running.operations import (
    ADD,
    CONST,
    COPY,
    COS,
    DIV,
    ELEMENTARY,
    EXP,
    INPUT,
    LOG,
    MUL,
    SCALE,
    SIN,
    SQUARE,
    elementary,
    quotient,
    square,
)

Number = Any


class Tape:
    """Operations in the order in which they were recorded; equal operations are recorded once."""

    def __init__(self) -> None:
        self.operations: list[tuple[int, int, int]] = []
        self.constants: list[fmpq] = []
        self._known: dict[tuple[int, int, int], int] = {}
        self._known_constants: dict[tuple[fmpz, fmpz], int] = {}
        self.inputs = 0

    def _record(self, operation: int, a: int = -1, b: int = -1) -> Node:
        key = (operation, a, b)
        if key not in self._known:
            self._known[key] = len(self.operations)
            self.operations.append(key)
        return Node(self, self._known[key])

    def input(self) -> Node:
        self.inputs += 1
        return self._record(INPUT, self.inputs - 1)

    def constant(self, value: fmpq) -> Node:
        key = value.p, value.q  # a rational of FLINT is hashed as a Fraction, which is slow
        if key not in self._known_constants:
            self._known_constants[key] = len(self.constants)
            self.constants.append(value)
        return self._record(CONST, self._known_constants[key])

    def value(self, index: int) -> fmpq | None:
        """The constant at this place, if it is one."""
        operation, a, _ = self.operations[index]
        return self.constants[a] if operation == CONST else None

    def scaled(self, index: int) -> tuple[fmpq, int]:
        """A constant factor and the place of what it multiplies."""
        operation, *factors = self.operations[index]
        if operation == MUL:
            for factor, rest in (factors, factors[::-1]):
                if (value := self.value(factor)) is not None:
                    return value, rest
        return fmpq(1), index

    def factors(self, index: int) -> list[tuple[int, int]]:
        """Each factor of a product, beside the other one."""
        operation, a, b = self.operations[index]
        return [(a, b), (b, a)] if operation == MUL else []


class Node:
    """A number that is not known yet: recording stands in for computing."""

    __slots__ = ("index", "tape")

    def __init__(self, tape: Tape, index: int) -> None:
        self.tape = tape
        self.index = index

    def _lift(self, other: object) -> Node | None:
        if isinstance(other, Node):
            return other
        if isinstance(other, int | fmpq):
            return self.tape.constant(fmpq(other))
        return None

    def __add__(self, other: object) -> Node:
        if (right := self._lift(other)) is None:
            return NotImplemented
        x, y = self.tape.value(self.index), self.tape.value(right.index)
        if x is not None and y is not None:
            return self.tape.constant(x + y)
        if x == 0:
            return right
        if y == 0:
            return self
        (c, a), (d, b) = map(self.tape.scaled, (self.index, right.index))
        if a == b:
            return Node(self.tape, a) * (c + d)
        for common, one in self.tape.factors(a):
            for shared, another in self.tape.factors(b):
                if common == shared:
                    rest = Node(self.tape, one) * c + Node(self.tape, another) * d
                    return Node(self.tape, common) * rest
        return self.tape._record(ADD, *sorted((self.index, right.index)))

    def __mul__(self, other: object) -> Node:
        if (right := self._lift(other)) is None:
            return NotImplemented
        x, y = self.tape.value(self.index), self.tape.value(right.index)
        if x is not None and y is not None:
            return self.tape.constant(x * y)
        if x is not None:
            return right._times(x)
        if y is not None:
            return self._times(y)
        (c, a), (d, b) = map(self.tape.scaled, (self.index, right.index))
        for one, product in ((a, b), (b, a)):
            square = self.tape._known.get((MUL, one, one))
            for factor, rest in self.tape.factors(product):
                if square is not None and factor == one != rest:
                    return Node(self.tape, square) * Node(self.tape, rest) * (c * d)
        return self.tape._record(MUL, *sorted((a, b)))._times(c * d)

    def _times(self, factor: fmpq) -> Node:
        scale, index = self.tape.scaled(self.index)
        scale = scale * factor
        if scale == 0:
            return self.tape.constant(fmpq(0))
        if scale == 1:
            return Node(self.tape, index)
        return self.tape._record(MUL, *sorted((self.tape.constant(scale).index, index)))

    def __truediv__(self, other: object) -> Node:
        if (right := self._lift(other)) is None:
            return NotImplemented
        y = self.tape.value(right.index)
        return self * (1 / y) if y is not None else self.tape._record(DIV, self.index, right.index)

    def __rtruediv__(self, other: object) -> Node:
        if (left := self._lift(other)) is None:
            return NotImplemented
        return left / self

    __radd__ = __add__
    __rmul__ = __mul__

    def __neg__(self) -> Node:
        return self * -1

    def __sub__(self, other: Any) -> Node:
        return self + -other

    def __rsub__(self, other: Any) -> Node:
        return -self + other

    def __pow__(self, exponent: int) -> Node:
        if exponent < 0:
            return 1 / self**-exponent
        result: Node = self.tape.constant(fmpq(1))
        for bit in bin(exponent)[2:]:
            result = result * result
            if bit == "1":
                result = result * self
        return result

    def exp(self) -> Node:
        return self.tape._record(EXP, self.index)

    def log(self) -> Node:
        return self.tape._record(LOG, self.index)

    def sin(self) -> Node:
        self.tape._record(COS, self.index)
        return self.tape._record(SIN, self.index)

    def cos(self) -> Node:
        self.tape._record(SIN, self.index)
        return self.tape._record(COS, self.index)


class Program:
    """Inputs to outputs, without what no output needs."""

    def __init__(self, inputs: int, outputs: Sequence[Node], tape: Tape) -> None:
        needed = {node.index for node in outputs}
        for index in range(len(tape.operations) - 1, -1, -1):
            operation, a, b = tape.operations[index]
            if index in needed and operation not in (INPUT, CONST):
                needed.update(i for i in (a, b) if i >= 0)
                if operation in (SIN, COS):
                    twin = COS if operation == SIN else SIN
                    needed.add(tape._known[(twin, a, -1)])
        place = {index: i for i, index in enumerate(sorted(needed))}
        self.constants: list[fmpq] = []
        self.operations: list[tuple[int, int, int]] = []
        for index in sorted(needed):
            operation, a, b = tape.operations[index]
            if operation == CONST:
                self.constants.append(tape.constants[a])
                a = len(self.constants) - 1
            elif operation != INPUT:
                a, b = place[a], place.get(b, -1)
            self.operations.append((operation, a, b))
        self._converted: dict[tuple[Arithmetic, int], list[Number]] = {}
        self.inputs = inputs
        self.outputs = [place[node.index] for node in outputs]

    def constants_in(self, arithmetic: Arithmetic) -> list[Number]:
        """The program's own constants in a number type, at its present precision."""
        if arithmetic.bits is None:
            return [arithmetic.convert(c) for c in self.constants]
        place = arithmetic, arithmetic.bits()
        if place not in self._converted:
            self._converted[place] = [arithmetic.convert(c) for c in self.constants]
        return self._converted[place]

    def run(self, inputs: Sequence[Number], constants: Sequence[Number]) -> list[Number]:
        """The outputs at these inputs; `constants` are the program's own in the number type."""
        values = self._values(inputs, constants)
        return [values[i] for i in self.outputs]

    def _values(self, inputs: Sequence[Number], constants: Sequence[Number]) -> list[Number]:
        """What every operation gives."""
        values: list[Number] = []
        append = values.append
        for operation, a, b in self.operations:
            if operation == MUL:
                append(values[a] * values[b])
            elif operation == ADD:
                append(values[a] + values[b])
            elif operation == INPUT:
                append(inputs[a])
            elif operation == CONST:
                append(constants[a])
            elif operation == DIV:
                append(values[a] / values[b])
            else:
                append(ELEMENTARY[operation](values[a]))
        return values

    def at(self, inputs: Sequence[Number], arithmetic: Arithmetic) -> list[Number]:
        """The outputs at these inputs, in this arithmetic."""
        return self.run(inputs, self.constants_in(arithmetic))

    def replay(self, inputs: Sequence[Node]) -> list[Node]:
        """The same operations recorded on the tape of other nodes."""
        tape = inputs[0].tape
        return self.run(inputs, [tape.constant(c) for c in self.constants])

    def taylor(
        self,
        start: Sequence[Number],
        fixed: Sequence[Number],
        terms: int,
        arithmetic: Arithmetic,
        enough: Callable[[list[list[Number]]], bool] = lambda known: False,
    ) -> list[list[Number]]:
        """Taylor coefficients of the solution of x' = program(x, fixed), x(0) = start.

        Args:
            start: values of the first inputs, as many as there are outputs.
            fixed: values of the other inputs, constant in time.
            terms: how many coefficients at most, the first one is the start.
            enough: whether those that are known suffice.
        Returns:
            For every component of x the coefficients of 1, s, s**2, ...
        """
        first = self._values([*start, *fixed], self.constants_in(arithmetic))
        series, x = [[value] for value in first], [[value] for value in start]
        for place, (operation, a, _) in enumerate(self.operations):
            if operation == INPUT and a < len(x):
                series[place] = x[a]
        work = [
            (step, series[place], series[a], series[b], series[twin])
            for step, place, a, b, twin in self._moving
        ]
        zero, total = arithmetic.convert(fmpq(0)), arithmetic.total
        for n in range(terms - 1):
            for step, target, left, right, twin in work if n else ():
                if step == ADD:
                    target.append(left[n] + right[n])
                elif step == MUL:
                    target.append(total(map(mul, left, right[n::-1])))
                elif step == SCALE:
                    target.append(left[n] * right[0])
                elif step == COPY:
                    target.append(left[n])
                elif step == SQUARE:
                    target.append(square(n, left, total))
                elif step == DIV:
                    target.append(quotient(n, target, left, right, zero))
                else:
                    target.append(elementary(n, step, target, left, twin, zero))
            for row, output in zip(x, self.outputs, strict=True):
                known = series[output]
                row.append((known[n] if n < len(known) else zero) / (n + 1))
            if enough(x):
                break
        return x

    @cached_property
    def _moving(self) -> list[tuple[int, int, int, int, int]]:
        """What is to be done for every coefficient after the first: how, the place that it is for,
        those of its arguments, a moving one first, and that of a sine's cosine or a cosine's sine.
        """
        found = list[tuple[int, int, int, int, int]]()
        moving = set[int]()
        places = {(o, a): i for i, (o, a, _) in enumerate(self.operations) if o in (SIN, COS)}
        for i, (operation, a, b) in enumerate(self.operations):
            if operation == INPUT and a < len(self.outputs):
                moving.add(i)
            if operation in (INPUT, CONST) or moving.isdisjoint((a, b)):
                continue
            moving.add(i)
            step, left, right, twin = operation, a, b, i
            if operation in (ADD, MUL) and not moving.issuperset((a, b)):
                step = COPY if operation == ADD else SCALE
                left, right = (a, b) if a in moving else (b, a)
            elif operation == MUL and a == b:
                step = SQUARE
            elif operation in (SIN, COS):
                twin = places[COS if operation == SIN else SIN, a]
            found.append((step, i, left, right, twin))
        return found


def record(inputs: int, function: Callable[[list[Node]], Sequence[Node]]) -> Program:
    """Run a function once on nodes and keep what it did."""
    tape = Tape()
    return Program(inputs, list(function([tape.input() for _ in range(inputs)])), tape)
