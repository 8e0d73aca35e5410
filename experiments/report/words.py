"""Docstrings, settings and sentences as the page sets them. Text is escaped first: nothing of a result is markup."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape

from ..lab.text import begun
from .glossary import BY_ID, parted

SUBSCRIPT = re.compile(r"(?<![A-Za-z_])([A-Za-zΑ-Ωα-ω])_(\{[^}]*\}|min|max|local|SGD|GD|t\+1|\w)(?![\w.]*\w)")
_SUP = re.compile(r"\^(\{[^}]*\}|[−-]?\d+(?:\.\d+)?|[A-Za-z](?!\w))")
_POWER = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([−+-]?)0*(\d+)(?!\w)")
_SPECIAL = re.compile(r"(`[^`]+`|(?<!\w)\*\w[\w ]*\*(?!\w))")  # code, stress


def blocks(docstring: str) -> list[tuple[str, str]]:
    """A docstring without its first line as blocks ("p" or "pre", text): what is indented keeps its lines."""
    _, _, body = docstring.strip().partition("\n")
    found: list[tuple[str, str]] = []
    for text in re.split(r"\n\s*\n|\n(?=\d+\. )", body.strip("\n")):  # a point of a list begins a block, too
        lines = text.splitlines()
        indents = [len(line) - len(line.lstrip()) for line in lines]
        if max(indents) < 4:
            found.append(("p", " ".join(line.strip() for line in lines)))
            continue
        kept = "\n".join(line[min(indents) :] for line in lines)
        if found and found[-1][0] == "pre":
            kept = f"{found.pop()[1]}\n\n{kept}"
        found.append(("pre", kept))
    return found


def typeset(text: str, seen: set[str] | None = None) -> Markup:
    """A sentence as HTML: B_c with a subscript, η^2 and 9e-16 with superscripts, words linked to what they mean.

    Parameters
    ----------
    seen : set of str, optional
        The words that this part of the page has linked already; it grows. Without it none is linked.
    """
    pieces = [(str(text), "")] if seen is None else parted(str(text), seen)
    return Markup("").join(
        Markup('<a class="word" href="#{}" title="{}">{}</a>').format(word, BY_ID[word].meaning, raised(piece))
        if word
        else raised(piece)
        for piece, word in pieces
    )


def raised(text: str) -> Markup:
    """A text, escaped, with its subscripts and superscripts."""
    html = SUBSCRIPT.sub(lambda found: f"{found[1]}<sub>{inner(found[2])}</sub>", str(escape(text)))
    html = _SUP.sub(lambda found: f"<sup>{inner(found[1])}</sup>", html)
    html = html.replace(" %", "\N{NO-BREAK SPACE}%")
    return Markup(_POWER.sub(power, html))


def inner(text: str) -> str:
    """What stands below or above the line, without its braces, and with a true minus."""
    return text.strip("{}").replace("-", "−")


def power(found: re.Match[str]) -> str:
    """9e-16 as 9 · 10⁻¹⁶, and 1e-12 as 10⁻¹² alone."""
    factor = "" if float(found[1]) == 1 else f"{found[1]}\N{NO-BREAK SPACE}·\N{NO-BREAK SPACE}"
    return f"{factor}10<sup>{'−' if found[2] in ('-', '−') else ''}{found[3]}</sup>"


def formulas(text: str) -> Markup:
    """Lines of formulas as HTML: as `typeset`, and what stands in columns stays there."""
    return Markup("\n").join(in_columns(line) for line in text.splitlines())


def in_columns(line: str) -> Markup:
    """A line; where a subscript takes fewer letters than B_c did, the gap before the next column is wider for it."""
    html, short = Markup(""), 0
    for piece in re.split(r"( {2,})", line):
        if piece.isspace():
            html, short = html + piece + " " * short, 0
            continue
        drawn = raised(piece)
        html, short = html + drawn, short + len(piece) - len(drawn.striptags())
    return html


def marked(text: str, seen: set[str] | None = None) -> Markup:
    """A docstring's text as HTML, as `typeset`; what stands in `backticks` is code, *in stars* it is stressed."""
    html = Markup("")
    for piece in _SPECIAL.split(text):
        if piece.startswith("`"):
            html += Markup("<code>{}</code>").format(piece.strip("`"))
        elif _SPECIAL.fullmatch(piece):
            html += Markup("<em>{}</em>").format(typeset(piece.strip("*"), seen))
        else:
            html += typeset(piece, seen)
    return html


def sentences(text: str) -> str:
    """A verdict's reason as sentences: what follows a semicolon, and begins with a word, is one of its own."""
    return ". ".join(begun(part) for part in re.split(r"; (?=[A-Za-z])", text))


def command(text: str) -> Markup:
    """A command in which no line breaks inside a flag."""
    flag = Markup('<span class="flag">{}</span>')
    return Markup(" ").join(flag.format(word) if word.startswith("-") else escape(word) for word in text.split(" "))


def shown(value: Any) -> str:
    """A setting as text."""
    if isinstance(value, list):
        return " ".join(map(shown, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "–"}[value]
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


def machine(environment: Mapping[str, Any]) -> dict[str, str]:
    """The environment of a result as text."""
    versions = ", ".join(f"{name} {version}" for name, version in environment.get("versions", {}).items())
    values = {name: value for name, value in environment.items() if name != "versions"} | {"libraries": versions}
    if isinstance(values.get("blas"), list):
        values["blas"] = "; ".join(sorted(values["blas"]))
    return {name: shown(value) for name, value in values.items()}


def repeated(command: str) -> str:
    """A result's command without its --out, which names a folder of the machine that it was run on."""
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation without an end
        return command
    kept = [word for word, before in zip(words, ["", *words]) if "--out" not in (word, before)]
    return shlex.join(word for word in kept if not word.startswith("--out="))
