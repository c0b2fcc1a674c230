"""Drafts on the site and in the book: hostile texts become words, or are refused."""

import re
from pathlib import Path

import pytest

from derive.language.bad_input import BadInput
from verify.claims.claim import Settings
from verify.claims.judging import judge
from verify.workbench.draft_template import write_template
from verify.workbench.drafts import Draft, load_draft, load_drafts

pytest.importorskip("jinja2", reason="the site and the book are written with the extra 'report'")
pytest.importorskip("latex2mathml", reason="the site and the book are written with 'report'")

from verify.report.book import export
from verify.report.printable import escaped, printable
from verify.report.site import SiteContent, pages

HOSTILE = r"""
id = "evil.one"
type = "existence"
statement = 'It is STATED & some % of #a_b \input{x}, below {order}.'
expected = "confirmed"
source = { key = "evil", where = "<script>w</script> \\input{x}", known = "read", quote = "<b>" }
[formula]
because = "<svg onload=alert(3)> \\write18{ls}"
condition = "<iframe src=x>"
counterexample = "<script>c</script>"
[about]
optimizer = "heavy-ball"
quantity = "modified-loss"
claimed_order = 2
"""
TAGS = re.compile(r"<(?:script(?! src=)|svg onload|iframe|b>)")


@pytest.fixture
def hostile(tmp_path: Path):
    """Writes the draft with some words in its statement and reads it."""

    def read(words: str = "an order") -> Draft:
        path = tmp_path / "draft.toml"
        path.write_text(HOSTILE.replace("STATED", words).lstrip(), encoding="utf-8")
        return load_draft(path)

    return read


def test_no_text_of_a_draft_becomes_an_element_of_a_page(hostile):
    results = [judge(hostile(), Settings(digits=20))]
    written = pages(SiteContent(results, Settings(digits=20), optimizers=()))
    assert "&lt;script&gt;w" in "".join(written["claims/evil.one.html"])
    for name in ("claims/evil.one.html", "index.html", "errata.html"):
        assert not TAGS.search("".join(written[name]))


def test_no_text_of_a_draft_becomes_a_command_of_latex(hostile, tmp_path: Path):
    export([printable(hostile())], tmp_path / "book", force=False)
    text = (tmp_path / "book" / "statements.tex").read_text(encoding="utf-8")
    assert not re.search(r"\\(?:input|write)(?![a-z])", text)
    assert r"some \% of \#a\_b \textbackslash{}input\{x\}" in text


@pytest.mark.parametrize(
    "words",
    [
        r"$\input{/etc/passwd}$",
        r"$\def\a{b}$",
        r"$x^^5cinput{y}$",
        r"$}\end{document}$",
        r"$\begin{verbatim}$",
        r"$a%b$",
        r"$\text{$x$}$",
        "$x",
    ],
)
def test_what_is_no_mathematics_is_refused(words: str):
    with pytest.raises(BadInput) as caught:
        escaped(words)
    assert "\n" not in str(caught.value)


def test_a_command_in_an_entry_of_bibtex_is_refused(hostile):
    with pytest.raises(BadInput, match=r"source\.bibtex holds"):
        printable(hostile(), r"@misc{evil, title = {\input{x}}}")
    path = hostile().path
    path.write_text(path.read_text("utf-8").replace('"evil"', '"e}vil"'), encoding="utf-8")
    with pytest.raises(BadInput, match=r"source\.key is 'e\}vil'"):
        load_draft(path)


def test_the_template_goes_into_a_book_and_onto_a_site_as_it_is(tmp_path: Path):
    path = tmp_path / "draft.toml"
    write_template(path)
    claims = load_drafts(path)
    for claim in claims:
        assert printable(claim).sentence == claim.sentence
    entries = {"mypaper2026": "@misc{mypaper2026, title = {My paper}}"}
    export([printable(claim) for claim in claims], tmp_path / "book", force=False, entries=entries)
    assert entries["mypaper2026"] in (tmp_path / "book" / "undertow.bib").read_text("utf-8")
    results = [judge(claim, Settings(digits=20)) for claim in claims]
    written = pages(SiteContent(results, Settings(digits=20), optimizers=()))
    assert all(claim.id in "".join(written[f"claims/{claim.id}.html"]) for claim in claims)
