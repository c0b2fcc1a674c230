"""Statements for a terminal: the little LaTeX they hold, as Unicode or as ASCII."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Callable, Mapping

from derive.language.formula import Formula
from derive.language.raised import LEVEL, LOWERED, RAISED
from derive.language.writing import GREEK, latex, unicode_text
from verify.claims.claim import Claim
from verify.claims.slots import Value
from verify.claims.statement import Statement
from verify.report.arguments import argument, tokens_of
from verify.running.cells import aligned

_COMMANDS = {
    "lVert": "‖",
    "rVert": "‖",
    "lvert": "|",
    "rvert": "|",
    "mapsto": "↦",
    "leftarrow": "←",
    "xleftarrow": "←",
    "preceq": "⪯",
    "dagger": "†",
    "mp": "∓",
    "varphi": "φ",
    "omega": "ω",
    "pi": "π",
    "Theta": "Θ",
    "le": "≤",
    "ge": "≥",
    "to": "→",
    "infty": "∞",
    "dots": "…",
    "log": "log",
    "sqrt": "√",
    "sum": "Σ",
    "partial": "∂",
    "Delta": "Δ",
    "Sigma": "Σ",
    "cdot": "·",
    "langle": "⟨",
    "rangle": "⟩",
    "bmod": "mod",
    "ell": "ℓ",
    "int": "∫",
    "ll": "≪",
    "ne": "≠",
    "odot": "⊙",
    "pm": "±",
    "Lambda": "Λ",
    "psi": "ψ",
    **GREEK,
}
_ASCII = {
    "∇": " grad ",
    "𝔼": "mean ",
    "‖": "|",
    "−": "-",
    "≤": "<=",
    "≥": ">=",
    "→": "->",
    "∞": "oo",
    "…": "...",
    "√": "sqrt",
    "∂": "d",
    "·": ".",
    "⟨": "<",
    "⟩": ">",
    "ᵀ": "^T",
    "Σ": "sum",
    "ₖ₊₁": "_(k+1)",
    **{letter: f"_{index}" for index, letter in LOWERED.items()},
    "±": "+-",
    "ℓ": "l",
    "∫": "int ",
    "≪": "<<",
    "↦": "|->",
    "←": "<-",
    "⪯": "<=",
    "†": "+",
    "∓": "-+",
    "φ": "phi",
    "ω": "omega",
    "π": "pi",
    "Θ": "Theta",
    "≠": "!=",
    "⊙": "*",
    "Δ": "Delta",
    "Λ": "Lambda",
    "ψ": "psi",
    **{letter: name for name, letter in GREEK.items()},
}
_ACCENTS = {
    "hat": "\u0302",
    "tilde": "\u0303",
    "dot": "\u0307",
    "ddot": "\u0308",
    "bar": "\u0304",
}
_RAISED = {level: up for level, up in RAISED.items() if level in "0123456789-+n"}


def words(latex: str) -> str:
    r"""Words with inline LaTeX as plain text.

    >>> words(r"$O(h^2)$-close for $\beta \le 1$")
    'O(h²)-close for β ≤ 1'
    >>> words(r"$\frac{1-\sqrt{1-4\frac{z}{2m}}}{2z}$")
    '(1-√(1-4z/(2m)))/(2z)'
    >>> words(r"$\frac h{(1-\beta)(1+\beta)}$")
    'h/((1-β)(1+β))'
    """
    text = re.sub(r"\\mathbb(?: E|\{E\})\s?", "𝔼", latex)
    text = re.sub(r"\\math(?:bb|rm)(?: |\{(\w+)\})", lambda m: m[1] or "", text)
    text = _flat(text)
    text = re.sub(r"\\nabla ?", "∇", text)
    text = re.sub(r"\\(?:[bB]ig+[lr]?|left|right)(?![a-z])", "", text)
    text = re.sub(r"\\(hat|tilde|dot|ddot|bar)(?: (\w)|\{(\w)\}| ?\\(\w+))", _accented, text)
    text = re.sub(r"\\([a-zA-Z]+)", lambda m: _COMMANDS.get(m.group(1), m.group(1)), text)
    text = re.sub(r"_\{([^}]{2,})\}", r"_(\1)", text)
    text = re.sub(r"\^(?:\{(-?\d+)\}|(\d))", lambda m: (m[1] or m[2]).translate(_up()), text)
    text = re.sub(r"\^\{([^}]{2,})\}", r"^(\1)", text)
    return text.replace(r"\,", " ").replace("\\ ", " ").translate(str.maketrans("", "", "${}"))


def _flat(latex: str) -> str:
    """Fractions, roots and names on one line, however deep they stand."""
    tokens, done, i = tokens_of(latex), "", 0
    while i < len(tokens):
        token, i = tokens[i], i + 1
        if (written := _ON_ONE_LINE.get(token)) is None:
            done += token
            continue
        parts: list[str] = []
        for _ in range(2 if token in _OF_TWO else 1):
            part, i = argument(tokens, i)
            parts.append(_flat(part))
        done += written(*parts)
    return done


_ALONE = re.compile(r"(?:\d+|\w|\\[a-zA-Z]+|\([^()]*\))(?:[_^](?:\w|\{[^{}]*\}))*")


def _bracketed(part: str) -> str:
    """A part of a line in brackets, unless it is one number, letter or bracket, or a slot's."""
    return part if not part.strip("{}") or _ALONE.fullmatch(part) else f"({part})"


