r"""Plain text with Unicode mathematics, as derivations are written, becomes LaTeX.

Words stay words; what stands between them, such as x_(k+1) = x_k - h∇E/(1-β), becomes $...$.
"""

from __future__ import annotations

import re
import unicodedata

from derive.language.raised import LEVEL
from verify.formulas.tokens import GREEK

_SYMBOLS = {
    **{letter: f"\\{name} " for letter, name in GREEK.items()},
    **{"∇": r"\nabla ", "∂": r"\partial ", "ℓ": r"\ell ", "½": r"\tfrac12 ", "−": "-"},
    **{"≤": r"\le ", "≥": r"\ge ", "≪": r"\ll ", "≠": r"\ne ", "≈": r"\approx ", "→": r"\to "},
    **{"±": r"\pm ", "∓": r"\mp ", "·": r"\cdot ", "⊙": r"\odot ", "∞": r"\infty ", "∫": r"\int "},
    **{"…": r"\dots ", "⟨": r"\langle ", "⟩": r"\rangle ", "‖": r"\| ", "~": r"\sim "},
    **{"%": r"\%", "&": r"\&", "#": r"\#"},
}
_ACCENTS = {"\u0303": "tilde", "\u0304": "bar", "\u0302": "hat"}
_RAISED = LEVEL | {"ᵀ": r"\top "}
_LOWERED = dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋ₖᵣₛ", "0123456789+-krs", strict=True))
_NAMED = {"log", "ln", "exp", "sinh", "cosh", "tanh", "max", "min", "lim", "sup", "cos", "sin"}
_UPRIGHT = {"arcsinh", "asinh", "Tr", "tr", "Cov", "Var", "sgn", "IGRM"}
_LIGATURES = {"<=": "≤", ">=": "≥", "->": "→", "<<": "≪", "...": "…"}
_OPERATOR = re.compile(r"[-+=<>≤≥≪≠≈~→·±∓/]")
_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ]+")
_PRODUCTS = {"ug", "uv", "ad", "sa", "ed"}
_ABBREVIATIONS = {"SGD", "GD"}


def typeset(text: str) -> str:
    r"""Plain text as LaTeX, its mathematics between dollars; text with dollars is LaTeX already.

    >>> print(typeset("As x'' = ∇²E ∇E/(1-β)², a step is x_(k+1) = x_k - hβ^(k+1) g."))
    As $x''=\nabla ^{2}E \nabla E/(1-\beta )^{2}$, a step is $x_{k+1}=x_k-h\beta ^{k+1} g$.
    """
    if "$" in text:
        return re.sub(r"(?<!\\)%", r"\%", " ".join(text.split()))
    done, formula = list[str](), list[str]()

    def close() -> None:
        if formula:
            inside, tail = _without_tail(" ".join(formula))
            bare = inside.lstrip('"')
            opening = "``" if bare != inside else ""
            done.append(opening + f"${mathematics(bare)}$" + tail.replace('"', "''"))
            formula.clear()

    for written, symbol in _LIGATURES.items():
        text = text.replace(written, symbol)
    chunks = text.split()
    for before, chunk, after in zip(["", *chunks], chunks, [*chunks[1:], ""], strict=False):
        if _is_article(before, chunk, after):
            close()
            done.append(chunk)
        elif _is_text(chunk):
            close()
            done.append(_text(chunk))
        elif compound := re.fullmatch(r"(.+)-([A-Za-z]{3,}[.,;:)]*)", chunk):
            formula.append(compound[1])
            close()
            done[-1] += f"-{compound[2]}"
        else:
            formula.append(chunk)
            if _without_tail(" ".join(formula))[1]:
                close()
    close()
    return " ".join(done)


def _is_article(before: str, chunk: str, after: str) -> bool:
    """The word a, not the letter of a formula."""
    begins = not before or before.endswith((".", ":"))
    goes_on = _is_text(after) and not _OPERATOR.fullmatch(before)
    return goes_on and (chunk == "a" or (chunk == "A" and begins))


def _is_text(chunk: str) -> bool:
    """Words of a language, with hyphens, apostrophes, brackets and punctuation around them."""
    if chunk.strip("().,;:") in GREEK.values():
        return False
    if re.fullmatch(r"[a-z]+\.[a-z-]{2,}[),;:]*|A[0-9]{6}[.,;:]*|\((19|20)\d\d\)[.,;:]*", chunk):
        return True
    core = re.fullmatch(r"""[("\[]*([A-Za-zÀ-ÿ'/-]+?)'?[).,;:?!"\]]*""", chunk)
    if core is None:
        return False
    runs = [run for part in re.split("['/-]", core[1]) if (run := part)]
    return any(_is_word(run) for run in runs) and all(
        _is_word(run) or (len(runs) > 1 and "/" not in core[1]) for run in runs
    )


