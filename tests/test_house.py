"""The plan of the house, computed from the imports: arrows point down, and nobody knocks twice."""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from pathlib import Path

import pytest

import verify.papers  # noqa: F401  (registers the claims)
from verify.claims.claim import REGISTRY
from verify.claims.sources import BIBTEX

ROOT = Path(__file__).parent.parent
GROUND = {"derive.faces", "verify.recheck"}
"""Files that stand alone: they import nothing of ours."""
FLOORS = [
    "the ground",
    "derive.language",
    "derive.optimizers",
    "derive.engine",
    "derive.batches",
    "derive.quadratics",
    "derive.valleys",
    "derive.networks",
    "derive",
    "verify.running",
    "verify.models",
    "verify.claims",
    "verify.claims.checks",
    "verify.simulations",
    "verify.papers",
    "verify.formulas",
    "verify.workbench",
    "verify.networks",
    "verify.campaigns",
    "verify.report",
    "verify.commands",
    "verify",
]
"""Every folder, from the ground up. Folders below `papers` and `report` belong to their parent."""
FACES = {"derive", "verify"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    name_of(path): path
    for package in sorted(FACES)
    for path in sorted((ROOT / package).rglob("*.py"))
}
FOLDERS = {name for name, path in FILES.items() if path.name == "__init__.py"}


def room(module: str) -> str:
    """The folder that a module lies in, or is."""
    if module in GROUND:
        return "the ground"
    folder = module if module in FOLDERS else module.rpartition(".")[0]
    for parent in ("verify.papers", "verify.report"):
        if folder.startswith(f"{parent}."):
            return parent
    return folder


def imports(tree: ast.AST) -> Iterator[str]:
    """The modules that a file imports, at its top or within a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in FILES else node.module


@cache
def arrows() -> dict[str, set[str]]:
    return {
        name: {found for found in imports(ast.parse(path.read_text("utf-8"))) if found in FILES}
        for name, path in FILES.items()
    }


def test_the_plan_names_every_folder_once():
    assert sorted({room(folder) for folder in FOLDERS}) == sorted(FLOORS[1:])


@pytest.mark.parametrize("name", FILES)
def test_a_file_imports_from_its_own_folder_and_from_those_below(name: str):
    own = room(name)
    allowed = {own, *FLOORS[: FLOORS.index(own)]}
    assert {found for found in arrows()[name] if room(found) not in allowed} == set()


@pytest.mark.parametrize("name", sorted(GROUND))
def test_a_file_on_the_ground_imports_nothing_of_ours(name: str):
    assert arrows()[name] == set()


def test_no_files_import_each_other_in_a_circle():
    try:
        TopologicalSorter(arrows()).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_directly_in_verify_there_is_the_way_in_and_nothing_else():
    found = {path.name for path in (ROOT / "verify").iterdir() if path.suffix == ".py"}
    assert found == {"__init__.py", "__main__.py", "cli.py", "recheck.py"}


MOST_LINES = 400


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_short_enough_to_be_read_at_once(name: str):
    assert len(FILES[name].read_text("utf-8").splitlines()) < MOST_LINES


@pytest.mark.parametrize("name", [n for n in FILES if n.startswith("derive.engine.")])
def test_each_module_of_the_engine_has_its_tests(name: str):
    assert (ROOT / "tests" / "derive" / "engine" / f"test_{name.rpartition('.')[2]}.py").exists()


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_a_folder_says_which_question_it_answers(folder: str):
    docstring = ast.get_docstring(ast.parse(FILES[folder].read_text("utf-8")))
    assert docstring
    assert folder in FACES or room(folder) != folder or "?" in docstring.splitlines()[0]


def defined_twice(texts: Mapping[str, str]) -> dict[str, list[str]]:
    """The class names that several classes bear, with the modules of these."""
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for module, text in texts.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(module)
    return {name: found for name, found in homes.items() if len(found) > 1}


def test_a_class_name_is_defined_once():
    assert defined_twice({name: path.read_text("utf-8") for name, path in FILES.items()}) == {}


def test_a_class_defined_again_is_seen_within_another_too():
    texts = {"derive.a": "class Case: ...", "verify.b": "class Row:\n    class Case: ..."}
    assert defined_twice(texts) == {"Case": ["derive.a", "verify.b"]}


BY_SUBJECT = {"verify.papers", "verify.claims.checks", "verify.report", "verify.commands"}
"""Rooms whose files are named by their subject: one may bear the very name of another module that
is about it."""


def forms(stem: str) -> set[str]:
    """What it may be in the singular: itself, and without the ending of a plural."""
    plain = stem.replace("_", "")
    endings = {"": "", "s": "", "es": "", "ies": "y"}
    return {plain.removesuffix(e) + end for e, end in endings.items() if plain.endswith(e)}


def mistaken(modules: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of modules of one stem, or of stems that differ by a plural or by underscores only."""

    def alike(pair: tuple[str, str]) -> bool:
        one, other = (module.rpartition(".")[2] for module in pair)
        if one == other:
            return BY_SUBJECT.isdisjoint(map(room, pair))
        return not forms(one).isdisjoint(forms(other))

    return [pair for pair in combinations(sorted(modules), 2) if alike(pair)]


