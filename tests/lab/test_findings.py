"""The README's findings say what the files behind them say, and the command writes both, or neither."""

import copy
import json
import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.lab import commandline, commands, findings, prepare, results
from experiments.lab.statistics import Interval
from experiments.lab.verdicts import Judgement, Question

README = (findings.ROOT / "README.md").read_text(encoding="utf-8")
FOLDER = findings.ROOT / "experiments" / "findings"
FILES = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.json")}

# ---- what is in the repository ---------------------------------------------------------------------------------------


def cells(line):
    """The cells of a line of a Markdown table, as they are read."""
    return [re.sub(r"\\(.)", r"\1", cell.strip()) for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def disagreements(readme, files):
    """What the README's table and the files behind it say differently; read here once more, without the command."""
    text = readme.partition("<!-- findings -->")[2].partition("<!-- end of findings -->")[0]
    shown = {line[0]: line[1:] for line in map(cells, text.strip().splitlines()) if line and line[0][:1] == "C"}
    claims = {name: (claim, of) for of, file in files.items() for name, claim in file["claims"].items()}
    found = sorted(set(shown) ^ set(claims))
    for name in set(shown) & set(claims):
        claim, of = claims[name]
        statement, verdict, decided, link = shown[name]
        found += [name] * (verdict != f"**{claim['verdict']}**" or f"{statement}." != claim["statement"])
        found += [f"{name}: {number}" for number in numbers(claim["because"]) if number not in numbers(decided)]
        found += [f"{name}: {of}"] * (f"experiments/{of}/question.py" not in link)
    found += [of for of, file in files.items() if file["environment"]["date"][:10] not in text]
    return found


def numbers(text):
    return re.findall(r"[−+]?\d[\d,.]*(?:e-?\d+)?", text)


def contradictions(claim):
    """What of a claim does not follow from the numbers of its own questions."""
    questions = claim["evidence"]["questions"]
    answers = {question["answer"] for question in questions if not question["control"]}
    possible = {
        "holds": {question["answer"] for question in questions} == {"yes"},
        "conditional": {"yes", "no"} <= answers,
        "does not hold": "no" in answers,
        "undecided": True,
        "not measured": not questions,
    }
    found = [claim["verdict"]] * (not possible[claim["verdict"]])
    return found + [question["text"] for question in questions if question["answer"] != answer_of(question)]


def answer_of(question):
    """The answer by interval and bounds, null for an endless one; where both bounds are, words have decided."""
    if question["bounds"] == [None, None]:
        return question["answer"]
    (least, most), (low, high) = (
        [math.inf * sign if end is None else end for sign, end in zip((-1, 1), ends)]
        for ends in ((question["low"], question["high"]), question["bounds"])
    )
    return "yes" if low <= least and most <= high else "no" if most < low or high < least else "open"


def test_the_readme_says_what_the_files_say():
    assert len(FILES) >= 9
    assert disagreements(README, FILES) == []


def test_the_readme_is_what_the_command_writes():
    files = [FILES[name] for name in commands.names()]
    assert findings.with_table(README, findings.section(files)) == README


@pytest.mark.parametrize("name", commands.names())
def test_a_finding_is_of_a_default_run_and_answers_every_claim(name):
    assert findings.kept(commands.load(name), FOLDER / f"{name}.json") == FILES[name]
    assert list(FILES[name]["claims"]) == list(commands.load(name).claims)
    for claim in FILES[name]["claims"].values():
        assert contradictions(claim) == []


def test_the_files_are_those_of_the_experiments_and_small():
    assert sorted(FILES) == commands.names()
    claims = [name for file in FILES.values() for name in file["claims"]]
    assert len(claims) == len(set(claims))  # a name stands for one row
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 200_000


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| **holds** |", "| **does not hold** |"),
        ("| C2 |", "| C22 |"),
        ("[throughput](experiments/throughput/", "[saddle_point](experiments/saddle_point/"),
        ("2 cores, no GPU, 2026", "2 cores, no GPU, 2025"),
    ],
)
def test_a_planted_disagreement_in_the_readme_is_told(old, new):
    start = README.index(findings.BEGIN)
    planted = README[:start] + README[start:].replace(old, new, 1)
    assert planted != README, f"the table has no {old!r}: plant another"
    assert disagreements(planted, FILES)
    assert findings.with_table(planted, findings.section([FILES[name] for name in commands.names()])) != planted


