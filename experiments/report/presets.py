"""Places of the sliders that are worth a look, each with its run and the reason why it looks as it does."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..lab.sweep import nearest
from ..lab.text import number
from . import still
from .surfaces import UPDATES


def presets(scenes: Mapping[str, dict[str, Any]], curve: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Places of the sliders that are worth a look, and why each looks as it does, in numbers of the recorded runs."""
    all_rows, samples = scenes["digits"]["rows"], scenes["saddle"]["rows"]
    wanted = [
        (
            "Too small a rate",
            ("digits", all_rows, 0.01),
            "An update is η times the gradient. At η = 0.01 even {updates} updates together are no longer than 4 "
            "gradients.",
            "The path points the right way and stops early, {end} above the least loss.",
            "",
        ),
        (
            "One sample, jitter",
            ("digits", 1, 1.0),
            "At the minimum the gradients of the samples cancel in their mean, but none of them is 0. So with one "
            "sample an update never gets short, unless the rate is small.",
            "The path arrives soon, and then jumps about, last {end} above the least loss.",
            "C8a",
        ),
        (
            "Full batch rests on the saddle",
            ("saddle", samples, 0.0562),
            "On the way to the saddle the mean gradient of all samples points neither up nor down. The noise of a "
            "batch does.",
            "All samples together slide to the saddle and rest there, {end} above the minima. Set the batch "
            "size to 32, and the path leaves. Rounding is noise, too, and grows at each update: at η = 0.1 the path of "
            "all samples leaves, late.",
            "C5a",
        ),
        (
            "A batch in between",
            ("digits", 32, 0.562),
            "A mean of 32 samples jitters √32 = 5.7 times less than one sample, so the rate may be large.",
            "After {updates} updates the loss is {end} above the least.",
            "",
        ),
    ]
    return [preset(scenes, curve, *each) for each in wanted]


def preset(
    scenes: Mapping[str, dict[str, Any]],
    curve: Mapping[str, Any],
    title: str,
    state: tuple[str, int, float],
    why: str,
    seen: str,
    claim: str,
) -> dict[str, Any]:
    """A preset: its title, its address, its run, the reason, what is seen, and the claim that it explains, or ""."""
    scene = scenes[state[0]]
    size = scene["sizes"].index(state[1])
    rate = scene["rates"].index(nearest(scene["rates"], state[2]))
    run = scene["runs"][size][rate]
    points = np.cumsum(np.reshape(run["path"], (-1, 2)), axis=0)
    end = number(10 ** (run["loss"][-1] / 100))
    label = f"batch size {'all ' * (state[1] == scene['rows'])}{state[1]:,}, η = {scene['rates'][rate]:g}"
    place = f"surface={state[0]}&b={state[1]}&eta={scene['rates'][rate]:g}"
    address = f"{place}&ab={curve['ab']:.12g}&bc={curve['bc']:.12g}"
    why, seen = (text.format(updates=UPDATES, end=end) for text in (why, seen))
    said = {
        "title": title,
        "label": label,
        "why": why,
        "seen": seen,
        "place": place,
        "address": address,
        "claim": claim,
    }
    return said | {"scene": state[0], "d": still.way(points), "out": run.get("out")}