def _over(top: str, bottom: str) -> str:
    is_sum = re.search("[-+ ]", re.sub(r"\([^()]*\)", "", top))
    return f"{_bracketed(top) if is_sum else top}/{_bracketed(bottom)}"


_OF_TWO = {r"\frac": _over, r"\dfrac": _over, r"\tfrac": _over, r"\binom": "binom({}, {})".format}
_ON_ONE_LINE: Mapping[str, Callable[..., str]] = {
    **_OF_TWO,
    r"\sqrt": lambda part: f"√{_bracketed(part)}",
    **dict.fromkeys((r"\operatorname", r"\text", r"\mathbf"), "{{}}{}".format),
}


def _accented(match: re.Match[str]) -> str:
    """A letter with its accent."""
    letter = match[2] or match[3] or _COMMANDS.get(match[4], match[4])
    return unicodedata.normalize("NFC", letter + _ACCENTS[match[1]])


def formula(value: Formula) -> str:
    """A formula with what stands beside it."""
    lead = value.lead.replace("+", " + ")
    beside = f" {words(value.beside)}" if value.beside else ""
    return f"{words(lead)}{value.text}{beside}"


def statement(claim: Claim) -> str:
    """The statement with what holds in its slots."""
    if claim.says:
        return told(claim.says)
    return formula(claim.formula).join(map(words, claim.statement.split("{formula}")))


def told(says: Statement) -> str:
    """A statement on one line, its formulas as a terminal shows them."""
    done = ""
    for piece in says.pieces(says.text):
        if isinstance(piece, str):
            done += words(piece)
            continue
        slot, sign = piece
        text = unicode_text(slot.expr) if isinstance(slot, Value) else words(slot.latex)
        done += f" + {text}" if sign and not text.startswith("-") else text
    return done


def as_printed(claim: Claim) -> str:
    """What was printed and why it is wrong, as LaTeX; nothing where it is what holds."""
    if claim.right is None:
        return ""
    said = claim.printed_sentence if claim.says else formula(claim.printed)
    return f"As printed: {said}" + (f"; {claim.because}" if claim.because else "")


def _up() -> dict[int, str]:
    return str.maketrans(_RAISED)


_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
"""What steers a terminal, or turns the reading around, in a text that a user or a file supplies."""


def visible(text: str) -> str:
    r"""The text with its control characters, and those that turn its direction, written out.

    >>> visible("beta\x1b[2J\u202e")
    'beta\\x1b[2J\\u202e'
    """
    return _UNSEEN.sub(lambda c: c[0].encode("unicode_escape").decode(), text)


def fit(text: str, encoding: str | None = None) -> str:
    """The text as it is, or in ASCII where the terminal cannot show it; nothing in it unseen."""
    text = visible(text)
    try:
        text.encode(encoding or sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        for letter, plain in _ASCII.items():
            text = text.replace(letter, plain)
        text = re.sub(
            f"[{''.join(_RAISED.values())}]+",
            lambda m: "^" + m.group(0).translate(str.maketrans(LEVEL)),
            text,
        )
        return re.sub(r"(?<=\S)  grad", " grad", text).encode("ascii", "replace").decode()
    return text


def formulas(claim: Claim) -> str:
    """The LaTeX of the formula that holds, or of each that the statement holds, by name."""
    if claim.says is None or len(claim.says.formulas()) < 2:
        return claim.formula.latex
    return aligned([(name, latex(expr)) for name, expr in claim.says.formulas().items()])
