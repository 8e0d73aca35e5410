"""How the page sets words: docstrings' blocks, subscripts and powers, links to the glossary; all of it escaped."""

import re
import shlex

import pytest
from evil import EVIL

from experiments.lab.text import begun
from experiments.report import glossary, words
from experiments.report.page import question_of


def test_a_docstring_keeps_the_lines_of_its_formulas():
    text = """Title.

    a = b
      = c

    d = e

A sentence in
two lines.

1. A point
   that goes on.
2. Another.
"""
    assert words.blocks(text) == [
        ("pre", "a = b\n  = c\n\nd = e"),
        ("p", "A sentence in two lines."),
        ("p", "1. A point that goes on."),
        ("p", "2. Another."),
    ]


def test_no_word_of_a_question_is_lost(experiments):
    for one in experiments:
        told = " ".join(text for _, text in words.blocks(question_of(one)))
        assert told.split() == question_of(one).split("\n", 1)[1].split()


def test_code_and_stress_are_marked_and_all_else_escaped():
    assert words.marked("a < b in `x<y_1`") == "a &lt; b in <code>x&lt;y_1</code>"
    assert words.marked("it *sums* J − J* and J* * 2") == "it <em>sums</em> J − J* and J* * 2"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("B_c = 235", "B<sub>c</sub> = 235"),
        ("B_c/B_local", "B<sub>c</sub>/B<sub>local</sub>"),
        ("S_min (1 + B_c/B)", "S<sub>min</sub> (1 + B<sub>c</sub>/B)"),
        ("cos(G_t, G_t+1)", "cos(G<sub>t</sub>, G<sub>t+1</sub>)"),
        ("Σ_{j<i} g_i‖", "Σ<sub>j&lt;i</sub> g<sub>i</sub>‖"),
        ("θ_SGD − θ_GD", "θ<sub>SGD</sub> − θ<sub>GD</sub>"),
        ("η^1.993, theory", "η<sup>1.993</sup>, theory"),
        ("x^-2", "x<sup>−2</sup>"),
        ("(9e-16);", "(9\u00a0·\u00a010<sup>−16</sup>);"),
        ("below 1.0e-09", "below 10<sup>−9</sup>"),
        ("compare_gd_sgd and lab/critical_batch.py", "compare_gd_sgd and lab/critical_batch.py"),
        ("a1e5 x_long_name", "a1e5 x_long_name"),
        ("<b>B_c</b>", "&lt;b&gt;B<sub>c</sub>&lt;/b&gt;"),
    ],
)
def test_symbols_are_set(text, html):
    assert words.typeset(text) == html


def test_formulas_keep_their_columns():
    first, second = words.formulas("B_c   critical\nη     rate").split("\n")
    assert first == "B<sub>c</sub>    critical"
    assert re.sub("<[^>]+>", "", first).index("critical") == second.index("rate")  # a subscript is as wide as a letter


def test_what_comes_from_a_table_becomes_no_markup():
    for html in (words.typeset(EVIL, set()), words.marked(EVIL, set()), words.formulas(EVIL)):
        assert "<" not in re.sub(r'<(a class="word" href="#[\w-]+"|/a)>', "", html)
        assert html.striptags() == EVIL


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a is 1; b is 2; more", "A is 1. B is 2. More"),
        ("needs 2 times those of 1; 1,437 needs 6", "Needs 2 times those of 1; 1,437 needs 6"),
        ("η is 3", "η is 3"),
    ],
)
def test_a_reason_is_told_in_sentences(text, told):
    assert words.sentences(text) == told


def test_a_sentence_begins_with_a_capital_and_a_symbol_stays():
    assert begun("a batch") == "A batch"
    assert begun("η is 3") == "η is 3"
    assert begun("") == ""


def test_settings_as_text():
    assert words.shown([1, 1437]) == "1 1,437"
    assert words.shown([[32], [4096, 4096]]) == "32 4,096 4,096"
    assert [words.shown(value) for value in (None, True, 0.1, "x", [])] == ["–", "yes", "0.1", "x", "none"]


@pytest.mark.parametrize("out", [["--out", "/home/me/my runs"], ["--out=/home/me/my runs"], []])
@pytest.mark.parametrize("place", [0, 1])
def test_a_command_names_no_folder_of_its_author(out, place):
    rest = ["--data", "it's $HOME.csv", "--batch-sizes", "1 8 all", "--out-of", "--quick"]
    flags = [*out, *rest] if place == 0 else [*rest, *out]
    start = ["python", "-m", "experiments.throughput"]
    told = words.repeated(shlex.join([*start, *flags]))
    assert shlex.split(told) == [*start, *rest]
    assert "home" not in told.replace("$HOME", "")


def test_no_line_breaks_inside_a_flag():
    html = words.command("python -m x --data '<b>.csv'")
    assert html == 'python <span class="flag">-m</span> x <span class="flag">--data</span> &#39;&lt;b&gt;.csv&#39;'


def test_a_command_that_no_shell_reads_is_shown_as_it_is():
    assert words.repeated("python 'x") == "python 'x"


# ---- the glossary ----------------------------------------------------------------------------------------------------


WANTED = (
    "per-sample path, batched kernel, textbook path, fast path, loose target, tight target, probe, pushed, "
    "equal copies, trapped, descent alone, rank, critical batch size, noise scale, a/b, update, epoch, "
    "sample gradient, verdict"
)


def test_the_glossary_explains_each_word_once_in_one_short_sentence():
    names = [word.name for word in glossary.WORDS]
    assert set(WANTED.split(", ")) <= set(names)
    assert names == sorted(names, key=str.lower)
    assert len(glossary.BY_ID) == len(names)
    for word in glossary.WORDS:
        assert 15 < len(word.meaning) <= 110, word
        assert word.meaning.endswith(".")
        assert ". " not in word.meaning
        assert glossary.parted(f"{word.name.split(' and ')[0]} 5", set())[0][1] == word.id, word


def test_a_word_is_linked_where_it_first_stands_and_the_longest_one_counts():
    seen = set()
    html = words.typeset("A batch size, a batch, batch sizes and B_c; a critical batch size", seen)
    assert f'title="{glossary.BY_ID["word-batch"].meaning}"' in html  # what it means, also without a click
    html = re.sub(r' title="[^"]*"', "", html)
    assert html == (
        'A <a class="word" href="#word-batch-size">batch size</a>, a <a class="word" href="#word-batch">batch</a>, '
        'batch sizes and <a class="word" href="#word-critical-batch-size">B<sub>c</sub></a>; a critical batch size'
    )
    assert words.typeset("batch sizes", seen) == "batch sizes"
    assert "href" in words.typeset("batch sizes", set())
    assert "href" not in words.typeset("batch sizes")


@pytest.mark.parametrize("text", ["batches_of", "experiments/batch.py", "minibatching", "a/batch", "overtrapped"])
def test_part_of_a_name_is_no_word(text):
    assert glossary.parted(text, set()) == [(text, "")]


def test_words_are_linked_beside_stress_and_not_in_code():
    html = words.marked("*trapped* in `batch`, pushed", set())
    html = re.sub(r' title="[^"]*"', "", html)
    assert html.startswith('<em><a class="word" href="#word-trapped">trapped</a></em> in <code>batch</code>')