def test_a_module_name_stands_for_one_subject():
    assert mistaken(FILES.keys() - FOLDERS) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("derive.engine.display", "verify.formulas.display"),
        ("derive.engine.display", "verify.formulas.displays"),
        ("derive.engine.modified_loss", "verify.papers.own.modified_losses"),
        ("verify.report.figures.trajectory", "verify.running.trajectories"),
        ("derive.engine.startup", "verify.claims.checks.start_up"),
    ],
)
def test_modules_that_may_be_mistaken_for_each_other_are_seen(one: str, other: str):
    assert mistaken([one, "verify.papers.own.loss", other]) == [(one, other)]
    assert mistaken([one, "verify.papers.own." + one.rpartition(".")[2]]) == []


def key_of(path: Path) -> str:
    """The source that a file of `verify/papers` belongs to."""
    return path.relative_to(PAPERS).with_suffix("").parts[0]


def claimed(tree: ast.AST) -> Iterator[str]:
    """The ids of the claims that a file makes."""
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "claim"
        ):
            assert isinstance(node.args[0], ast.Constant)
            yield str(node.args[0].value)


PAPERS = ROOT / "verify" / "papers"
OF_PAPERS = [p for p in sorted(PAPERS.rglob("*.py")) if p != PAPERS / "__init__.py"]


def test_each_source_has_one_file_or_folder_named_as_in_the_bibliography():
    places = [p.stem for p in PAPERS.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()]
    keys = {claim.source.key for claim in REGISTRY.claims.values()}
    assert sorted(places) == sorted({*keys, "__init__"})
    assert keys <= BIBTEX.keys()


@pytest.mark.parametrize("path", OF_PAPERS, ids=lambda p: str(p.relative_to(PAPERS)))
def test_a_file_of_a_source_holds_its_claims_and_needs_no_other_source(path: Path):
    tree, key = ast.parse(path.read_text("utf-8")), key_of(path)
    assert {id.partition(".")[0] for id in claimed(tree)} <= {key}
    papers = {found for found in imports(tree) if found.startswith("verify.papers.")}
    assert {found.split(".")[2] for found in papers} <= {key}


def code_of_readme() -> Iterator[str]:
    text = (ROOT / "README.md").read_text("utf-8")
    yield from re.findall(r"```python\n(.*?)```", text, re.DOTALL)


def code_of(notebook: Path) -> Iterator[str]:
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            yield "".join(cell["source"])


TAUGHT = {"README": list(code_of_readme())} | {
    path.stem: list(code_of(path)) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))
}


@pytest.mark.parametrize("name", TAUGHT)
def test_what_people_are_taught_to_import_is_no_deeper_than_one_folder(name: str):
    found = {module for code in TAUGHT[name] for module in imports(ast.parse(code))}
    ours = {module for module in found if module.split(".")[0] in FACES}
    assert ours
    assert ours <= FACES | {folder for folder in FOLDERS if folder.count(".") == 1}


