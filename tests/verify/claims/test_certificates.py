"""Certificates: a digit that matters is found by arithmetic, any other by the seal."""

import ast
import json
import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import sympy
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st

import verify.papers  # noqa: F401
from derive import extragradient, heavy_ball, nesterov
from derive.language.bad_input import BadInput
from derive.language.formula import BETA, K, Z
from derive.language.trees import LEAF, tree
from verify import recheck
from verify.claims.certificates import certify, file_name, write, write_manifest
from verify.claims.claim import REGISTRY, Settings
from verify.claims.judging import judge
from verify.claims.slots import Value
from verify.cli import main
from verify.running.losses import Loss, VectorField
from verify.running.recording import Recorder, recorder, recording, tree_of
from verify.running.residuals import steady_residual, transient_residual

ROOT = Path(__file__).parents[3]
FAST = Settings(digits=20, seed=3)
SOME = (
    "ghosh2023.shifted-start",
    "ghosh2023.variance-of-history-sum",
    "ghosh2023.gradient-descent",
    "ghosh2023.amplification",
    "cattaneo2025.narayana-polynomials",
    "cowsik2022.eigenvalues",
    "even2023.potential",
    "franca2020.heavy-ball",
    "rosca2021.simultaneous-flow",
)
CORRECTED = ("ghosh2023.variance-of-history-sum", "rosca2021.simultaneous-flow")
ids = st.sampled_from(SOME)


@cache
def text_of(id: str) -> str:
    return json.dumps(certify(REGISTRY.claims[id], FAST, {"python": "3"})[1])


def leaves(value, path=()):
    """The places of all texts and whole numbers that hold a digit."""
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in parts:
        if isinstance(part, dict | list):
            yield from leaves(part, (*path, key))
        elif not isinstance(part, bool) and any(c.isdigit() for c in str(part)):
            yield (*path, key)


def changed(certificate, path, draw):
    """The certificate with one digit of the text or number at this place changed."""
    found = deepcopy(certificate)
    place = found
    for key in path[:-1]:
        place = place[key]
    old = str(place[path[-1]])
    i = draw(st.sampled_from([i for i, c in enumerate(old) if c.isdigit()]))
    new = old[:i] + draw(st.sampled_from(sorted(set("0123456789") - {old[i]}))) + old[i + 1 :]
    place[path[-1]] = int(new) if isinstance(place[path[-1]], int) else new
    return found


@given(id=ids, data=st.data())
def test_any_changed_digit_breaks_the_seal(id, data):
    text = text_of(id)
    i = data.draw(st.sampled_from([i for i, c in enumerate(text) if c.isdigit()]))
    digit = data.draw(st.sampled_from(sorted(set("0123456789") - {text[i]})))
    with pytest.raises((ValueError, KeyError)):
        recheck.redo(json.loads(text[:i] + digit + text[i + 1 :]), id)


MATTERS = {
    "value": {"left", "right"},
    "identity": {"left"},
    "residual": {"loss", "start", "legs", "ends"},
    "order": {"ratio"},
}
"""What of an item holds the statement; the digits elsewhere may not matter to it: what is equal is
so at other points too, and the order of errors does not hang on their last digits."""


def matters(certificate, path) -> bool:
    if path[0] == "formulas":
        # a sum over k of binomial(n, k - 1) may as well begin at 0
        return path[1:] != ("$row", 2, 3)
    if path[0] != "checks" or "items" not in path:
        return False
    _, check, _, item, field, *rest = path
    held = certificate["checks"][check]["items"][item]
    # a difference stays one, and an order that is missed; beta^k is 0 to all digits at large k
    vacuous = held["holds"] is False and held["kind"] != "residual"
    # two derived formulas may be the same
    named = str(held[field]).startswith("$derived")
    return field in MATTERS[held["kind"]] and "k" not in rest and not vacuous and not named


