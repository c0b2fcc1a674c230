r"""Elementary differentials in derivative notation: nabla^2 E nabla E, nabla^3 E[nabla E, nabla E].

Signs: F(t) of f = -grad E is (-1)^|t| times what is written here, which is in terms of E.
"""

from __future__ import annotations

from collections.abc import Callable

from derive.trees import Tree

Notation = Callable[[int], str]


def latex_differential(t: Tree, game: bool = False) -> str:
    r"""The vector, for a paper; of a general field G in the place of grad E where `game`.

    >>> from derive.trees import tree
    >>> print(latex_differential(tree("[[],[]]")))
    \nabla^{3}E[\nabla E,\nabla E]
    """
    return _vector(t, _latex_jacobian if game else _latex_derivative, r"\,")


def text_differential(t: Tree, game: bool = False) -> str:
    """The vector, for a terminal; of a general field G in the place of grad E where `game`.

    >>> from derive.trees import tree
    >>> text_differential(tree("[[[]]]"))
    '∇²E ∇²E ∇E'
    """
    return _vector(t, _text_jacobian if game else _text_derivative, " ")


def latex_scalar(t: Tree) -> str:
    r"""The scalar with one factor E per node, contracted along the edges of the free tree.

    >>> from derive.trees import tree
    >>> print(latex_scalar(tree("[[]]")))
    \lVert\nabla E\rVert^{2}
    """
    return _scalar(t, _latex_derivative, r"\,", r"\lVert\nabla E\rVert^{2}", r"\nabla E^{\top}")


def text_scalar(t: Tree) -> str:
    """The same scalar for a terminal."""
    return _scalar(t, _text_derivative, " ", "‖∇E‖²", "∇Eᵀ")


def _latex_derivative(times: int) -> str:
    return r"\nabla E" if times == 1 else rf"\nabla^{{{times}}}E"


def _text_derivative(times: int) -> str:
    digits = str(times).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return "∇E" if times == 1 else f"∇{digits}E"


def _latex_jacobian(times: int) -> str:
    return "G" if times == 1 else f"G^{{({times - 1})}}"


def _text_jacobian(times: int) -> str:
    return "G" + "′" * (times - 1)


def _vector(t: Tree, derivative: Notation, space: str) -> str:
    head = derivative(len(t.branches) + 1)
    if not t.branches:
        return head
    if len(t.branches) == 1:
        return head + space + _vector(t.branches[0], derivative, space)
    inside = ",".join(_vector(branch, derivative, space) for branch in reversed(t.branches))
    return f"{head}[{inside}]"


def _scalar(t: Tree, derivative: Notation, space: str, square: str, row: str) -> str:
    if t.order == 1:
        return "E"
    if t.order == 2:
        return square
    root = max(t.rootings, key=lambda r: (len(r.branches), r.text))
    if len(root.branches) > 2:
        inside = ",".join(_vector(branch, derivative, space) for branch in reversed(root.branches))
        return f"{derivative(len(root.branches))}[{inside}]"
    path = [row, *[derivative(2)] * (t.order - 2), derivative(1)]
    return space.join(path)