def _is_word(run: str) -> bool:
    """A word, not a product such as HHg or dW and not a function."""
    if run in _ABBREVIATIONS:
        return True
    if len(run) < 2 or run in _PRODUCTS | _NAMED | _UPRIGHT:
        return False
    return re.search("[aeiouyAEIOUY]", run) is not None and not re.search("[a-z][A-Z]", run)


def _without_tail(formula: str) -> tuple[str, str]:
    """A formula and the punctuation that closes it, if its brackets are closed."""
    depth = sum(formula.count(c) for c in "([{⟨") - sum(formula.count(c) for c in ")]}⟩")
    closing = r".,;:\"?" + (")" if depth < 0 else "")
    match = re.fullmatch(rf"(.*?[^{closing}])([{closing}]+)", formula)
    if match is None or depth > 0:
        return formula, ""
    return match[1], match[2]


def _text(text: str) -> str:
    opened = re.sub(r'(^|[(\[])"', r"\1``", text)
    return opened.replace('"', "''").replace("%", r"\%").replace("&", r"\&").replace("_", r"\_")


def mathematics(text: str) -> str:
    r"""Unicode mathematics as LaTeX for math mode.

    >>> print(mathematics("Σ_(r<k) β^(k-r) √(1+z²) ≤ F0'F1"))
    \sum _{r<k} \beta ^{k-r} \sqrt{1+z^{2}}\le F_{0}'F_{1}
    """
    text = re.sub("(?<=w)±", "_{±}", _marked_sets(text))
    text = re.sub(r"Σ(?=_| ?[\w(√∇|])(?![₀-₉])", r"\\sum ", text).replace("Σ", r"\Sigma ")
    text = re.sub(r"([A-Zα-ω]|\bl)([0-9])", r"\1_{\2}", text)
    text = re.sub(r"(?<=[θα])\*|(?<=[a-z])\+(?=\)| |$)", lambda m: f"^{{{m[0]}}}", text)
    text = re.sub(r"(?<=[a-z])\.(?=[a-z])", "·", text)
    for marks, sign in ((_RAISED, "^"), (_LOWERED, "_")):
        text = re.sub(
            f"[{''.join(marks)}]+",
            lambda m, marks=marks, sign=sign: f"{sign}{{{''.join(marks[c] for c in m[0])}}}",
            text,
        )
    text = _grouped(text)
    text = re.sub(r"([_^])([A-Za-z0-9]{2,}|-[A-Za-z0-9α-ω]+)", r"\1{\2}", text)
    text = re.sub(r"(?<![\\A-Za-z])[A-Za-z]+", lambda m: _run(m[0]), text)
    text = unicodedata.normalize("NFD", text)
    for mark, accent in _ACCENTS.items():
        text = re.sub(f"(.){mark}", rf"\\{accent}{{\1}}", text)
    text = "".join(_SYMBOLS.get(letter, letter) for letter in text)
    text = text.replace("⦃", r"\{").replace("⦄", r"\}")
    return re.sub(r" *([-+=<>]|\\le |\\ge ) *", r"\1", re.sub(" +", " ", text)).strip()


def _marked_sets(text: str) -> str:
    """Braces that are no script's, which LaTeX has to be told of."""
    is_set, done = list[bool](), ""
    for letter in text:
        if letter == "{":
            is_set.append(not done.endswith(("_", "^")))
            done += "⦃" if is_set[-1] else "{"
        elif letter == "}" and (not is_set or is_set.pop()):
            done += "⦄"
        else:
            done += letter
    return done


def _grouped(text: str) -> str:
    """Round brackets behind _, ^ and √ become braces."""
    while match := re.search(r"([_^√])\(", text):
        depth, end = 1, match.end()
        while depth and end < len(text):
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        sign = r"\sqrt" if match[1] == "√" else match[1]
        inside = text[match.end() : end - 1 if not depth else end]
        text = f"{text[: match.start()]}{sign}{{{inside}}}{text[end:]}"
    return re.sub(r"√ ?([\dA-Za-zα-ω])", r"\\sqrt{\1}", text)


def _run(letters: str) -> str:
    """Letters side by side: a function, a word, or a product."""
    if letters in _NAMED or letters in GREEK.values():
        return f"\\{letters} "
    if letters in _UPRIGHT:
        return rf"\operatorname{{{letters}}}"
    return rf"\text{{{letters}}}" if len(letters) > 3 else letters
