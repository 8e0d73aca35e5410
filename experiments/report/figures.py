"""An experiment's figures as SVG in the page: text that can be selected, ids of their own, and the same in words."""

import io
import re
import warnings
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import dataclass

import matplotlib
import matplotlib.pyplot as plt
from markupsafe import Markup
from matplotlib.figure import Figure

from ..lab.experiment import Experiment, Result, claim_of
from .words import SUBSCRIPT

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
NOT_FROM_HERE = (KeyError, ValueError, TypeError, AttributeError, IndexError)  # what rows of another version end in
COORDINATES = ("x", "y", "d", "points", "transform")  # attributes that hold coordinates


@dataclass(frozen=True)
class Drawn:
    """A figure of the page.

    Parameters
    ----------
    name : str
        Its file's name, and with the experiment's its id.
    claim : str
        The claim that it is about; "" for none.
    title : str
        What is seen.
    notes : list of str
        Symbols, model and data.
    alt : str
        The same as the picture, in words.
    svg : Markup
        The picture; empty where these rows cannot be drawn.
    width : int
        Its width in CSS pixels.
    """

    name: str
    claim: str
    title: str
    notes: list[str]
    alt: str
    svg: Markup
    width: int


def figures_of(one: Experiment, result: Result) -> Iterator[Drawn]:
    """The figures that there is something to draw for, in the experiment's order."""
    for name, draw in one.figures.items():
        claim = claim_of(one, result, name)
        # Fewer points on a line that is no wider for them; the page is to be small.
        with matplotlib.rc_context({"path.simplify_threshold": 0.5}):
            try:
                figure = draw(result)
            except NOT_FROM_HERE as error:
                title = f"The figure {name!r} cannot be drawn from these rows ({type(error).__name__}: {error})"
                yield Drawn(name, claim, title, [], title, Markup(), 0)
                continue
            if figure is not None:
                try:
                    yield inline(figure, f"{one.name}-{name}", claim, found(result, claim))
                finally:
                    plt.close(figure)


def found(result: Result, claim: str) -> str:
    """A claim's verdict, and why, in a sentence; "" without a claim."""
    if not claim:
        return ""
    return f"{claim} {result['claims'][claim]['verdict']}: {result['claims'][claim]['because']}."


def inline(figure: Figure, prefix: str, claim: str, finding: str) -> Drawn:
    """A figure whose title and notes are taken out, for the page to set them as text."""
    title, notes = figure.get_suptitle().replace("$", ""), figure.get_supxlabel().splitlines()
    alt = " ".join([title if title.endswith("?") else f"{title}.", *in_words(figure), finding]).strip()
    figure.suptitle("")
    figure.supxlabel("")
    file = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": prefix}), warnings.catch_warnings():
        # A letter that this machine's font lacks is drawn by the reader's browser, with a font of its own.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(file, format="svg", metadata=nothing)
    width = round(96 * figure.get_figwidth())
    return Drawn(prefix.rpartition("-")[2], claim, title, notes, alt, tidy(file.getvalue(), prefix, alt), width)


def in_words(figure: Figure) -> list[str]:
    """What the axes show, as sentences: their titles, what runs along them, and the names of what is drawn."""
    axes = [axis for axis in figure.axes if axis.get_visible()]
    said = {
        "Panels": [axis.get_title(loc="left") or axis.get_title() for axis in axes],
        "Along the horizontal axis": [axis.get_xlabel() for axis in axes],
        "Along the vertical axis": [axis.get_ylabel() for axis in axes],
        "Drawn": [label for axis in axes for label in axis.get_legend_handles_labels()[1]],
    }
    return [f"{what}: {'; '.join(once(words))}." for what, words in said.items() if any(words)]


def once(words: list[str]) -> list[str]:
    """Each word that is not empty, once, on one line."""
    return list(dict.fromkeys(" ".join(word.split()) for word in words if word))


def tidy(text: str, prefix: str, alt: str) -> Markup:
    """The SVG of matplotlib as part of a page: every id begins with `prefix`, and nothing in it reaches the page."""
    root = ElementTree.fromstring(text.encode())
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{SVG}metadata", f"{SVG}style"):  # a style would be the whole page's
                parent.remove(child)
    used = set(re.findall(r'(?:href="|url\()#([^")]+)', text))
    for element in root.iter():
        if element.get("id") not in used:
            element.attrib.pop("id", None)
        for name, value in list(element.attrib.items()):
            element.set(name, own(name, value, prefix))
        if LINK in element.attrib:
            element.set("href", element.attrib.pop(LINK))
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    for element in root.iter(f"{SVG}text"):
        lower(element)
    root.attrib.update({"role": "img", "aria-label": alt, "id": prefix})
    ElementTree.register_namespace("", SVG[1:-1])
    return Markup(re.sub(r">\s+<", "><", ElementTree.tostring(root, encoding="unicode")))


def lower(element: ElementTree.Element) -> None:
    """Set the subscripts of a text, such as B_c, below its line; what has parts already is left as it is."""
    if len(element) or not element.text or not (found := SUBSCRIPT.search(element.text)):
        return
    text, element.text = element.text, element.text[: found.end(1)]
    for each in SUBSCRIPT.finditer(text):
        after = SUBSCRIPT.search(text, each.end())
        below = ElementTree.SubElement(element, f"{SVG}tspan", {"dy": "0.25em", "font-size": "75%"})
        back = ElementTree.SubElement(element, f"{SVG}tspan", {"dy": "-0.19em"})
        below.text, back.text = each[2].strip("{}"), text[each.end() : after.end(1) if after else None] or "\u200b"


def own(name: str, value: str, prefix: str) -> str:
    """An attribute of an SVG: ids are made the figure's own, coordinates hundredths of a point, fonts the page's."""
    if name == "id":
        return f"{prefix}-{value}"
    value = re.sub(r"(^|url\()#", rf"\1#{prefix}-", value) if name in (LINK, "clip-path", "style") else value
    if name in COORDINATES:
        value = re.sub(r"-?\d+\.\d+(?:e-?\d+)?", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), value)
    if name == "style":
        value = re.sub(r"; ?font-family: ?[^;]*|font-family: ?[^;]*; ?", "", value)
        value = re.sub(r"font: ((?:[\w.]+ )*?[\d.]+px) [^;]*", r"font: \1 var(--figure-font)", value)
    return " ".join(value.split())
