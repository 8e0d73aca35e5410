"""The page as a file: whole, alone, the same twice, and honest about what is missing."""

import base64
import gzip
import json
import re
import shutil

import pytest
from evil import EVIL
from reader import all_true
from strategies import refused

from experiments.lab import commands
from experiments.report import content, downloads, page
from experiments.report.figures import figures_of


def test_the_same_results_give_the_same_bytes(folder, experiments, written, text):
    assert page.render(folder, experiments) == text
    assert [path.name for path in folder.iterdir() if path.is_file()] == ["index.html"]


def test_the_page_is_well_formed_and_its_landmarks_are_there(read):
    assert read.open == []
    assert len(read.all("h1")) == len(read.all("main")) == len(read.all("header")) == len(read.all("footer")) == 1
    assert all_named(read.all("nav"))
    assert dict(read.tags)["html"] == {"lang": "en"}
    assert {attributes["scope"] for attributes in read.all("th")} == {"col", "row"}
    figures = [attributes for attributes in read.all("svg") if attributes.get("role") == "img"]
    assert all_named(figures)
    assert len(read.all("figure")) == len(read.all("figcaption"))


def all_named(elements):
    return bool(elements) and all_true(each.get("aria-label") for each in elements)


def test_the_comparison_of_rows_sees_a_difference():
    assert alike([{"a": [1.0, None, "x"]}], [{"a": [1.0000001, None, "x"]}])
    for other in ([{"a": [1.001, None, "x"]}], [{"a": [1.0, None, "y"]}], [{"b": [1.0, None, "x"]}], []):
        assert not alike([{"a": [1.0, None, "x"]}], other)


