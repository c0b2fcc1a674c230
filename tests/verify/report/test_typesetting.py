"""Derivations as LaTeX: what is a word stays a word, and their mathematics is typeset."""

import re

import pytest

import verify.papers  # noqa: F401
from verify.claims.claim import REGISTRY
from verify.report.typesetting import mathematics, typeset

WORDS = {"log", "ln", "exp", "sinh", "cosh", "max", "min", "operatorname", "text", "some", "sqrt"}


@pytest.mark.parametrize(
    ("written", "latex"),
    [
        ("x_(k+1) = x_k - h∇E", r"x_{k+1}=x_k-h\nabla E"),
        ("β^(2(k-r))", r"\beta ^{2(k-r)}"),
        ("κ₊κ₋ = β", r"\kappa _{+}\kappa _{-}=\beta"),
        ("(1-β)⁻²", r"(1-\beta )^{-2}"),
        ("√(λ/2) and", r"\sqrt{\lambda /2} and"),
        ("√β", r"\sqrt{\beta }"),
        ("h²Σ", r"h^{2}\Sigma"),
        ("h Σ_j β^j g", r"h \sum _j \beta ^j g"),
        ("{H,S}", r"\{H,S\}"),
        ("e^-t", "e^{-t}"),
        ("θ̃₀ ≤ ᾱ", r"\tilde{\theta }_{0}\le \bar{\alpha }"),
        ("F0''[F0,F0]", "F_{0}''[F_{0},F_{0}]"),
        ("S_LL", "S_{LL}"),
        ("C h^gamma", r"C h^{\gamma }"),
        ("Tr∇²E", r"\operatorname{Tr}\nabla ^{2}E"),
    ],
)
def test_mathematics_is_what_an_author_writes(written, latex):
    assert mathematics(written) == latex


@pytest.mark.parametrize(
    ("written", "latex"),
    [
        ("In HHg a step adds h.", "In $HHg$ a step adds $h$."),
        ("a = 1, b = 2", "$a=1$, $b=2$"),
        ("A step (Polyak 1964).", r"A step (Polyak $1964$)."),
        ("it is O(h²)-close to SGD", "it is $O(h^{2})$-close to SGD"),
        ("ten decades of alpha", r"ten decades of $\alpha$"),
        ('their g, "-½ x²", means', r"their $g$, ``$-\tfrac12 x^{2}$'', means"),
        ("t, t + ..., because", r"$t$, $t+\dots$, because"),
        (
            "see undertow.heavy-ball-flow: 100 % & more",
            r"see undertow.heavy-ball-flow: $100 \% \&$ more",
        ),
    ],
)
def test_words_stay_words(written, latex):
    assert typeset(written) == latex


@pytest.mark.parametrize("claim", REGISTRY.claims.values(), ids=lambda c: c.id)
def test_a_derivation_loses_no_letter_and_leaves_none_for_latex_to_stumble_on(claim):
    latex = typeset(claim.derivation)
    assert not re.search("[^ -~À-ÿ]", latex)
    pieces = latex.split("$")
    assert len(pieces) % 2 == 1
    for text in pieces[::2]:
        assert not re.search(r"[\\^{}<>|=%]|(?<!\\)_", text.replace(r"\%", "")), text
    for formula in pieces[1::2]:
        assert formula.count("{") - formula.count("}") in (
            formula.count(r"\{") - formula.count(r"\}"),
        )
        spelled = re.sub(r"\\[A-Za-z]+", "", formula)
        assert set(re.findall("[a-z]{4,}", spelled)) <= WORDS | {"arcsinh", "asinh", "sign"}, (
            formula
        )
    words = [word for word in re.findall("[A-Za-z]{5,}", claim.derivation) if word not in WORDS]
    assert [word for word in words if word not in latex] == []
