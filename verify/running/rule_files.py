"""A rule by name or from a Python file: `my_rule.py:my_rule` names an `@optimizer` function.

Loading it runs the file, as `python my_rule.py` would.
"""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from types import ModuleType

from derive.engine.linear_memory import linear_method
from derive.language.update_rule import BadInput, Optimizer
from derive.optimizers import find_optimizer


def find_rule(name: str) -> Optimizer:
    """An optimizer by name, or by file as in `my_rule.py:my_rule`.

    Raises:
        BadInput: no such name or file, or the file does not declare it; the message has the line
            where the user's code failed.
    """
    path, colon, attribute = name.rpartition(":")
    if not colon or not path.endswith(".py"):
        return find_optimizer(name)
    module = _load(Path(path))
    found = getattr(module, attribute, None)
    if not isinstance(found, Optimizer):
        declared = [key for key, value in vars(module).items() if isinstance(value, Optimizer)]
        has = f"it declares {', '.join(declared)}" if declared else "it declares no optimizer"
        raise BadInput(f"{path} has no @optimizer function '{attribute}'; {has}.")
    _try_once(found, Path(path))
    return found


def _load(path: Path) -> ModuleType:
    if not path.is_file():
        raise BadInput(f"{path} is not a file; name a rule as file.py:function.")
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadInput(_located(error, path)) from error
    return module


def _try_once(rule: Optimizer, path: Path) -> None:
    """Read the rule's normal form, so that an error in it is told with its line."""
    try:
        linear_method(rule)
    except BadInput as error:
        line = _line(error.__cause__ or error, path)
        raise type(error)(f"{path}{line}: {error}") from error
    except Exception as error:
        raise BadInput(_located(error, path)) from error


def _located(error: BaseException, path: Path) -> str:
    said = str(error).splitlines()[0] if str(error) else "no message"
    return f"{path}{_line(error, path)}: {type(error).__name__}: {said}"


def _line(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError) and error.lineno:
        return f":{error.lineno}"
    own = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename) == path]
    return f":{own[-1].lineno}" if own else ""
