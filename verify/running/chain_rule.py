"""Derivatives of what a tape holds, recorded on the tape: backward for a gradient, forward along a
direction.

Source: Griewank, Walther, Evaluating Derivatives (2008), chapter 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpq

from verify.running.operations import ADD, COS, DIV, EXP, LOG, MUL, SIN
from verify.running.tape import Node, Tape


def gradient(value: Node, inputs: Sequence[Node]) -> list[Node]:
    """The gradient of one node with respect to others, backward along the tape."""
    tape = value.tape
    zero = tape.constant(fmpq(0))
    adjoint: dict[int, Node] = {value.index: tape.constant(fmpq(1))}

    def credit(index: int, amount: Node) -> None:
        adjoint[index] = adjoint.get(index, zero) + amount

    for index in range(value.index, -1, -1):
        if index in adjoint:
            for argument, derivative in _local_derivatives(tape, index):
                credit(argument, adjoint[index] * derivative)
    return [adjoint.get(node.index, zero) for node in inputs]


def directional(
    outputs: Sequence[Node], inputs: Sequence[Node], direction: Sequence[Node]
) -> list[Node]:
    """The derivative of the outputs when the inputs move in a direction, forward along the tape."""
    tape = outputs[0].tape
    zero = tape.constant(fmpq(0))
    speed = {node.index: d for node, d in zip(inputs, direction, strict=True)}
    last = max(node.index for node in outputs)
    for index in range(last + 1):
        if index in speed:
            continue
        total = zero
        for argument, derivative in _local_derivatives(tape, index):
            if argument in speed:
                total = total + speed[argument] * derivative
        if total.index != zero.index:
            speed[index] = total
    return [speed.get(node.index, zero) for node in outputs]


def _local_derivatives(tape: Tape, index: int) -> list[tuple[int, Node]]:
    """The arguments of an operation and the derivatives with respect to them."""
    operation, a, b = tape.operations[index]
    one = tape.constant(fmpq(1))
    if operation == ADD:
        return [(a, one), (b, one)]
    if operation == MUL:
        return [(a, Node(tape, b)), (b, Node(tape, a))]
    if operation == DIV:
        quotient, bottom = Node(tape, index), Node(tape, b)
        return [(a, 1 / bottom), (b, -quotient / bottom)]
    if operation == EXP:
        return [(a, Node(tape, index))]
    if operation == LOG:
        return [(a, 1 / Node(tape, a))]
    if operation == SIN:
        return [(a, Node(tape, a).cos())]
    if operation == COS:
        return [(a, -Node(tape, a).sin())]
    return []
