"""Component expressions on a loss: gradients, Hessians and sums are SymPy's."""

import sympy

from derive import gradient_descent
from derive.engine.component_ring import Element
from derive.engine.components import Components, factored_terms
from derive.engine.functions import absolute
from derive.engine.on_loss import Ground
from derive.engine.vectors import Algebra
from tests.derive.strategies import settled

X, Y = sympy.symbols("x y")
E = X**3 * Y + Y**2
G = sympy.Matrix([sympy.diff(E, c) for c in (X, Y)])
HESSIAN = sympy.hessian(E, (X, Y))
WORLD = Ground(gradient_descent, {"E": E}, ("x", "y")).world


def symbols(algebra: Algebra) -> tuple[Element, Element, Element]:
    x = algebra.symbol("x", "slow", "x")
    return x, algebra.field("E", "x", (x,)), algebra.symbol("c", "parameter")


def on_the_loss(element: Element):
    return Components(WORLD, {"x": [X, Y], "c": sympy.Symbol("c")}, {"x": 2}).of(element)


def same(found, wanted) -> bool:
    return all(sympy.expand(a - b) == 0 for a, b in zip(found, wanted, strict=True))


def test_a_gradient_and_a_hessian_on_a_vector():
    algebra = Algebra()
    x, g, c = symbols(algebra)
    assert same(on_the_loss(g), G)
    turned = algebra.field("E", "x", (x,), ((0, c * g),))
    assert same(on_the_loss(turned), sympy.Symbol("c") * HESSIAN * G)


def test_a_sum_over_components_is_one_number():
    algebra = Algebra()
    x, g, _ = symbols(algebra)
    assert sympy.expand(on_the_loss(algebra.total(x * g)) - (X * G[0] + Y * G[1])) == 0


def test_the_terms_add_up_to_the_element():
    def law(algebra: Algebra) -> None:
        x, g, c = symbols(algebra)
        element = (g * x + absolute(g) * c) / (1 + c)
        total = algebra.zero
        for weight, factors in factored_terms(element):
            term = algebra.number(weight)
            for factor, power in factors:
                term = term * algebra.current(factor) ** power
            total = total + term
        assert total == algebra.current(element)

    settled(law)
