"""The table of conventions in the README, each entry from a declaration."""

import ast
import inspect
import textwrap

import sympy

from derive.engine.linear_memory import linear_method
from derive.engine.modified_loss import modified_loss
from derive.language.coefficients import Coefficient
from derive.language.writing import plain
from verify.workbench.conventions import PAIR
from verify.workbench.library_momentum import CONVENTIONS, Convention


def conventions_table() -> str:
    """In Markdown."""
    head = ["convention", "library", "update", "effective learning rate"]
    head += ["‖∇E‖² in the modified loss", "first gradient counts"]
    rows = [_table_row(c, position) for c in CONVENTIONS.values() for position in c.switches]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def _table_row(convention: Convention, position: bool) -> list[str]:
    rule = convention.variant(position)
    loss, method = modified_loss(rule, order=2), linear_method(rule)
    ((immediate,), (read,), (start,)) = method.b, method.v, method.start
    begun = immediate + read * sum(start, method.ring.number(0))

    def code(weight: Coefficient) -> str:
        return f"`{plain(sympy.Symbol(convention.lr) * weight.as_expr())}`"

    return [
        f"{convention.name}{', nesterov' * position}",
        convention.library,
        "<br>".join(f"`{line}`" for line in update_lines(convention, position)),
        code(loss.scale),
        code(loss.terms[PAIR]),
        code(begun) + (f", a later one {code(immediate)}" if begun != immediate else ""),
    ]


def update_lines(convention: Convention, nesterov: bool = False) -> list[str]:
    """The update as it is declared, in the words of the convention."""
    rule = convention.rule
    (function,) = ast.parse(textwrap.dedent(inspect.getsource(rule.rule))).body
    if not isinstance(function, ast.FunctionDef):
        raise TypeError(f"{rule} is no function")
    written = _Written(convention.lr, nesterov)
    *lines, last = filter(None, map(written.visit, function.body[1:]))
    state = (function.args.args[0].arg, *rule.memory)
    values = [ast.unparse(value) for value in last.value.elts]
    changed = [(n, value) for n, value in zip(state, values, strict=True) if n != value]
    names, values = (", ".join(column) for column in zip(*changed, strict=True))
    return [*map(ast.unparse, lines), f"{names} = {values}"]


class _Written(ast.NodeTransformer):
    """Gives h its name, keeps one side of the switch, drops special cases of the parameters."""

    def __init__(self, lr: str, nesterov: bool) -> None:
        self.lr = lr
        self.nesterov = nesterov

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.lr if node.id == "h" else node.id, node.ctx)

    def visit_If(self, node: ast.If) -> None:
        return None

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        return self.visit(node.body if self.nesterov else node.orelse)
