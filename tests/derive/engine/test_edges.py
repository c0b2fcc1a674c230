"""Where an expansion stops to hold: signs, scales and memories, each said once."""

from derive.engine.edges import EdgeKind, edges
from derive.engine.invariant_manifold import general_flow
from derive.optimizers import NONLINEAR, ZOO


def kinds(rule) -> list[EdgeKind]:
    return [edge.kind for edge in edges(general_flow(rule, order=2))]


def test_adam_needs_the_sign_of_its_gradient_and_memories_that_outlast_the_step():
    found = kinds(NONLINEAR["adam"])
    assert found.count(EdgeKind.SIGN) == 1
    assert EdgeKind.MEMORY in found
    assert found == sorted(found, key=list(EdgeKind).index)


def test_no_condition_is_said_twice():
    found = edges(general_flow(NONLINEAR["adam"], order=2))
    assert len({(edge.kind, repr(edge.of)) for edge in found}) == len(found)


def test_a_linear_rule_asks_for_no_sign():
    assert EdgeKind.SIGN not in kinds(ZOO["heavy-ball"])