def test_a_changed_number_in_the_readme_is_told():
    row = next(line for line in README[README.index(findings.BEGIN) :].splitlines() if line.startswith("| C1 |"))
    because = FILES["compare_gd_sgd"]["claims"]["C1"]["because"]
    number = numbers(because)[0]
    planted = README.replace(row, row.replace(number, f"1{number}", 1))
    assert planted != README
    assert disagreements(planted, FILES)


def test_a_planted_disagreement_in_a_file_is_told():
    turned, changed = copy.deepcopy(FILES), copy.deepcopy(FILES)
    claim = turned["compare_gd_sgd"]["claims"]["C1"]
    claim["verdict"] = "does not hold"
    assert disagreements(README, turned) == ["C1"]
    assert contradictions(claim) == ["does not hold"]  # also where the README was turned with it
    claim = changed["compare_gd_sgd"]["claims"]["C1"]
    number = numbers(claim["because"])[0]
    claim["because"] = claim["because"].replace(number, "77", 1)
    assert disagreements(README, changed) == ["C1: 77"]
    question = claim["evidence"]["questions"][0]
    question["high"] = 2 * question["bounds"][1]
    assert contradictions(claim) == [question["text"]]


# ---- the command, on two experiments made up -------------------------------------------------------------------------


def judge(result):
    [row] = result["rows"]
    question = Question("share", Interval(row["share"], row["share"], row["share"]), high=0.5)
    return {name: Judgement(f"the share | rest is {row['share']:.2f}", [question]) for name in row["claims"]}


def made_up(name, *claims):
    return replace(commands.load(name), judge=judge, claims=dict.fromkeys(claims, "Less than half in {epochs} epochs."))


ONES = [made_up("compare_gd_sgd", "C10", "C2"), made_up("throughput", "C2-CPU")]


