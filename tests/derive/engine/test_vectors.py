"""Sums over components and derivatives of fields are linear in vectors."""

from derive.engine.vectors import Algebra, direction, schedule

ALGEBRA = Algebra()
X, U = (ALGEBRA.symbol(name, "slow", "x") for name in "xu")
T, C = ALGEBRA.symbol("t", "slow"), ALGEBRA.symbol("c", "parameter")
G = ALGEBRA.field("E", "x", (X,))


def hessian(*vectors):
    return ALGEBRA.field("E", "x", (X,), tuple((0, v) for v in vectors))


def test_plain_scalars_come_out_of_sums_and_derivatives():
    assert ALGEBRA.total(C * X + U) == C * ALGEBRA.total(X) + ALGEBRA.total(U)
    assert hessian(C * G + U) == C * hessian(G) + hessian(U)
    assert ALGEBRA.total(X * U) != X * ALGEBRA.total(U)


def test_derivatives_commute():
    assert hessian(G, U) == hessian(U, G)
    assert hessian(G, U) != hessian(G, G)


def test_the_lie_derivative_is_the_chain_rule():
    along = direction(ALGEBRA, {"x": U, "t": ALGEBRA.number(1)})
    assert along(G) == hessian(U)
    assert along(hessian(G)) == hessian(G, U) + hessian(hessian(U))
    assert along(ALGEBRA.total(G * G)) == 2 * ALGEBRA.total(G * hessian(U))
    assert along(schedule(ALGEBRA, "eta", T)) == schedule(ALGEBRA, "eta", T, 1)
    assert along(U) == 0