SHOWN = re.compile(r"^from (\S+) import (\w+) as \2$", re.MULTILINE)
EXAMPLES = ROOT / "tests" / "examples"


def taken(text: str) -> Iterator[tuple[str, str]]:
    """Module and name of all that code, or an import in its doctests, takes from elsewhere."""
    doctests = "\n".join(re.findall(r">>> (from \S+ import [^(\n]+)$", text, re.MULTILINE))
    names: defaultdict[str, set[str]] = defaultdict(set)
    nodes = [*ast.walk(ast.parse(text)), *ast.walk(ast.parse(doctests))]
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            for alias in node.names:
                whole = f"{module}.{alias.name}" if module else alias.name
                names[alias.asname or alias.name].add(whole)
                yield module or "", alias.name
    for node in nodes:
        if isinstance(node, ast.Attribute):
            yield from ((whole, node.attr) for whole in names.get(ast.unparse(node.value), ()))


def offered(text: str) -> str:
    """What the errors of a file say, and the types that its public functions and classes have."""
    said = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Raise):
            found = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            given = [*node.args.args, *node.args.kwonlyargs]
            found = [ast.unparse(a) for a in (node.returns, *(a.annotation for a in given)) if a]
        elif isinstance(node, ast.AnnAssign):
            found = [ast.unparse(node.annotation)]
        else:
            continue
        said += map(str, found)
    return " ".join(said)


def idle(stubs: Mapping[str, str], texts: Mapping[str, str], words: set[str]) -> list[str]:
    """What a face shows and nobody uses: no other file takes it, none of these words names it, and
    in its own file it is neither the way out of an error nor the type of anything public."""
    users = defaultdict(set)
    for module, text in texts.items():
        for take in taken(text):
            users[take].add(module)
    shown = defaultdict(set)
    for face, stub in stubs.items():
        for home, name in SHOWN.findall(stub):
            shown[home, name].add(face)
    return [
        f"{home}.{name}"
        for (home, name), faces in shown.items()
        if {user for place in (home, *faces) for user in users[place, name]} <= {home}
        and name not in words
        and not re.search(rf"\b{name}\b", offered(texts[home]))
    ]


def test_what_a_face_shows_is_used_outside_of_its_file_and_of_the_tests():
    stubs = {
        f: FILES[f].with_suffix(".pyi") for f in FOLDERS if FILES[f].with_suffix(".pyi").exists()
    }
    texts = {name: path.read_text("utf-8") for name, path in FILES.items()}
    texts |= {f"{name} {i}": code for name, of in TAUGHT.items() for i, code in enumerate(of)}
    texts |= {path.stem: path.read_text("utf-8") for path in EXAMPLES.glob("*.py")}
    code = re.findall(r"`([^`\n]+)`", (ROOT / "README.md").read_text("utf-8"))
    words = {word.replace("-", "_") for word in re.findall(r"[\w-]+", " ".join(code))}
    assert idle({f: stub.read_text("utf-8") for f, stub in stubs.items()}, texts, words) == []


@pytest.mark.parametrize(
    ("more", "words", "found"),
    [
        ({}, set(), ["derive.a.flow"]),
        ({"verify.b": "from derive.a import flow"}, set(), []),
        ({"verify.b": "import derive\nderive.flow()"}, set(), []),
        ({"verify.b": "from derive import a as rules\nrules.flow()"}, set(), []),
        ({"verify.b": "def flow(): ..."}, set(), ["derive.a.flow"]),
        ({"derive.a": "def loss(of: int) -> flow: ..."}, set(), []),
        ({"derive.a": "def f(): raise ValueError('use flow.')"}, set(), []),
        ({}, {"flow"}, []),
    ],
)
def test_an_idle_name_of_a_face_is_seen(more: dict[str, str], words: set[str], found: list[str]):
    texts = {"derive.a": "def flow(): ...\nflow()"} | more
    assert idle({"derive": "from derive.a import flow as flow"}, texts, words) == found
