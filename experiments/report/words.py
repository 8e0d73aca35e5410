"""Docstrings, settings and sentences as the page sets them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup, escape


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


def marked(text: str) -> Markup:
    """A docstring's text as HTML: what stands in `backticks` is code, *what stands in stars* is stressed."""
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"(?<!\w)\*(\w[\w ]*)\*(?!\w)", r"<em>\1</em>", html))


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
