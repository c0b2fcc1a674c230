"""The site: every formula becomes MathML, and a real browser reads, filters and copies."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sympy
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

import verify.papers  # noqa: F401
from derive.language.update_rule import BadInput
from derive.optimizers import ZOO
from verify.campaigns.ledger import Ledger, LedgerEntry
from verify.claims.claim import REGISTRY, Kind, Settings
from verify.claims.judging import ClaimResult, judge
from verify.claims.sources import BIBTEX
from verify.cli import main
from verify.report import mathml, optimizer_pages, site
from verify.report.site import Figure, SiteContent, check_place, cited, pages, python, write_site
from verify.report.trust import Trials, read_trials

CLAIMS = list(REGISTRY.claims.values())
UNJUDGED = [ClaimResult(claim, ()) for claim in CLAIMS]
SHOWN = (
    "ghosh2023.modified-loss",
    "ghosh2023.batch-strength-mean",
    "cowsik2022.eigenvalues",
    "gunasekar2023.small-start",
)
OPTIMIZERS = ("gradient-descent", "heavy-ball", "extragradient")
PHONE, DESK = 390, 1200
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
needs_browser = pytest.mark.skipif(
    not (CHROMIUM and DRIVER) and "CI" not in os.environ,
    reason="chromium and chromedriver are not installed",
)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_formula_and_sentence_becomes_mathml_without_leftovers(claim):
    for formula in filter(None, (claim.printed, claim.right)):
        mathml.displayed(claim, formula)
        if formula.conditions:
            mathml.math(formula.conditions)
    for text in (claim.worded, claim.condition, claim.because, claim.counterexample):
        assert "$" not in mathml.prose(text)
    assert mathml.steps(claim.derivation)


def test_latex_that_mathml_does_not_know_is_refused():
    with pytest.raises(mathml.NotTypeset, match="unknowncommand"):
        mathml.math(r"\unknowncommand{x}")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_the_python_of_a_formula_defines_it(claim):
    space: dict[str, sympy.Expr] = {}
    exec(python(claim.formula), space)  # noqa: S102
    dummies = {name: sympy.Dummy(name) for name in claim.formula.symbols}

    def carried_out(expr: sympy.Expr) -> sympy.Expr:
        """Free of assumptions, and of products that a claim leaves as they are printed."""
        return expr.xreplace({symbol: dummies[symbol.name] for symbol in expr.free_symbols})

    found = sympy.sympify(space["formula"])
    assert sympy.expand(carried_out(found) - carried_out(claim.formula.expr)) == 0


def test_plain_text_is_raised_where_it_says_so():
    assert mathml.raised("Σ_(j<k) β^(k-r) S_LL <- h^gamma") == (
        "Σ<sub>j&lt;k</sub> β<sup>k-r</sup> S<sub>LL</sub> ← h<sup>γ</sup>"
    )


def test_every_source_is_cited_by_its_authors():
    assert cited("ghosh2023") == "Ghosh et al. 2023"
    assert cited("kovachki2021") == "Kovachki and Stuart 2021"
    assert all("{" not in cited(key) for key in BIBTEX)


def test_each_topic_has_claims_and_few_claims_have_none():
    found = Counter(topic for result in UNJUDGED for topic in site.topics(result))
    assert all(found[topic] for topic in site.TOPICS)
    assert found[site.OTHER] < len(CLAIMS) / 20


@pytest.fixture(scope="module")
def report() -> SiteContent:
    results = [judge(REGISTRY.claims[id], Settings(digits=20)) for id in SHOWN]
    drawing = Figure("A line", "from left to right", "<svg viewBox='0 0 2 1'><path/></svg>")
    return SiteContent(
        results,
        Settings(digits=20),
        Trials({SHOWN[0]: (9, 9), SHOWN[1]: (7, 6)}, {"trial:heavy-ball": Counter(passed=3)}),
        {SHOWN[0]: [drawing]},
        OPTIMIZERS,
    )


@pytest.fixture(scope="module")
def folder(report: SiteContent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    write_site(report, folder)
    return folder


def test_nothing_is_fetched_and_every_link_leads_to_a_file(folder: Path):
    for page in folder.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not any(scheme in text for scheme in ('src="http', '="//', "url("))
        for link in _links(text):
            assert (page.parent / link.split("#")[0]).exists(), (page, link)


def _links(text: str) -> list[str]:
    quoted = [part.split('"')[0] for mark in ('href="', 'src="') for part in text.split(mark)[1:]]
    papers = ("https://doi.org/", "https://arxiv.org/abs/")
    return [link for link in quoted if not link.startswith(("#", "data:", *papers))]


def test_a_claim_shows_both_forms_the_reason_and_what_was_found(folder: Path, report: SiteContent):
    page = (folder / f"claims/{SHOWN[1]}.html").read_text(encoding="utf-8")
    claim = report.results[1].claim
    for shown in (
        mathml.prose(claim.printed_sentence),
        mathml.prose(claim.sentence),
        mathml.prose(claim.because),
        mathml.prose(claim.counterexample),
        f"undertow verify {SHOWN[1]} --digits 20 --seed 0",
    ):
        assert shown in page
    assert page.count("<td>passes</td>") == len(report.results[1].checks)
    assert 'aria-label="A line. from left to right"' in (
        folder / f"claims/{SHOWN[0]}.html"
    ).read_text(encoding="utf-8")


def test_a_check_that_fails_is_said_to_fail(report: SiteContent):
    one = report.results[0]
    failing = ClaimResult(
        one.claim, tuple(c.__class__(c.name, c.kind, False, "", 0) for c in one.checks)
    )
    written = pages(SiteContent([failing], report.settings, optimizers=()))
    assert "<td>fails</td>" in "".join(written[f"claims/{one.claim.id}.html"])
    assert '<span class="verdict open">' in "".join(written["index.html"])
    assert one.claim.id in "".join(written["trust.html"])


def test_the_files_on_mutants_and_draws_are_read_or_refused(tmp_path: Path):
    path, ledger = tmp_path / "mutants.json", tmp_path / "draws.db"
    path.write_text(json.dumps({"claims": [{"id": "a", "tried": 5, "rejected": 4}]}))
    with closing(Ledger(ledger)) as book:
        book.add(LedgerEntry("u", "a", 0, 20, "", "rejected", "", 1))
    trials = read_trials(path, ledger)
    assert (trials.tried, trials.rejected, trials.survived) == (5, 4, ["a"])
    assert trials.outcomes == {"passed": 0, "rejected": 1, "undecided": 0}
    path.write_text("[]")
    with pytest.raises(BadInput, match="--format json"):
        read_trials(path, None)
    with pytest.raises(BadInput, match="cannot be read"):
        read_trials(tmp_path / "missing", None)


@pytest.mark.parametrize(
    "latex",
    [
        r"\text{<script>alert(1)</script>}",
        r"\href{javascript:alert(1)}{x}",
        r"\text{<img src=x onerror=alert(1)>}",
        r"\style{background:url(//x)}{x}",
        r"\class{a}{x}",
        r"\text{</math><script>alert(1)</script>}",
    ],
)
def test_what_is_no_mathematics_does_not_reach_a_page(latex: str):
    with pytest.raises(mathml.NotTypeset):
        mathml.prose(f"so ${latex}$ holds")


def test_every_page_forbids_what_it_does_not_bring(folder: Path):
    for page in folder.rglob("*.html"):
        assert "default-src 'none'; script-src 'self'" in page.read_text(encoding="utf-8")


def test_a_site_is_not_overwritten_unless_forced(folder: Path, tmp_path: Path):
    with pytest.raises(BadInput, match="exists already"):
        check_place(folder, force=False)
    check_place(folder, force=True)
    (tmp_path / "file").touch()
    with pytest.raises(BadInput, match="cannot be written"):
        check_place(tmp_path / "file", force=False)


def test_the_command_writes_what_it_has_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    def small(report: SiteContent, folder: Path, *, force: bool) -> list[Path]:
        return write_site(replace(report, optimizers=()), folder, force=force)

    monkeypatch.setattr(site, "write_site", small)
    with pytest.raises(SystemExit) as stopped:
        main(["report", SHOWN[2], "--out", str(tmp_path / "out"), "--digits", "20"])
    assert not stopped.value.code
    assert "1 claims" in capsys.readouterr().out
    page = (tmp_path / "out/claims" / f"{SHOWN[2]}.html").read_text(encoding="utf-8")
    assert "<td>passes</td>" in page


@pytest.mark.parametrize("name", [name for name in ZOO if name != "aggregated-momentum"])
def test_every_quantity_of_an_optimizer_is_shown_or_its_absence_explained(name: str):
    for one in optimizer_pages.find_each([name])[0].shown:
        assert bool(one.formula) != bool(one.missing)
        assert len(one.latex) <= optimizer_pages.LONGEST
        assert (one.order < optimizer_pages.ORDER) == bool(one.files)
        if one.python:
            exec(one.python, {})  # noqa: S102


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = CHROMIUM or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(DRIVER))
    driver.execute_cdp_cmd(
        "Browser.grantPermissions",
        {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]},
    )
    yield driver
    driver.quit()


def opened(browser: Chrome, page: Path, width: int = DESK) -> Chrome:
    screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.get(page.as_uri())
    return browser


@needs_browser
@pytest.mark.parametrize("width", [DESK, PHONE])
def test_every_page_renders_its_formulas_without_errors_or_overflow(
    browser: Chrome, folder: Path, width: int
):
    for page in folder.rglob("*.html"):
        opened(browser, page, width)
        wide, formulas, flat = browser.execute_script(
            "document.querySelectorAll('details').forEach(one => { one.open = true; });"
            "const all = [...document.querySelectorAll('math')];"
            "const flat = all.filter(one => { const box = one.getBoundingClientRect();"
            "  return box.width < 1 || box.height < 1; });"
            "return [document.documentElement.scrollWidth, all.length, flat.length];"
        )
        assert not browser.get_log("browser"), page
        assert wide <= width, page
        assert flat == 0, page
        assert formulas or page.stem in ("optimizers", "trust"), page


def shown(browser: Chrome) -> list[str]:
    rows = browser.find_elements(By.CSS_SELECTOR, ".claims li:not(.group)")
    return [row.find_element(By.TAG_NAME, "a").text for row in rows if row.is_displayed()]


@needs_browser
def test_search_and_filters_leave_what_was_asked_for(
    browser: Chrome, folder: Path, report: SiteContent
):
    with_balls = [
        result.claim.id
        for result in report.results
        if any(check.kind is Kind.BALL for check in result.checks)
    ]
    opened(browser, folder / "index.html")
    assert shown(browser) == list(SHOWN)
    search = browser.find_element(By.NAME, "search")
    search.send_keys("batches FORCE")
    assert shown(browser) == [SHOWN[1]]
    search.send_keys(" nowhere")
    assert shown(browser) == []
    assert browser.find_element(By.ID, "none").is_displayed()
    browser.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
    WebDriverWait(browser, 5).until(lambda _: shown(browser) == list(SHOWN))
    for name, choice, left in (
        ("verdict", "corrected", [SHOWN[1], SHOWN[3]]),
        ("paper", cited("ghosh2023"), [SHOWN[1]]),
        ("verdict", "all", [SHOWN[0], SHOWN[1]]),
        ("kind", "ball", [name for name in SHOWN[:2] if name in with_balls]),
    ):
        Select(browser.find_element(By.NAME, name)).select_by_visible_text(choice)
        WebDriverWait(browser, 5).until(lambda _, left=left: shown(browser) == left)
    assert browser.find_element(By.ID, "count").text.endswith(f"of {len(SHOWN)} claims")


@needs_browser
@pytest.mark.parametrize("typed", [r"\beta", "1+beta", "1 + β", "polyak"])
def test_a_search_finds_what_is_typed_in_another_notation(
    browser: Chrome, folder: Path, typed: str
):
    opened(browser, folder / "index.html")
    browser.find_element(By.NAME, "search").send_keys(typed)
    assert 0 < len(shown(browser)) <= len(SHOWN)
    browser.find_element(By.NAME, "search").send_keys("-nowhere")
    assert shown(browser) == []


@needs_browser
def test_the_address_keeps_the_choices_and_the_index_is_grouped(browser: Chrome, folder: Path):
    opened(browser, folder / "index.html")
    Select(browser.find_element(By.NAME, "verdict")).select_by_visible_text("corrected")
    Select(browser.find_element(By.NAME, "order")).select_by_visible_text("source")
    assert browser.current_url.endswith("#verdict=corrected&order=paper")
    browser.refresh()
    left = shown(browser)
    assert sorted(left) == sorted([SHOWN[1], SHOWN[3]])
    groups = [one.text for one in browser.find_elements(By.CSS_SELECTOR, ".claims .group")]
    assert groups == sorted({cited(name.split(".")[0]) for name in left})


@needs_browser
def test_the_buttons_copy_exactly_what_they_stand_beside(
    browser: Chrome, folder: Path, report: SiteContent
):
    opened(browser, folder / f"claims/{SHOWN[0]}.html")
    claim = report.results[0].claim
    for name, text in (
        ("latex", claim.formula.latex),
        ("python", python(claim.formula)),
        ("bibtex", BIBTEX[claim.source.key]),
    ):
        button = browser.find_element(By.CSS_SELECTOR, f"[data-copy={name}]")
        button.send_keys(Keys.ENTER)
        WebDriverWait(browser, 5).until(lambda _, b=button: b.text == "Copied")
        assert browser.execute_script("return navigator.clipboard.readText()") == text


@needs_browser
def test_the_theme_follows_the_system_until_the_reader_chooses(browser: Chrome, folder: Path):
    def ground() -> str:
        return browser.execute_script(
            "return getComputedStyle(document.documentElement).backgroundColor"
        )

    def system(theme: str) -> None:
        media = [{"name": "prefers-color-scheme", "value": theme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        opened(browser, folder / "index.html")

    system("dark")
    dark = ground()
    system("light")
    light = ground()
    assert light != dark
    browser.find_element(By.ID, "theme").click()
    assert ground() == dark
    opened(browser, folder / "trust.html")
    assert ground() == dark


@needs_browser
def test_the_keyboard_reaches_the_content_and_every_wide_formula(browser: Chrome, folder: Path):
    opened(browser, folder / "optimizers/heavy-ball.html", PHONE)
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB, Keys.ENTER)
    assert browser.execute_script("return document.activeElement.id") == "content"
    assert browser.execute_script(
        "return [...document.querySelectorAll('.scroll')].every("
        "one => one.scrollWidth <= one.clientWidth + 1 || one.tabIndex === 0)"
    )
