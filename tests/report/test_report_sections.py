"""The sections of the page: what each claim is told by, and what its words and its links are."""

import json
import re
import shlex
from html import unescape

from reader import all_true

from experiments.report import content
from experiments.report.glossary import ANSWERS, BY_ID, VERDICTS
from experiments.report.words import sentences, typeset


def test_a_claim_is_told_by_its_numbers_and_repeated_by_its_command(folder, read):
    words = " ".join(read.text.split())
    for name in ("compare_gd_sgd", "gradient_noise"):
        result = json.loads((folder / name / "result.json").read_text(encoding="utf-8"))
        command = shlex.split(result["command"])
        where = command.index("--out")
        assert shlex.join(command[:where] + command[where + 2 :]) in words
        assert command[where + 1] not in read.text
        for claim in result["claims"].values():
            assert set_as_text(claim["statement"]) in words
            assert set_as_text(sentences(claim["because"])) in words
            for each in claim["evidence"]["questions"]:
                assert set_as_text(each["question"]) in words
                assert set_as_text(content.measured(each)) in words
        for value in result["data"]["reading"]:
            assert " ".join(value.split()) in words
        assert result["environment"]["processor"] in words


def set_as_text(text):
    """What stands on the page for a sentence, without its tags."""
    return " ".join(typeset(text).striptags().split())


def test_no_symbol_is_left_as_it_was_typed(read):
    for sign in ("B_c", "S_min", "g_i", "η^", "e-1"):
        assert sign not in re.sub(r"\S*conda\S*|SHA-256", "", read.text), sign
    assert "10−" in read.text


def test_a_word_is_linked_once_in_each_section_and_where_it_first_stands(text):
    sections = re.split(r"(?=<section )", text.partition("</header>")[2].partition("</main>")[0])[1:]
    linked = [re.findall(r'class="word" href="#([\w-]+)"', section) for section in sections]
    assert all_true(len(words) == len(set(words)) for words in linked)
    assert sum(map(len, linked)) > 40
    assert set().union(*linked) <= set(BY_ID)


def test_each_section_leads_back_to_the_claims_and_to_its_numbers(text, experiments):
    sections = re.split(r"(?=<section )", text)[1:]
    assert len(sections) == 3 + sum(len(one.claims) for one in experiments)
    for section in sections[1:]:
        assert '<a href="#claims">Back to the claims</a>' in section
    for section in sections[2:-1]:
        name = re.search(r"<code>(\w+)</code>", section)[1]
        here = name in ("compare_gd_sgd", "gradient_noise")
        assert (f'<a href="{name}/result.json">' in section) == here
        assert ("There is no result of it beside this page." in section) != here


def test_the_table_tells_what_was_found_before_the_answers_that_decide(folder, text):
    table = text.partition('aria-label="Table of claims"')[2].partition("</table>")[0]
    result = json.loads((folder / "gradient_noise" / "result.json").read_text(encoding="utf-8"))
    words = " ".join(unescape(re.sub("<[^>]+>", "", table)).split())
    found, asked = result["claims"]["C2"]["because"], result["claims"]["C2"]["evidence"]["questions"]
    assert words.index(set_as_text(sentences(found))) < words.index(set_as_text(content.measured(asked[0])))


def test_every_verdict_and_answer_is_explained_and_linked(read, text):
    for verdict, (mark, meaning) in VERDICTS.items():
        assert meaning in read.text
        assert f'id="verdict-{verdict.replace(" ", "-")}"' in text
        assert len(mark) == 1
    assert len({mark for mark, _ in VERDICTS.values()}) == len(VERDICTS)
    for answer, (mark, meaning) in ANSWERS.items():
        assert f"{mark} {'not decided' if answer == 'open' else answer}" in " ".join(read.text.split())
        assert meaning in read.text
    assert "? open" not in " ".join(read.text.split())


def test_the_figures_alternative_text_holds_the_finding(folder, read):
    result = json.loads((folder / "compare_gd_sgd" / "result.json").read_text(encoding="utf-8"))
    [figure] = [each for each in read.all("svg") if each.get("id") == "compare_gd_sgd-distance"]
    assert result["claims"]["C1"]["because"] in figure["aria-label"]
    assert "learning rate η" in figure["aria-label"]


def test_what_is_missing_is_said(read, experiments):
    words = " ".join(read.text.split())
    for one in experiments:
        here = one.name in ("compare_gd_sgd", "gradient_noise")
        assert (f"It has not been run. python -m experiments.{one.name}" in words) != here
        for name in one.claims:
            assert any(each.get("id") == name for each in read.all("section"))
    assert "Which batch size trains fastest has not been measured yet" in words