@settings(max_examples=40)
@given(id=ids, data=st.data())
def test_a_changed_formula_point_value_or_coefficient_is_rejected_under_a_new_seal(id, data):
    certificate = json.loads(text_of(id))
    places = [path for path in leaves(certificate) if matters(certificate, path)]
    first = data.draw(st.sampled_from(sorted({path[0] for path in places})))
    path = data.draw(st.sampled_from([path for path in places if path[0] == first]))
    wrong = changed(certificate, path, data.draw)
    wrong["seal"] = recheck.seal(wrong)
    with pytest.raises(Exception):  # noqa: B017, PT011 (whatever breaks, it is not accepted)
        recheck.redo(wrong, id)


@pytest.mark.parametrize("id", SOME)
def test_another_verdict_is_rejected(id):
    certificate = json.loads(text_of(id))
    for verdict in {"confirmed", "corrected", "open"} - {certificate["verdict"]}:
        wrong = certificate | {"verdict": verdict}
        wrong["seal"] = recheck.seal(wrong)
        with pytest.raises(ValueError, match="verdict"):
            recheck.redo(wrong, id)


@pytest.mark.parametrize("id", SOME)
def test_a_wrong_formula_falls_although_it_is_written_into_the_certificate(id):
    certificate = json.loads(text_of(id))
    (name, *_) = recheck.redo(certificate, id)["proves"]
    slot = next(slot for slot in certificate["slots"] if slot["name"] == name)
    slot["value"] = f"2*({slot['value']})"
    certificate["formulas"][f"${name}"] = ["*", "2", certificate["formulas"][f"${name}"]]
    certificate["seal"] = recheck.seal(certificate)
    with pytest.raises(ValueError, match=r"identity|residual|ball|value"):
        recheck.redo(certificate, id)


@pytest.mark.parametrize("id", SOME)
def test_the_text_of_the_formula_is_that_of_the_tree(id):
    certificate = json.loads(text_of(id))
    assert recheck.redo(certificate, id)["proves"]
    slot = next(s for s in certificate["slots"] if f"${s['name']}" in certificate["formulas"])
    slot["value"] = f"2*({slot['value']})"
    certificate["seal"] = recheck.seal(certificate)
    with pytest.raises(ValueError, match="the text"):
        recheck.redo(certificate, id)


@pytest.mark.parametrize("id", SOME)
def test_without_evidence_nothing_is_proved(id):
    certificate = json.loads(text_of(id))
    for check in certificate["checks"]:
        check["items"] = []
    certificate["seal"] = recheck.seal(certificate)
    assert recheck.redo(certificate, id)["proves"] == []


def test_an_item_brings_no_precision_bound_or_points_of_its_own():
    x = ["symbol", "x"]
    item = {"left": ["log", x], "right": ["log", ["*", "2", x]], "at": {}}
    own = {"bits": "2", "narrower": "9", "points": [{"x": "0"}]}
    assert recheck.identity(item | own) is False


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("exp(x + y)", "exp(x)*exp(y)", True),
        ("asinh(x)", "log(x + sqrt(1 + x**2))", True),
        ("sin(2*x)", "2*sin(x)*cos(x)", True),
        ("LambertW(x)*exp(LambertW(x))", "x", True),
        ("cos(pi*x)", "1 - 2*sin(pi*x/2)**2", True),
        ("x**(y - 1)*x", "x**y", True),
        ("(x/2)**k", "x**k", False),
        ("(2*x)**k", "2**k*x**k", True),
        ("sqrt(x**2 - 4*y)**2", "x**2 - 4*y", True),
        ("exp(x)", "1 + x + x**2/2", False),
        ("cos(pi*x)", "cos(22*x/7)", False),
        ("sqrt(-x)", "sqrt(-x)", None),
    ],
)
def test_functions_are_compared_at_points_of_the_checkers_own(left, right, equal):
    item = {side: tree_of(sympy.sympify(text)) for side, text in (("left", left), ("right", right))}
    assert recheck.identity(item | {"at": {}}) is equal
    written = recheck._parsed(ast.parse(left, mode="eval").body)
    assert recheck.identity({"left": written, "right": item["right"], "at": {}}) is equal