def test_ids_are_kept_apart_and_every_link_ends_somewhere(read, text):
    ids = [attributes["id"] for _, attributes in read.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = [attributes["href"] for attributes in read.all("a", "use")]
    inside = {link[1:] for link in links if link.startswith("#") and "=" not in link}
    inside |= {
        attributes[name] for _, attributes in read.tags for name in ("for", "aria-labelledby") if name in attributes
    }
    inside |= set(re.findall(r"url\(#([^)]+)\)", text))
    assert inside <= set(ids)
    others = {link.partition(":")[0] for link in links if not link.startswith("#")}
    assert others == {"data", "compare_gd_sgd/result.json", "gradient_noise/result.json"}


def test_nothing_is_loaded(read, text):
    assert [each for _, each in read.tags if "src" in each or "srcset" in each] == []
    assert [each["href"] for each in read.all("link")] == ["data:,"]
    assert "@import" not in text
    assert "<image" not in text  # no figure is a raster
    assert not re.search(r"""(href|src|url\()\s*=?\s*["']?(https?:)?//""", text)


def test_what_came_from_the_table_is_escaped(read, text):
    assert EVIL not in text
    assert EVIL in read.text
    assert "<i>flowers" in read.text
    assert len(read.all("script")) == 3


def test_the_page_is_small(text):
    assert len(text.encode()) < 3_000_000


def test_rows_can_be_downloaded(folder, read):
    links = {each["download"]: each["href"] for each in read.all("a") if "download" in each}
    for name in ("compare_gd_sgd", "gradient_noise"):
        rows = json.loads((folder / name / "result.json").read_text(encoding="utf-8"))["rows"]
        got = json.loads(gzip.decompress(base64.b64decode(links[f"{name}-rows.json.gz"].partition(",")[2])))
        assert alike(got, rows)
    assert downloads.compressed([{"x": 0.123456789, "y": [1 / 3], "z": None}]) == downloads.compressed(
        [{"x": 0.123457, "y": [0.333333], "z": None}]
    )


def alike(one, other):
    """Whether two values of JSON are the same but for the seventh digit of their numbers."""
    if isinstance(one, dict):
        return list(one) == list(other) and alike(list(one.values()), list(other.values()))
    if isinstance(one, list):
        return len(one) == len(other) and all_true(map(alike, one, other))
    return one == pytest.approx(other, rel=1e-5) if isinstance(one, float) else one == other


def test_rows_for_which_there_is_no_room_lie_beside_the_page(monkeypatch):
    results = {"small": {"rows": [1]}, "large": {"rows": [[k * 0.7**k for k in range(500)]]}}
    assert list(downloads.downloads(results)) == ["small", "large"]
    monkeypatch.setattr(downloads, "ROWS_ROOM", 200)
    assert list(downloads.downloads(results)) == ["small"]


def test_a_result_that_cannot_be_read_is_missing(folder, experiments, tmp_path):
    shutil.copytree(folder / "gradient_noise", tmp_path / "gradient_noise")
    for name, text in (("throughput", "{"), ("saddle_point", '{"claims": {}}'), ("local_minima", '{"claims": [3]}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(text, encoding="utf-8")
    results, problems = content.read_results(tmp_path, experiments)
    assert list(results) == ["gradient_noise"]
    assert {name for name, problem in problems.items() if "cannot be read" in problem} == {
        "throughput",
        "saddle_point",
        "local_minima",
    }


@pytest.mark.whole
@pytest.mark.parametrize(
    ("place", "value"), [("verdict", ["holds"]), ("because", None), ("evidence", {"questions": [{"answer": "yes"}]})]
)
def test_a_result_that_cannot_be_told_is_a_problem_of_its_part_alone(folder, tmp_path, place, value):
    for name in ("compare_gd_sgd", "gradient_noise"):
        result = json.loads((folder / name / "result.json").read_text(encoding="utf-8"))
        if name == "gradient_noise":
            result["claims"]["C2"][place] = value
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(json.dumps(result), encoding="utf-8")
    text = page.render(tmp_path, [commands.load("compare_gd_sgd"), commands.load("gradient_noise")])
    assert text.count("gradient_noise/result.json cannot be read as a result") >= 1
    assert "compare_gd_sgd/result.json cannot" not in text


def test_a_figure_of_other_rows_is_told_and_the_others_are_there(folder):
    result = json.loads((folder / "compare_gd_sgd" / "result.json").read_text(encoding="utf-8"))
    result["rows"] = [row for row in result["rows"] if row["kind"] != "surface"]
    drawn = {each.name: each for each in figures_of(commands.load("compare_gd_sgd"), result)}
    assert drawn["paths"].title.startswith("The figure 'paths' cannot be drawn from these rows (")
    assert drawn["paths"].svg == ""
    assert all_true(each.svg for name, each in drawn.items() if name != "paths")
    assert len(drawn) == 5


def test_without_any_result_there_is_no_page(tmp_path, experiments, capsys):
    with refused("expected results: python -m experiments all"):
        page.write(tmp_path, experiments)
    assert commands.main(["report", "--out", str(tmp_path / "none")]) == 2
    err = capsys.readouterr().err
    assert (err.count("\n"), "none" in err) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_the_page_and_says_where(tmp_path, capsys, monkeypatch):
    asked = []
    monkeypatch.setattr(page, "render", lambda folder, _: asked.append(folder) or "the page")
    (tmp_path / "mine").mkdir()
    assert commands.main(["report", "--out", str(tmp_path), "--run", "mine"]) == 0
    path = tmp_path / "mine" / "index.html"
    assert asked == [path.parent]
    assert capsys.readouterr().out == f"wrote {path}\n"
    assert path.read_text(encoding="utf-8") == "the page"


def test_the_command_refuses_what_it_does_not_know(capsys):
    with pytest.raises(SystemExit) as caught:
        commands.main(["report", "--quick"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_an_old_page_outlives_a_failure(folder, experiments, tmp_path, monkeypatch):
    (tmp_path / "index.html").write_text("old", encoding="utf-8")
    monkeypatch.setattr(page, "render", lambda *_: "new \ud800")  # cannot be encoded
    with pytest.raises(UnicodeEncodeError):
        page.write(tmp_path, experiments)
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


def test_the_folder_of_the_report_is_no_experiment():
    assert "report" not in commands.names()
