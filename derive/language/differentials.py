r"""Elementary differentials in derivative notation: nabla^2 E nabla E, nabla^3 E[nabla E, nabla E].

Signs: F(t) of f = -grad E is (-1)^|t| times what is written here, which is in terms of E.
"""

from __future__ import annotations

from collections.abc import Callable

from derive.language.raised import raised
from derive.language.trees import Tree

Name = Callable[[int], str]
"""How the loss of a colour is called."""
Notation = Callable[[int, str], str]
"""The derivative of so many times of a loss of this name."""


def _one_loss(_: int) -> str:
    return "E"


def _one_field(_: int) -> str:
    return "G"


def latex_differential(t: Tree, game: bool = False, name: Name | None = None) -> str:
    r"""The vector, for a paper; of a general field G in the place of grad E where `game`.

    >>> from derive.language.trees import tree
    >>> print(latex_differential(tree("[[],[]]")))
    \nabla^{3}E[\nabla E,\nabla E]
    """
    called = name or (_one_field if game else _one_loss)
    return _vector(t, _latex_jacobian if game else _latex_derivative, r"\,", called)


def text_differential(t: Tree, game: bool = False, name: Name | None = None) -> str:
    """The vector, for a terminal; of a general field G in the place of grad E where `game`.

    >>> from derive.language.trees import tree
    >>> text_differential(tree("[[[]]]"))
    '∇²E ∇²E ∇E'
    """
    called = name or (_one_field if game else _one_loss)
    return _vector(t, _text_jacobian if game else _text_derivative, " ", called)


def latex_scalar(t: Tree, name: Name = _one_loss) -> str:
    r"""The scalar with one factor E per node, contracted along the edges of the free tree.

    >>> from derive.language.trees import tree
    >>> print(latex_scalar(tree("[[]]")))
    \lVert\nabla E\rVert^{2}
    """
    return _scalar(t, _latex_derivative, r"\,", name, _LATEX_MARKS)


def text_scalar(t: Tree, name: Name = _one_loss) -> str:
    """The same scalar for a terminal."""
    return _scalar(t, _text_derivative, " ", name, _TEXT_MARKS)


_LATEX_MARKS = (r"\lVert", r"\rVert^{2}", r"^{\top}", r"\langle", r"\rangle")
_TEXT_MARKS = ("‖", "‖²", "ᵀ", "⟨", "⟩")


def _latex_derivative(times: int, loss: str) -> str:
    return rf"\nabla {loss}" if times == 1 else rf"\nabla^{{{times}}}{loss}"


def _text_derivative(times: int, loss: str) -> str:
    return f"∇{loss}" if times == 1 else f"∇{raised(times)}{loss}"


def _latex_jacobian(times: int, field: str) -> str:
    return field if times == 1 else f"{field}^{{({times - 1})}}"


def _text_jacobian(times: int, field: str) -> str:
    return field + "′" * (times - 1)


def _vector(t: Tree, derivative: Notation, space: str, name: Name) -> str:
    head = derivative(len(t.branches) + 1, name(t.colour))
    if not t.branches:
        return head
    if len(t.branches) == 1:
        return head + space + _vector(t.branches[0], derivative, space, name)
    inside = ",".join(_vector(branch, derivative, space, name) for branch in reversed(t.branches))
    return f"{head}[{inside}]"


def _scalar(
    t: Tree, derivative: Notation, space: str, name: Name, marks: tuple[str, str, str, str, str]
) -> str:
    if t.order == 1:
        return name(t.colour)
    opened, squared, transposed, left, right = marks
    root = max(t.rootings, key=lambda r: (len(r.branches), r.text))
    if len(root.branches) > 2:
        inside = ",".join(
            _vector(branch, derivative, space, name) for branch in reversed(root.branches)
        )
        return f"{derivative(len(root.branches), name(root.colour))}[{inside}]"
    node, path = min((r for r in t.rootings if len(r.branches) == 1), key=lambda r: r.text), []
    while node.branches:
        path.append(name(node.colour))
        node = node.branches[0]
    path.append(name(node.colour))
    if t.order == 2 and path[0] == path[1]:
        return f"{opened}{derivative(1, path[0])}{squared}"
    if t.order == 2:
        one, other = (derivative(1, name(c)) for c in sorted((t.colour, t.branches[0].colour)))
        return f"{left}{one},{other}{right}"
    between = [derivative(2, loss) for loss in path[1:-1]]
    return space.join([derivative(1, path[0]) + transposed, *between, derivative(1, path[-1])])