def test_an_identity_that_any_formula_passes_holds_none():
    id = "ghosh2023.amplification"
    certificate = json.loads(text_of(id))
    (name,) = recheck.redo(certificate, id)["proves"]
    nothing = ["*", "0", f"${name}"]
    for check in certificate["checks"]:
        for item in check["items"]:
            if item["kind"] == "identity":
                item |= {"left": nothing, "right": "0"}
    certificate["seal"] = recheck.seal(certificate)
    assert recheck.redo(certificate, id)["proves"] == []


@pytest.mark.parametrize("id", CORRECTED)
def test_what_was_printed_is_another_formula(id):
    certificate = json.loads(text_of(id))
    mark = next(mark for mark in certificate["formulas"] if mark.endswith(" printed"))
    right = mark.removesuffix(" printed")
    certificate["formulas"][mark] = certificate["formulas"][right]
    texts = {s["name"]: s["value"] for s in certificate["slots"]}
    for slot in certificate["misprint"]:
        slot["value"] = texts[slot["name"]]
    certificate["seal"] = recheck.seal(certificate)
    with pytest.raises(ValueError, match=r"as it was printed|printed form rejected"):
        recheck.redo(certificate, id)


@pytest.mark.parametrize("key", ["source", "statement", "condition", "slots"])
def test_other_words_than_the_claims_are_told(capsys, tmp_path, key):
    certificate = json.loads(text_of(SOME[0]))
    write(tmp_path, certificate)
    assert undertow(capsys, "recheck", str(tmp_path))[0] == 0
    other = deepcopy(certificate[key])
    if key == "slots":
        next(s for s in other if s["kind"] == "order")["value"] = "O(h^7)"
    certificate[key] = other if key == "slots" else f"{other} and more"
    certificate["seal"] = recheck.seal(certificate)
    write(tmp_path, certificate)
    code, out, _ = undertow(capsys, "recheck", str(tmp_path))
    assert code == 1
    assert f"undertow's claim has another {key}" in out


def test_one_that_proves_nothing_is_told(capsys, tmp_path):
    write(tmp_path, json.loads(text_of("ghosh2023.gradient-flow")))
    code, out, _ = undertow(capsys, "recheck", str(tmp_path))
    assert code == 3
    assert "proves nothing about the formula" in out


@pytest.mark.parametrize(("order", "seen"), [("2", True), ("1", False), ("3", False)])
def test_an_order_is_read_off_the_errors_by_the_checker(order, seen):
    errors = [["25", str(-2 * j)] for j in range(1, 6)]
    assert recheck.order({"errors": errors, "ratio": "10", "order": order}) is seen


def test_a_certificate_that_is_missing_is_missed(tmp_path):
    claims = [REGISTRY.claims[id] for id in SOME[:2]]
    for claim in claims:
        write(tmp_path, json.loads(text_of(claim.id)))
    write_manifest(tmp_path, claims)
    assert all(result["accepted"] for result in recheck.recheck(tmp_path))
    (tmp_path / f"{SOME[0]}.json").unlink()
    missed, there = recheck.recheck(tmp_path)
    assert (missed["claim"], missed["accepted"], there["accepted"]) == (SOME[0], False, True)


def test_a_run_that_is_stopped_has_named_its_certificates(capsys, monkeypatch, tmp_path):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("verify.campaigns.runner.judge_all", stop)
    undertow(capsys, "verify", SOME[0], "--certificates", str(tmp_path))
    assert json.loads((tmp_path / "manifest.json").read_text()) == [SOME[0]]