def result_of(one, share, *flags, **environment):
    """A result as a run with these flags leaves it, but for its rows."""
    data, settings = prepare.prepare(one, commandline.parser(one).parse_args(list(flags)))
    where = {"date": "2026-03-04T05:06:07+00:00", "processor": "Abacus", "cores": 3, "gpu": ""} | environment
    return {
        "experiment": one.name,
        "claims": {name: {"statement": "written by hand", "verdict": "holds"} for name in one.claims},
        "rows": [{"share": share, "claims": list(one.claims)}],
        "settings": settings.plain() | {"rows": len(data.X_train), "target": 0.123},
        "settings_at_start": settings.plain(),
        "data": results.data_read(data),
        "environment": {**dict.fromkeys(findings.MACHINE), **where, "workers": 2},
    }


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A checkout with a README, and the results of two experiments in results/."""
    monkeypatch.setattr(findings, "ROOT", tmp_path)
    (tmp_path / "experiments").mkdir()
    put_readme(tmp_path, "Before.\n\n<!-- findings -->\nold\n<!-- end of findings -->\n\nAfter: η.\n")
    for one, share in zip(ONES, (0.25, 0.75)):
        put(tmp_path, one, result_of(one, share))
    return tmp_path


def put(root, one, result):
    (root / "results" / one.name).mkdir(parents=True, exist_ok=True)
    results.write_json(root / "results" / one.name / "result.json", result)


def put_readme(root, text):
    (root / "README.md").write_text(text, encoding="utf-8")


def contents(root):
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}


def run(root, *words):
    return findings.main(["--out", str(root / "results"), *words], ONES)


def assert_refused(root, capsys, *words, status=2):
    """It ends with one line that holds these words, and every file is as it was."""
    before = contents(root)
    assert run(root) == status
    assert contents(root) == before
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert [word for word in words if word not in err] == []


def test_the_command_writes_files_and_table(root, capsys):
    assert run(root) == 0
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert readme.startswith("Before.\n\n<!-- findings -->\n\nData: 1,437 handwritten digits. Machine: ")
    assert "Machine: Abacus, 3 cores, no GPU, 2026-03-04.\n" in readme
    assert readme.endswith("\n\n<!-- end of findings -->\n\nAfter: η.\n")
    link = "[compare_gd_sgd](experiments/compare_gd_sgd/question.py)"
    rows = [line for line in readme.splitlines() if line.startswith("| C")]
    assert rows[0] == rf"| C2 | Less than half in 60 epochs | **holds** | the share \| rest is 0.25 | {link} |"
    assert [cells(row)[0] for row in rows] == ["C2", "C2-CPU", "C10"]
    assert [cells(row)[2] for row in rows] == ["**holds**", "**does not hold**", "**holds**"]
    kept = json.loads((root / "experiments/findings/throughput.json").read_text(encoding="utf-8"))
    assert (sorted(kept), sorted(kept["environment"])) == (sorted(findings.KEPT), sorted(findings.MACHINE))
    assert kept["claims"]["C2-CPU"]["evidence"]["questions"][0]["estimate"] == 0.75
    assert capsys.readouterr().out.splitlines()[-1] == "wrote README.md: 3 claims"
    again = contents(root)
    assert run(root) == 0
    assert contents(root) == again


def test_it_is_a_command_of_the_laboratory(tmp_path, capsys):
    assert commands.main(["findings", "--out", str(tmp_path / "nowhere")]) == 2
    assert "nowhere" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        commands.main(["findings", "--quick"])
    assert caught.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert commands.main([]) == 0
    assert "findings                " in capsys.readouterr().out


def test_a_run_has_a_folder_of_its_own(root):
    (root / "results").rename(root / "moved")
    (root / "results").mkdir()
    (root / "moved").rename(root / "results" / "mine")
    assert run(root, "--run", "mine") == 0


def test_without_a_new_result_the_earlier_finding_is_kept_and_said(root, capsys):
    assert run(root) == 0
    kept = (root / "experiments/findings/throughput.json").read_bytes()
    (root / "results/throughput/result.json").unlink()
    put(root, ONES[0], result_of(ONES[0], 0.5, date="2026-03-09T00:00:00+00:00"))
    capsys.readouterr()
    assert run(root) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("kept experiments/findings/throughput.json, measured 2026-03-04: there is no ")
    assert (root / "experiments/findings/throughput.json").read_bytes() == kept
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert "no GPU, 2026-03-04 to 2026-03-09." in readme
    assert len(re.findall("^[|] C", readme, re.MULTILINE)) == 3


def test_several_machines_are_told_apart(root):
    put(root, ONES[1], result_of(ONES[1], 0.5, processor="", cores=1, gpu="Loom"))
    assert run(root) == 0
    readme = (root / "README.md").read_text(encoding="utf-8")
    assert "Abacus, 3 cores, no GPU, 2026-03-04 (C2 and C10); 1 core, Loom, 2026-03-04 (C2-CPU)." in readme


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--quick"], ["seeds is 3; expected 5"]),
        (["--batch-sizes", "1 all"], ["batch_sizes is [1, 1437]; expected [1, 8, 64, 512, 1437]"]),
        (["--seed", "7"], ["seed is 7; expected 0"]),
        (["--target", "0.2"], ["target is 0.2; expected None"]),
        (["--task", "3-vs-8"], ["dataset is 'digits 3-vs-8'; expected 'digits odd-even'"]),
    ],
)
def test_a_run_that_is_no_default_run_is_refused(root, capsys, flags, words):
    put(root, ONES[0], result_of(ONES[0], 0.25, *flags))
    assert_refused(root, capsys, "python -m experiments.compare_gd_sgd", *words)


def test_other_data_of_the_same_name_are_refused(root, capsys):
    result = result_of(ONES[0], 0.25)
    result["data"]["classes"]["even"]["train"] -= 1
    put(root, ONES[0], result)
    assert_refused(root, capsys, "compare_gd_sgd", "data is {'name': 'digits odd-even'")


def test_the_result_of_another_experiment_is_refused(root, capsys):
    put(root, ONES[0], result_of(ONES[1], 0.25))
    assert_refused(root, capsys, "experiment is 'throughput'; expected 'compare_gd_sgd'")


def test_a_setting_that_an_old_result_lacks_is_refused(root, capsys):
    result = result_of(ONES[0], 0.25)
    del result["settings_at_start"]["seed"]
    put(root, ONES[0], result)
    assert_refused(root, capsys, "compare_gd_sgd", "seed is 'not there'; expected 0")


@pytest.mark.parametrize("key", ["settings_at_start", "data", "environment"])
def test_a_result_that_lacks_something_is_refused(root, capsys, key):
    put(root, ONES[0], {name: value for name, value in result_of(ONES[0], 0.25).items() if name != key})
    assert_refused(root, capsys, "compare_gd_sgd", f"lacks '{key}'")


@pytest.mark.parametrize(
    ("change", "lacks"), [({"settings_at_start": "x"}, "settings_at_start"), ({"claims": {"C1": {}}}, "statement")]
)
def test_a_result_of_another_shape_is_refused(root, capsys, change, lacks):
    put(root, ONES[0], result_of(ONES[0], 0.25) | change)
    assert_refused(root, capsys, "compare_gd_sgd", f"lacks '{lacks}'")


def test_rows_that_cannot_be_judged_are_refused(root, capsys):
    put(root, ONES[0], result_of(ONES[0], 0.25) | {"rows": [{}]})
    assert_refused(root, capsys, "compare_gd_sgd", "cannot be judged: KeyError 'share'")
    put(root, ONES[0], result_of(ONES[0], 0.25) | {"rows": 3})
    assert_refused(root, capsys, "compare_gd_sgd", "cannot be judged: TypeError")


@pytest.mark.parametrize("text", ["{", "[]", "1", "", "[" * 3000])
def test_what_is_no_result_is_refused(root, capsys, text):
    (root / "results/compare_gd_sgd/result.json").write_text(text, encoding="utf-8")
    assert_refused(root, capsys, "compare_gd_sgd", "expected what python -m experiments.compare_gd_sgd writes")


def test_a_finding_that_is_kept_must_be_of_a_default_run_and_of_the_same_claims(root, capsys, monkeypatch):
    assert run(root) == 0
    (root / "results/throughput/result.json").unlink()
    capsys.readouterr()
    path = root / "experiments/findings/throughput.json"
    good = json.loads(path.read_text(encoding="utf-8"))
    results.write_json(path, good | {"settings_at_start": good["settings_at_start"] | {"rounds": 99}})
    assert_refused(root, capsys, "throughput", "rounds is 99; expected 3")
    results.write_json(path, good)
    monkeypatch.setitem(ONES[1].claims, "C3", "One more.")
    assert_refused(root, capsys, "throughput", "C3 is 'not there'; expected 'One more.'")


def test_an_experiment_without_any_finding_is_refused(root, capsys):
    (root / "results/throughput/result.json").unlink()
    assert_refused(root, capsys, "throughput has no result; expected one from python -m experiments.throughput")


def test_no_result_at_all_is_refused(root, capsys):
    assert run(root) == 0
    for one in ONES:
        (root / "results" / one.name / "result.json").unlink()
    capsys.readouterr()
    assert_refused(root, capsys, str(root / "results"), "holds no result")


@pytest.mark.parametrize(
    "text",
    [
        "No place.\n",
        "<!-- findings -->\n",
        "<!-- end of findings -->\n<!-- findings -->\n",
        "<!-- findings --><!-- end of findings -->\n<!-- findings --><!-- end of findings -->\n",
    ],
)
def test_a_readme_without_one_place_is_refused(root, capsys, text):
    put_readme(root, text)
    assert_refused(root, capsys, "README.md", "<!-- findings -->", "<!-- end of findings -->")


@pytest.mark.parametrize("broken", ["compare_gd_sgd.json", "throughput.json", "README.md"])
@pytest.mark.parametrize("verb", ["write_text", "replace"])
@pytest.mark.parametrize("first", [True, False])
def test_all_files_are_written_or_none(root, capsys, monkeypatch, broken, verb, first):
    if not first:
        assert run(root) == 0
        capsys.readouterr()
        put(root, ONES[0], result_of(ONES[0], 0.4))
    real = getattr(Path, verb)

    def fail(path, *arguments, **keywords):
        if path.name.startswith(f"{broken}.") and path.suffix == ".part":
            raise OSError(28, "No space left on device", str(path))
        return real(path, *arguments, **keywords)

    monkeypatch.setattr(Path, verb, fail)
    assert_refused(root, capsys, "No space left on device", broken, "nothing was changed", status=1)
