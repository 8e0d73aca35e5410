"""The presets say what their runs did."""

from experiments.report import playground, presets, surfaces


def test_presets_say_what_their_runs_did(few_runs):
    scenes = {
        "digits": playground.recorded(surfaces.digits(), playground.RATES),
        "saddle": playground.recorded(surfaces.saddle(), playground.SADDLE_RATES),
    }
    small, jitter, rests, between = presets.presets(scenes, {"ab": 107.0, "bc": 1e5})
    assert small["label"] == "batch size all 600, η = 0.01"
    assert jitter["address"] == "surface=digits&b=1&eta=1&ab=107&bc=100000"
    assert "0.25 above the minima" in rests["seen"] or "0.251 above the minima" in rests["seen"]
    assert [each["claim"] for each in (small, jitter, rests, between)] == ["", "C8a", "C5a", ""]
    assert all(each["d"].startswith("M") for each in (small, jitter, rests, between))
