"""The reference made from docstrings, and how to cite: complete, and true of this version."""

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
# A claim's helpers are private to its module; what is public there, the claims, must have one.
MODULES = [
    path
    for package in ("derive", "verify")
    for path in sorted((ROOT / package).rglob("*.py"))
    if "papers" not in path.parts
]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def is_overload(node: ast.stmt) -> bool:
    return any(ast.unparse(mark) == "overload" for mark in getattr(node, "decorator_list", []))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_public_function_and_class_has_a_docstring(path):
    module = ast.parse(path.read_text(encoding="utf-8"))
    public = [
        node
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not is_overload(node)
    ]
    missing = [node.name for node in public if not ast.get_docstring(node)]
    assert missing == []
    assert ast.get_docstring(module) or path.read_text(encoding="utf-8").strip() == ""


def test_the_citation_file_has_what_its_format_requires():
    assert set(CITATION) >= {"cff-version", "message", "title", "authors"}
    assert set(CITATION) <= {
        *("cff-version", "message", "title", "authors", "type", "version", "license", "abstract"),
        *("keywords", "date-released", "repository-code", "url", "doi", "references"),
    }
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] == "software"
    for author in CITATION["authors"]:
        assert set(author) <= {"name", "given-names", "family-names", "orcid", "affiliation"}
        assert "name" in author or "family-names" in author


def test_the_citation_file_is_of_this_version():
    assert CITATION["version"] == PROJECT["version"]
    assert CITATION["license"] == PROJECT["license"]
    assert CITATION["title"].startswith(PROJECT["name"])
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert re.search(re.escape(CITATION["authors"][0]["name"]), licence, re.IGNORECASE)