def test_two_names_do_not_share_a_file():
    names = ("a/b:r", "a_b_r", "a:b/r", "a_b:r", "x" * 300, "x" * 301)
    claims = [replace(REGISTRY.claims[SOME[0]], id=name) for name in names]
    assert len({file_name(claim) for claim in claims}) == len(names)
    assert max(len(file_name(claim)) for claim in claims) < 120


def test_a_file_that_is_no_certificate_is_not_overwritten(tmp_path):
    path = tmp_path / f"{SOME[0]}.json"
    path.write_text("mine")
    with pytest.raises(BadInput, match="no certificate of ours"):
        write(tmp_path, json.loads(text_of(SOME[0])))
    assert path.read_text() == "mine"


def test_nothing_is_recorded_unless_asked_and_the_verdict_is_the_same():
    claim = REGISTRY.claims["ghosh2023.delay"]
    assert recorder() is None
    result, certificate = certify(claim, FAST, {})
    assert recorder() is None
    assert [c.passed for c in result.checks] == [c.passed for c in judge(claim, FAST).checks]
    redone = recheck.redo(certificate, claim.id)
    assert redone["redone"] == {"identity": 50, "residual": 51, "order": 1}
    assert redone["without"] == []


def recorded(decide) -> list:
    with recording() as log:
        log.begin("check", {"formula": sympy.Symbol("c")}, refutes=False)
        decide(log)
    return log.sections[0].evidence


def identity(left, right, equal) -> list:
    def decide(log: Recorder) -> None:
        log.identity(left, right, equal)

    return recorded(decide)


n, s = sympy.symbols("n s")


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ((1 - BETA ** (2 * K + 2)) / (1 - BETA), (1 + BETA) * (1 - BETA ** (2 * K + 2)), False),
        (BETA ** (K + 1) * BETA**K, BETA ** (2 * K) * BETA, True),
        (BETA**K, BETA ** (K + 1), False),
        (sympy.sqrt(BETA) ** 3 / BETA, sympy.sqrt(BETA), True),
        (sympy.sqrt(BETA), -sympy.sqrt(BETA), False),
        (
            ((1 + BETA - Z) ** 2 - 4 * BETA) / sympy.sqrt((1 + BETA - Z) ** 2 - 4 * BETA),
            sympy.sqrt((1 + BETA - Z) ** 2 - 4 * BETA),
            True,
        ),
        (1 / (1 - BETA) + 1 / (1 + BETA), 2 / (1 - BETA**2), True),
    ],
)
def test_the_checker_decides_identities_exactly(left, right, equal):
    (item,) = identity(left, right, equal)
    assert recheck.identity(item) is equal
    assert identity(left, right, not equal) == []


def test_the_checker_writes_out_sums():
    rows = sympy.Sum(sympy.binomial(n, K) ** 2 * s**K, (K, 0, n))

    def decide(log: Recorder) -> None:
        log.identity(rows, 1 + 9 * s + 9 * s**2 + s**3, True, n=3)

    (item,) = recorded(decide)
    assert recheck.identity(item)


def beside(here, before, h):
    return [here - before]


@pytest.mark.parametrize("optimizer", [heavy_ball, nesterov], ids=str)
@pytest.mark.parametrize("wrong", [0, 1])
def test_residuals_are_redone_without_the_programs_that_made_them(optimizer, wrong):
    """b of the modified flow at beta = 1/2 is 2, and -6 or -4 at two nodes; a wrong one is seen."""
    loss = Loss(2, lambda x: x[0] ** 4 / 4 + x[0] * x[1] ** 2 + x[1] / 3, "quartic")
    pair = fmpq(-6 if optimizer is heavy_ball else -4) + wrong
    weights = {"[]": fmpq(2), "[[]]": pair}

    def decide(_: Recorder) -> None:
        steady_residual(
            optimizer,
            loss,
            [fmpq(1), fmpq(1, 3)],
            lambda h: {tree(t): h ** (i) * w for i, (t, w) in enumerate(weights.items())},
            parameters={"beta": fmpq(1, 2)},
            length=4,
            memory=beside,
        )

    (item,) = recorded(decide)
    assert recheck.residual(item) is item["holds"] is True
    assert len(item["roots"]) == 3 - wrong
    item["roots"].append([])
    assert recheck.residual(item) is False


