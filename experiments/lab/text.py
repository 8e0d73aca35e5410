"""Numbers, tables and sentences for the terminal."""

import math
import re
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

WIDEST = 100  # columns of a table or a sentence at most, on a wider terminal too


def number(value: float) -> str:
    """Three significant digits, k for thousands, M for millions, G for 10⁹; ∞ and NaN as a dash."""
    if not math.isfinite(value):
        return "–"
    if value < 0:
        return f"−{number(-value)}"
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= max(9_999.5, 0.9995 * unit):  # four digits are still read at a glance
            return f"{value / unit:.3g}{name}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def styled(value: float, style: str = "") -> str:
    """A number in a format such as ".2f", "+.1f" or ".1%"; without one, as `number` writes it."""
    if not style:
        text = number(value)
    elif not math.isfinite(value):
        text = "∞" if value > 0 else "−∞" if value < 0 else "–"
    else:
        text = f"{100 * value:{style[:-1]}f}" if style.endswith("%") else f"{value:{style}}"
    if not text.startswith("-"):
        return text
    return f"−{text[1:]}" if text.strip("-0.") else text[1:]  # no minus before a zero


def median_and_range(values: Sequence[float]) -> str:
    """median (least…greatest); a dash stands for a run that never arrived, or for no run at all."""
    if len(values) == 0:
        return "–"
    middle, low, high = number(float(np.median(values))), number(min(values)), number(max(values))
    return middle if low == high else f"{middle} ({low}…{high})"


def listed(words: Sequence[str]) -> str:
    """Words as English lists them: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def begun(sentence: str) -> str:
    """A sentence with a capital at its beginning; a symbol keeps its size."""
    return sentence[:1].upper() + sentence[1:] if "a" <= sentence[:1] <= "z" else sentence


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts claims as one counts: C2 before C10, C8 before C8a."""
    return [(int(digits or 0), letters) for digits, letters in re.findall(r"(\d*)(\D*)", name)]


def table(title: str, header: Sequence[str], lines: Iterable[Sequence[Any]]) -> str:
    """A titled table: columns aligned to the right, the first to the left. Without lines: "TITLE: not measured"."""
    first, *others = header
    rows = [list(map(str, line)) for line in lines]
    if not rows:
        return f"{title}: not measured"
    frame = pd.DataFrame([row[1:] for row in rows], [row[0] for row in rows], others).rename_axis(columns=first)
    widths = [1 + max(map(len, column)) for column in zip(others, *(row[1:] for row in rows))]  # two blanks between
    head, *body = frame.to_string(col_space=widths).splitlines()
    return "\n".join([title, "", head, "─" * max(map(len, [head, *body])), *body])


def wrapped(text: str, first: str = "", rest: str = "") -> str:
    """A sentence wrapped to the terminal, at most WIDEST wide; `first` and `rest` begin its first and other lines."""
    width = min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns)
    return textwrap.fill(text, max(40, width), initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def model_name(settings: dict[str, Any]) -> str:
    """What was trained, by the settings of a result: "logistic regression", or "MLP 64-32-10, tanh"."""
    if settings.get("model", "mlp") == "logistic":
        return logistic_name(settings)
    outputs = settings["classes"] if settings["classes"] > 2 else 1
    layers = "-".join(str(size) for size in (settings["features"], *settings["hidden"], outputs))
    return f"MLP {layers}, {settings['activation']}"


def logistic_name(settings: dict[str, Any]) -> str:
    """What logistic regression is called on these data: a user's own classes stay apart, others become two."""
    return "softmax regression" if settings.get("own_data") and settings["classes"] > 2 else "logistic regression"


def data_name(settings: dict[str, Any]) -> str:
    """What it was trained on, by the settings of a result: "digits, 1,437 rows of 64 features"."""
    drawn = f" of {settings['drawn_from']:,}" if settings.get("drawn_from") else ""
    return f"{settings['dataset']}, {settings['rows']:,}{drawn} rows of {settings['features']} features"


def headline(settings: dict[str, Any], model: str | None = None) -> str:
    """Model, data and machine in one line; and, in one more, the rows that epochs leave out, where there are any."""
    seeds = "1 seed" if settings["seeds"] == 1 else f"{settings['seeds']} seeds"
    machine = f"{settings['backend']} {settings['dtype']}"
    lines = [f"{model or model_name(settings)} on {data_name(settings)}; {machine}, {seeds}", left_out_text(settings)]
    return "\n".join(filter(None, lines))


def left_out_text(settings: dict[str, Any]) -> str:
    """Which rows an epoch leaves out, by the settings of a result; empty where there are none."""
    left = [f"{rows:,} at {int(size):,}" for size, rows in settings.get("left_out_an_epoch", {}).items()]
    said = f"rows that fill no batch, left out of each epoch, other ones each time: {listed(left)}"
    return wrapped(said.replace(" at ", " at batch size ", 1)) if left else ""