@pytest.mark.parametrize("id", ["rosca2021.simultaneous-step", "shi2022.nesterov-equation"])
def test_what_a_wrong_flow_leaves_is_written_down_as_such(id):
    claim = REGISTRY.claims[id]
    says = claim.says
    assert says
    for name, formula in says.formulas().items():
        wrong = says.changed(**{name: Value(formula * 2)})
        with recording() as log:
            log.begin("wrong", wrong.formulas(), refutes=False)
            claim.checks[0].judge(wrong, FAST)
        assert any(item["holds"] is False for item in log.sections[0].evidence), name


def test_a_game_is_restated_by_its_field_and_other_losses_are_left_out():
    game = VectorField(2, lambda x: [x[1] * 2, -x[0]], "x y")

    def follow(field, rule):
        return lambda _: transient_residual(
            rule,
            field,
            [fmpq(1), fmpq(1, 3)],
            lambda k, h: {LEAF: h * 0 + 1},
            parameters={},
            length=3,
            steps=2,
        )

    (item,) = recorded(follow(game, extragradient))
    assert recheck.residual(item) is item["holds"]
    smooth = Loss(2, lambda x: 1 / (x[0] ** 2 + 2) + x[1] ** 2, "a fraction")
    assert recorded(follow(smooth, extragradient)) == []


def test_the_checker_is_small_and_stands_alone(tmp_path):
    path = ROOT / "verify" / "recheck.py"
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").split(".")[0])
    assert imported <= {"flint"} | set(sys.stdlib_module_names)
    blocked = "import sys; sys.modules.update(dict.fromkeys(('derive', 'sympy', 'verify')))"
    write(tmp_path, json.loads(text_of("ghosh2023.amplification")))
    code = (
        f"{blocked}; import runpy; sys.argv = ['recheck', {str(tmp_path)!r}]; "
        f"sys.path.insert(0, ''); runpy.run_path({str(path)!r}, run_name='__main__')"
    )
    for command in (["-c", code], [str(path), str(tmp_path)]):
        run = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        (found,) = json.loads(run.stdout)
        assert found["claim"] == "ghosh2023.amplification"
        assert found["redone"]["residual"] == 18


def undertow(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stop:
        main(list(arguments))
    said = capsys.readouterr()
    return int(stop.value.code or 0), said.out, said.err


def test_a_folder_makes_the_round_trip_and_a_changed_file_is_named(capsys, tmp_path):
    folder = tmp_path / "certificates"
    chosen = ("ghosh2023.gradient-descent", "cowsik2022.product")
    code, _, _ = undertow(
        capsys, "verify", *chosen, "--digits", "20", "--certificates", str(folder)
    )
    assert code == 0
    assert {path.stem for path in folder.iterdir()} == {*chosen, "manifest"}
    code, out, _ = undertow(capsys, "recheck", str(folder))
    assert code == 0
    assert "0 rejected" in out
    path = folder / "cowsik2022.product.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"seed": 0', '"seed": 1'))
    code, out, _ = undertow(capsys, "recheck", str(folder), "--format", "json")
    assert code == 1
    assert json.loads(out)["rejected"] == ["cowsik2022.product"]


@pytest.mark.parametrize("content", [None, "", "[1, 2]", "{", '{"claim": "ghosh2023.gamma"}'])
def test_what_is_no_certificate_is_said_in_one_sentence(capsys, tmp_path, content):
    if content is not None:
        (tmp_path / "other.json").write_text(content, encoding="utf-8")
    code, out, err = undertow(capsys, "recheck", str(tmp_path))
    assert (code, out) == (2, "")
    assert err.startswith("undertow: ")
    assert err.count("\n") == 1
