"""A stranger's table: read right, or refused in one line that says where. One test a quirk."""

import csv
import gzip
import io
import pickle
import subprocess
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.lab.settings import ModelSettings
from experiments.lab.sweep import make_model
from minigrad import LBFGS, MLP, LogisticRegression, train
from minigrad.data import standardise
from minigrad.data.scaling import stratified
from minigrad.data.table import load_table

IRIS = "long,wide,species\n1,2,setosa\n3,4,virginica\n5,7,setosa\n7,8,virginica\n9,1,setosa\n"
ROWS, LABELS = [[1, 2], [3, 4], [5, 7], [7, 8], [9, 1]], [0, 1, 0, 1, 0]
BODY = IRIS.split("\n", 1)[1]


def saved(tmp_path, content, name="flowers.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def saved_npz(tmp_path, **arrays):
    np.savez(tmp_path / "flowers.npz", **arrays)
    return tmp_path / "flowers.npz"


def assert_holds(data, X, y):
    """`data` holds the rows (X, y), its classes alike in both parts, scaled by its training part."""
    X, y = np.asarray(X, dtype=float), np.asarray(y)
    train, test = stratified(y)
    X_train, X_test = standardise(X[train], X[test])
    assert np.array_equal(data.X_train, X_train) and np.array_equal(data.X_test, X_test)
    assert data.y_train.tolist() == y[train].tolist() and data.y_test.tolist() == y[test].tolist()
    assert data.X_train.dtype == np.float64 and data.y_train.dtype == np.int64


def column_of(data, name):
    """A feature as it was before it was standardised, in training and in the test part."""
    j = data.features.index(name)
    return data.original(data.X_train)[:, j].round(9), data.original(data.X_test)[:, j].round(9)


def sample(m=60, seed=0, **columns):
    """A frame of m rows: two features without quirks, the columns that are asked for, and a label of three classes."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"a": rng.standard_normal(m).round(3), "b": rng.integers(0, 40, m)})
    label = [("red", "green", "blue")[k] for k in rng.permutation(np.arange(m) % 3)]
    return frame.assign(**columns, colour=label)


def as_text(frame, **keywords):
    return frame.to_csv(index=False, lineterminator="\n", **keywords)


def assert_same(found, expected):
    for name in ("X_train", "y_train", "X_test", "y_test", "mean", "scale"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    assert (found.classes, found.features) == (expected.classes, expected.features)


# ---- how a table is laid out -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "label"),
    [
        (IRIS, None),
        (IRIS, "species"),
        (IRIS, "-1"),
        (IRIS, 2),
        (BODY, None),
        (BODY, -1),
        (BODY, "2"),
        ("\ufeff" + IRIS, "species"),
        ("\ufeff" + BODY, None),  # a byte order mark left in place would turn the first row into a header
        (IRIS.replace("\n", "\r\n") + "\r\n\r\n  \r\n", None),
        (IRIS.replace("\n", "\r"), None),
        (IRIS.rstrip("\n"), None),
        (IRIS.replace("setosa", '"setosa"').replace("3,4", '"3", "4"'), None),
        (IRIS.replace(",", " , "), "species"),
        ("0,1,kind\n" + BODY, "kind"),
        (IRIS.replace("long,wide,species", "species,wide,long"), "long"),
        # column names that are numbers: a header only by the label's own name among labels that are numbers
        ("0,1,kind\n" + BODY.replace("setosa", "0").replace("virginica", "1"), None),
        (IRIS.replace(",", ";"), None),
        (IRIS.replace(",", "\t"), None),
        (IRIS.replace(",", "|"), None),
        (IRIS.replace(",", "   "), None),
        (IRIS.replace(",", " \t "), "species"),
        ("\n".join("  " + line for line in BODY.replace(",", "  ").split("\n")), None),
        ("sep=;\n" + IRIS.replace(",", ";"), None),
        ("Flowers\n" + IRIS, None),
        ("Flowers\n\n" + BODY, None),
        ("Flowers of 1936, by Fisher\n" + IRIS, None),
        ("Flowers,,\n" + IRIS, None),
        ("# 2 numbers, and a class\n# by Fisher\n" + IRIS, None),
        ("# Flowers\n" + BODY, None),
        ("#" + IRIS, None),
        ("# " + IRIS.replace(",", " "), None),
        (IRIS + ",,\n,,\n", None),
        ("long,wide,species\n" + BODY.replace("\n", ",\n"), "species"),  # a comma at the end of each row
    ],
)
def test_text(tmp_path, content, label):
    data = load_table(saved(tmp_path, content), label)
    assert_holds(data, ROWS, LABELS)
    assert data.name == "flowers" and data.n_classes == 2
    assert data.classes in (("setosa", "virginica"), ("0", "1"))
    assert data.features in (("long", "wide"), ("0", "1"), ("species", "wide"))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1", "utf-8-sig", "cp1252"])
def test_encodings(tmp_path, encoding):
    content = IRIS.replace("long", "länge").replace("setosa", "Säule").replace(",", "\t")
    data = load_table(saved(tmp_path, content.encode(encoding), "flowers.tsv"))
    assert_holds(data, ROWS, LABELS)
    assert (data.classes, data.features[0]) == (("Säule", "virginica"), "länge")
    assert ("read as Latin-1" in data.reading[1]) == (encoding in ("latin-1", "cp1252"))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt", ".data", ".CSV", ".csv.gz", ".data.gz"])
def test_suffixes(tmp_path, suffix):
    for content in (IRIS.encode(), gzip.compress(IRIS.encode())):  # by content: some browsers unpack a .gz file
        data = load_table(saved(tmp_path, content, f"my.flowers{suffix}"))
        assert_holds(data, ROWS, LABELS)
        assert data.name == "my.flowers"


@pytest.mark.parametrize("delimiter", [";", "\t", "  "])
def test_decimal_commas(tmp_path, delimiter):
    frame = sample()
    content = as_text(frame, sep=";", decimal=",").replace(";", delimiter)
    assert "," in content
    assert_same(load_table(saved(tmp_path, content)), load_table(frame))


def test_semicolons_with_every_header_quoted(tmp_path):
    frame = sample().rename(columns={"a": "free sulfur; dioxide", "b": 'the "b"'})
    content = as_text(frame, sep=";", quoting=csv.QUOTE_NONNUMERIC)
    data = load_table(saved(tmp_path, content))
    assert data.features == ("free sulfur; dioxide", 'the "b"')
    assert_same(data, load_table(frame))


def test_names_with_commas_in_quotes(tmp_path):
    names = [f"Person {i}, Mr. X. ({i})" for i in range(60)]
    data = load_table(saved(tmp_path, as_text(sample(name=names))))
    assert data.features == ("a", "b")
    assert "dropped: name (an id)" in data.reading[1]


def test_a_header_of_plain_numbers(tmp_path):
    frame = pd.DataFrame(np.random.default_rng(0).standard_normal((40, 10)).round(2)).assign(y=np.arange(40) % 2)
    expected = load_table(frame.set_axis([*map(str, range(11))], axis=1))
    content = as_text(frame.set_axis(range(11), axis=1))
    data = load_table(saved(tmp_path, content))
    assert_same(data, expected)
    assert len(data.y_train) + len(data.y_test) == 40
    assert "the first row, 0 … 10, taken for names" in data.reading[1]
    assert len(load_table(saved(tmp_path, content.split("\n", 1)[1])).y_train) == 32  # and none where there is none


def test_all_text_with_and_without_a_header(tmp_path):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({name: [*map("xyz".__getitem__, rng.integers(0, 3, 80))] for name in ("cap", "gill")})
    frame.insert(0, "class", [*map("ep".__getitem__, rng.integers(0, 2, 80))])
    data = load_table(saved(tmp_path, as_text(frame)))
    assert data.features == ("cap = x", "cap = y", "cap = z", "gill = x", "gill = y", "gill = z")
    assert data.classes == ("e", "p")
    headless = load_table(saved(tmp_path, as_text(frame).split("\n", 1)[1]), 0)
    assert np.array_equal(headless.X_train, data.X_train)
    assert headless.features[0] == "1 = x"


def test_row_names_without_a_header_of_their_own(tmp_path):
    """As R writes them: a name less than cells."""
    lines = as_text(sample(), sep=" ").splitlines()
    rows = [f'"row {i}" {line}' for i, line in enumerate(lines[1:])]
    data = load_table(saved(tmp_path, "\n".join([lines[0], *rows]), "r.txt"))
    assert_same(data, load_table(sample()))
    assert "column 0 (an index)" in data.reading[1]


# ---- which columns become what ---------------------------------------------------------------------------------------


def test_indicators_are_those_of_pandas():
    size = ["small", "large", "huge", "small"] * 15
    frame = sample(size=size)
    data = load_table(frame)
    assert data.features == ("a", "b", "size = huge", "size = large", "size = small")
    train, test = stratified(np.unique(frame.colour, return_inverse=True)[1])
    expected = pd.get_dummies(frame["size"]).to_numpy(dtype=float)
    found = [np.column_stack(parts) for parts in zip(*(column_of(data, name) for name in data.features[2:]))]
    assert np.array_equal(found[0], expected[train]) and np.array_equal(found[1], expected[test])


@pytest.mark.parametrize("words", [(True, False), ("True", "False"), ("TRUE", "false"), (1, 0)])
def test_booleans_are_numbers(tmp_path, words):
    on = [words[i % 7 in (0, 3)] for i in range(60)]
    data = load_table(saved(tmp_path, as_text(sample(on=on))))
    assert data.features == ("a", "b", "on")
    assert set(column_of(data, "on")[0]) == {0.0, 1.0}


@pytest.mark.parametrize("word", ["", "?", "NA", "nan", "NULL", "-", " ? "])
def test_missing_numbers_get_the_training_parts_median_and_an_indicator(tmp_path, word):
    frame = sample()
    train, test = stratified(np.unique(frame.colour, return_inverse=True)[1])
    gaps = [train[0], train[5], test[0]]
    text = frame.assign(a=[word if i in gaps else f"{a}" for i, a in enumerate(frame.a)])
    data = load_table(saved(tmp_path, as_text(text)))
    assert data.features == ("a", "a missing", "b")
    median = np.median(np.delete(frame.a.to_numpy()[train], [0, 5]))
    found, found_in_test = column_of(data, "a")
    assert np.allclose(found[[0, 5]], median) and np.isclose(found_in_test[0], median)
    assert column_of(data, "a missing")[0].tolist() == [float(i in gaps) for i in train]
    assert column_of(data, "a missing")[1].tolist() == [float(i in gaps) for i in test]
    assert "a 3" in data.reading[2]


def test_missing_in_the_test_part_only_needs_no_indicator():
    frame = sample()
    test = stratified(np.unique(frame.colour, return_inverse=True)[1])[1]
    frame.loc[test[2], "a"] = np.nan
    assert load_table(frame).features == ("a", "b")


def test_missing_text_is_a_level():
    frame = sample(size=["small", None, "large", "small", "large"] * 12)
    data = load_table(frame)
    assert data.features[2:] == ("size = large", "size = small", "size = missing")
    assert "size 12" in data.reading[2]


def test_the_test_part_has_no_say(tmp_path):
    """Whatever its rows hold, the training part's features and their scale stay what they are."""
    frame = sample(size=["small", "large"] * 30)
    test = stratified(np.unique(frame.colour, return_inverse=True)[1])[1]
    other = frame.copy()
    other.loc[test, "a"], other.loc[test, "size"] = 1000.0, "unheard of"
    one, two = load_table(frame), load_table(other)
    assert one.features == two.features
    assert np.array_equal(one.X_train, two.X_train) and np.array_equal(one.mean, two.mean)
    assert {*column_of(two, "size = large")[1], *column_of(two, "size = small")[1]} == {0.0}


@pytest.mark.parametrize(
    ("column", "why"),
    [
        (["same"] * 60, "constant"),
        ([7] * 60, "constant"),
        ([None] * 60, "empty"),
        (range(60), "an index"),
        (range(1, 61), "an index"),
        (range(892, 952), "an index"),
        (np.random.default_rng(3).permutation(60) + 1, "an index"),
        ([f"P{i:03}" for i in range(60)], "an id"),
        ([f"2020-01-{1 + i % 28:02}" for i in range(60)], "a date"),
        ([f"{1 + i % 28}.1.2020" for i in range(60)], "a date"),
        (pd.date_range("2020", periods=60), "a date"),
        ([f"word {i // 2}" for i in range(60)], "text that seldom repeats"),
    ],
)
def test_what_tells_nothing_is_dropped_with_a_word(tmp_path, column, why):
    frame = sample(x=column)
    for table in (frame, saved(tmp_path, as_text(frame))):
        data = load_table(table)
        assert data.features == ("a", "b")
        assert f"dropped: x ({why})" in data.reading[1]


def test_an_index_without_a_name_and_one_with_an_ids_name(tmp_path):
    number = np.random.default_rng(0).permutation(10_000)[:60]
    frame = sample().assign(patient_id=number)[["patient_id", "a", "b", "colour"]]
    shuffled = frame.sample(frac=1, random_state=0)
    data = load_table(saved(tmp_path, shuffled.to_csv()))  # with its index, which has no name
    assert data.features == ("a", "b")
    assert "dropped: column 0, patient_id (an index)" in data.reading[1]


@pytest.mark.parametrize(("name", "kept"), [("paid", True), ("humid", True), ("patientId", False), ("ID", False)])
def test_a_word_that_ends_in_id_is_no_id(name, kept):
    number = np.random.default_rng(0).permutation(10_000)[:60]
    assert (name in load_table(sample().assign(**{name: number}), label="colour").features) is kept


def test_text_of_many_levels_is_dropped():
    data = load_table(sample(m=600, city=[f"city {i % 60}" for i in range(600)]))
    assert data.features == ("a", "b")
    assert "city (text of more than 50 levels)" in data.reading[1]


def test_levels_that_look_like_numbers_but_for_some_are_text():
    """0, 1, 2 and 3+: many a table counts so."""
    children = [("0", "1", "2", "3+")[i % 4] for i in range(60)]
    assert load_table(sample(children=children)).features[2:] == tuple(f"children = {k}" for k in ("0", "1", "2", "3+"))


def test_nothing_left_is_refused():
    frame = sample()[["colour"]].assign(a=1.0, i=range(60))[["a", "i", "colour"]]
    assert "no feature is left: dropped a (constant), i (an index)" in refusal(ValueError, frame)


# ---- the label -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["label", "Target", "CLASS", "y", "Species", "survived", "quality", "Outcome"])
def test_a_column_named_like_a_label_is_the_label(name):
    frame = sample().rename(columns={"colour": name})[[name, "a", "b"]]
    data = load_table(frame)
    assert data.classes == ("blue", "green", "red")
    assert data.reading[0].startswith(f"label {name!r} (named like one), 3 classes of 60 rows: blue 33 %")


def test_y_beside_x_is_a_place():
    frame = sample().rename(columns={"a": "x", "b": "y"})
    assert load_table(frame).reading[0].startswith("label 'colour' (the last column)")


def test_of_several_label_names_the_one_at_the_edge_is_taken_and_the_others_are_said():
    frame = sample().rename(columns={"colour": "survived"}).assign(**{"class": ["I", "II"] * 30})
    data = load_table(frame[["survived", "a", "class", "b"]])
    assert data.reading[0].startswith("label 'survived' (named like one, as 'class' is, too)")
    assert load_table(frame[["a", "survived", "b", "class"]]).classes == ("I", "II")
    assert load_table(frame, "survived").n_classes == 3


def test_label_in_another_column(tmp_path):
    content = "kind,long,wide\n" + "".join(f"{'ab'[k]},{x},{y}\n" for (x, y), k in zip(ROWS, LABELS, strict=True))
    for label in ("kind", "0", 0, -3):
        assert_holds(load_table(saved(tmp_path, content), label), ROWS, LABELS)
    headless = content.split("\n", 1)[1]
    for label in ("0", 0, "-3"):
        assert_holds(load_table(saved(tmp_path, headless), label), ROWS, LABELS)


def test_numbers_as_labels_are_sorted_as_numbers(tmp_path):
    labels = [("10", "9", "-2", "10.0")[i % 4] for i in range(60)]
    data = load_table(saved(tmp_path, as_text(sample().assign(colour=labels))))
    assert data.classes == ("-2", "9", "10")
    labels[3] = "x"
    data = load_table(saved(tmp_path, as_text(sample().assign(colour=labels))))
    assert data.classes == ("-2", "10", "10.0", "9", "x"), "text is sorted as text"


def test_labels_that_a_number_would_merge_stay_apart(tmp_path):
    text = "a,label\n" + "".join(f"{k % 7},{('007', '7', '70')[k % 3]}\n" for k in range(60))
    assert load_table(saved(tmp_path, text)).classes == ("007", "7", "70")
    for labels in (["1_0", "10"], ["007", "7"], [str(2**53), str(2**53 + 1)]):
        y = np.array(labels * 30)
        assert load_table(saved_npz(tmp_path, X=np.arange(60.0).reshape(-1, 1) % 7, y=y)).classes == tuple(
            sorted(labels)
        )
    y = np.array([2**53, 2**53 + 1] * 30)
    assert load_table(saved_npz(tmp_path, X=np.arange(60.0).reshape(-1, 1) % 7, y=y)).classes == (
        str(2**53),
        str(2**53 + 1),
    )


@pytest.mark.parametrize("words", [("+", "-"), ("None", "Insomnia"), ("*", ".")])
def test_a_label_may_be_called_what_would_be_missing_in_a_feature(tmp_path, words):
    frame = sample().assign(colour=[words[i % 2] for i in range(60)])
    assert load_table(saved(tmp_path, as_text(frame))).classes == tuple(sorted(words))


def test_both_parts_have_the_classes_shares():
    y = np.repeat([0, 1, 2, 3], [70, 20, 9, 1])
    train, test = stratified(y)
    assert sorted([*train, *test]) == list(range(100))
    assert np.bincount(y[test], minlength=4).tolist() == [14, 4, 2, 0]
    assert np.array_equal(stratified(y)[0], train)
    assert not np.array_equal(train, np.sort(train))


@given(st.lists(st.integers(0, 5), min_size=2, max_size=60))
def test_a_stratified_split_has_its_size_and_leaves_each_class_a_row_to_train(labels):
    y = np.unique(labels, return_inverse=True)[1]
    train, test = stratified(y)
    assert sorted([*train, *test]) == list(range(len(y)))
    room = int((np.bincount(y) - 1).sum())
    assert len(test) == min(int(np.ceil(round(0.2 * len(y), 9))), room) or (room == 0 and len(test) == 1)
    assert room == 0 or set(y[train]) == set(y)


@pytest.mark.parametrize(
    ("label", "fragments"),
    [
        ([f"item {i}" for i in range(60)], ["60 different values in 60 rows", "looks like an id"]),
        (range(60), ["looks like an id"]),
        ([f"word {i // 6}" for i in range(60)], ["10 different values", "looks like a name", "at most 6 classes"]),
        (np.arange(60) * 7 % 300, ["looks like a quantity", "--task '105-or-more'"]),
        (np.arange(60) % 3 + 0.5, ["3 different values", "looks like a quantity", "--task '1.5-or-more'"]),
    ],
)
def test_a_label_that_is_no_class_is_refused_with_the_cause_and_the_cure(label, fragments):
    found = refusal(ValueError, sample().assign(colour=label))
    for fragment in ("label 'colour' (the last column)", "--label", *fragments):
        assert fragment in found


def test_two_classes_are_made_of_a_quantity_where_that_is_asked_for():
    price = np.arange(60) * 7 % 300
    data = load_table(sample().assign(colour=price), task="105-or-more")
    assert data.classes == ("below 105", "105 or more")
    assert np.concatenate([data.y_train, data.y_test]).sum() == (price >= 105).sum()
    assert data.name == "frame 105-or-more"
    found = refusal(ValueError, sample().assign(colour=price), None, "999-or-more")
    assert "expected a number above 0, at most 294" in found


def test_a_task_of_classes():
    data = load_table(sample(), task="red-vs-rest")
    assert (data.classes, data.name) == (("rest", "red"), "frame red-vs-rest")
    assert data.reading[0].startswith("label 'colour'")
    assert "names no class 'pink'" in refusal(ValueError, sample(), None, "pink-vs-rest")


@pytest.mark.parametrize("kind", ["words", "numbers", "a range of numbers"])
def test_a_column_that_gives_the_label_away_is_reported_and_kept(kind):
    frame = sample()
    number = frame.colour.map({"red": 7, "green": 3, "blue": 5})
    column = {"words": frame.colour.str.upper(), "numbers": number, "a range of numbers": number + frame.b / 100}[kind]
    data = load_table(frame.assign(alive=column)[["alive", "a", "b", "colour"]])
    assert "likely leak: alive predicts 'colour' alone without error (kept)" in data.reading[2]
    assert any(name.startswith("alive") for name in data.features)
    almost = column.copy()
    almost[:30] = column[29::-1].to_numpy()
    assert "leak" not in load_table(frame.assign(alive=almost)[["alive", "a", "b", "colour"]]).reading[2]


# ---- what was read is said -------------------------------------------------------------------------------------------


def test_what_was_read_is_said_in_three_lines():
    frame = sample(name=[f"N{i}" for i in range(60)], k=1, size=["s", "l", None] * 20)
    data = load_table(frame)
    assert data.reading == (
        "label 'colour' (the last column), 3 classes of 60 rows: blue 33 %, green 33 %, red 33 %",
        "5 features of 3 columns; indicators of levels: size (3); dropped: name (an id), k (constant)",
        "missing values filled: size 20",
    )
    assert data.is_own
    html = data._repr_html_()
    assert "dropped: name (an id)" in html and "<p>missing values filled: size 20</p>" in html
    assert data.binary("red-vs-rest").reading == data.reading


def test_pandas_is_not_loaded_with_the_package():
    code = "import sys, minigrad; assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- a frame, .parquet, .npz -----------------------------------------------------------------------------------------


def test_a_frame_of_any_types():
    m = 60
    frame = sample(
        c=pd.Categorical(["u", "v"] * 30),
        d=pd.array([1, None, 5] * 20, dtype="Int64"),
        e=pd.array([True, False, None] * 20, dtype="boolean"),
        f=np.arange(m, dtype=np.float32) ** 2,
    ).set_index(np.arange(m)[::-1] + 100)
    data = load_table(frame)
    assert data.features == ("a", "b", "c = u", "c = v", "d", "d missing", "e", "e missing", "f")
    assert data.name == "frame"
    assert set(column_of(data, "d")[0]) <= {1.0, 3.0, 5.0}


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = saved(tmp_path, b"PAR1 and so on", "flowers.parquet")
    assert "python -m pip install pyarrow" in refusal(ValueError, path)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float32"])
def test_npz(tmp_path, dtype):
    X = np.array(ROWS).astype(dtype)
    data = load_table(saved_npz(tmp_path, X=X, y=np.array(LABELS), more=np.ones(3)))
    assert_holds(data, X, LABELS)
    assert data.name == "flowers" and data.classes == ("0", "1")


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (["b", "a", "b", "a", "b"], ("a", "b")),
        ([True, False, True, False, True], ("0", "1")),
        ([7.0, -1.0, 7.0, -1.0, 7.0], ("-1", "7")),
        (["10", "9", "10", "9", "10"], ("9", "10")),
    ],
)
def test_npz_labels(tmp_path, y, classes):
    data = load_table(saved_npz(tmp_path, X=np.array(ROWS), y=np.array(y)))
    assert_holds(data, ROWS, [1, 0, 1, 0, 1])
    assert data.classes == classes


def test_keras_arrays_keep_their_split_and_images_are_flattened(tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (50, 4, 3)).astype(np.uint8), np.arange(50) % 3
    images[:, 0, 0] = 0  # a pixel that is always black: kept, so that a row is still a picture
    parts = {"x_train": images[:35], "y_train": labels[:35], "x_test": images[35:], "y_test": labels[35:]}
    data = load_table(saved_npz(tmp_path, **parts))
    assert data.X_train.shape == (35, 12) and data.X_test.shape == (15, 12)
    assert np.allclose(data.original(data.X_test).reshape(15, 4, 3), images[35:])
    assert data.y_test.tolist() == labels[35:].tolist()
    assert "4 × 3 pixels flattened" in data.reading[1]
    data = load_table(saved_npz(tmp_path, X=images, y=labels))
    assert_holds(data, images.reshape(50, 12), labels)


def test_nan_in_an_array_is_missing(tmp_path):
    X = np.random.default_rng(0).standard_normal((40, 2))
    X[3, 1] = np.nan
    data = load_table(saved_npz(tmp_path, X=X, y=np.arange(40) % 2))
    assert data.features[:2] == ("0", "1")
    assert "missing values filled: 1 1" in data.reading[2]


# ---- any table, there and back ---------------------------------------------------------------------------------------

# Not as small as 1e-210: where training holds nothing else, a 1e100 in the test part overflows when it is standardised.
finite = st.floats(-1e100, 1e100).filter(lambda x: x == 0 or abs(x) > 1e-100)
word = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=6)


@st.composite
def tables(draw):
    n, m = draw(st.integers(1, 4)), draw(st.integers(4, 12))
    X = draw(st.lists(st.lists(finite, min_size=n, max_size=n), min_size=m, max_size=m))
    # "x" in front: no label may read as a number, nan or inf
    classes = ["x" + text for text in draw(st.lists(word, min_size=2, max_size=2, unique=True))]
    y = [*classes[:2], *draw(st.lists(st.sampled_from(classes), min_size=m - 2, max_size=m - 2))]
    return X, draw(st.permutations(y)), draw(st.integers(0, n)), draw(st.booleans())


@given(tables())
def test_round_trip(tmp_path_factory, table):
    X, labels, column, has_header = table
    text = io.StringIO()
    writer = csv.writer(text)
    if has_header:
        names = [f"feature {j}" for j in range(len(X[0]))]
        writer.writerow([*names[:column], "the, label", *names[column:]])
    for row, label in zip(X, labels, strict=True):
        writer.writerow([*map(repr, row[:column]), label, *map(repr, row[column:])])
    path = saved(tmp_path_factory.getbasetemp(), text.getvalue(), "round trip.csv")
    classes = sorted(set(labels))
    y = np.array([classes.index(label) for label in labels])
    X = np.array(X)
    varies = np.ptp(X[stratified(y)[0]], axis=0) > 0
    counts = [sorted(x) in (list(range(len(x))), list(range(1, len(x) + 1))) or set(np.diff(x)) == {1} for x in X.T]
    kept = X[:, varies & ~np.array(counts)]
    label = "the, label" if has_header else column
    if kept.shape[1] == 0:
        assert "no feature is left" in refusal(ValueError, path, label)
        return
    data = load_table(path, label)
    assert data.classes == tuple(classes)
    assert_holds(data, kept, y)


def test_memory_stays_below_three_times_the_table(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40_000, 20))
    path = saved(tmp_path, as_text(pd.DataFrame(X).assign(y=rng.integers(0, 3, len(X)))), "large.csv")
    load_table(sample())  # what is loaded once
    tracemalloc.start()
    data = load_table(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert data.X_train.shape == (32_000, 20)
    assert peak < 3 * X.nbytes


# ---- what a file in the wild may hide --------------------------------------------------------------------------------


def lines_of(rows, head="", m=60):
    """A file of m rows: rows(k) of each, below a head."""
    return head + "".join(f"{rows(k)}\n" for k in range(m))


@pytest.mark.parametrize(
    ("head", "rows", "columns"),
    [
        ("tags,n,label\n", lambda k: f"{k % 3};{k % 2},{k % 7},{'yn'[k % 2]}", ["tags", "n"]),
        ("street;rooms;label\n", lambda k: f"{k % 3} Main, London;{k % 7};{'yn'[k % 2]}", ["street", "rooms"]),
        ("city\tn\tlabel\n", lambda k: f"{'Paris, F' if k % 3 else 'Rome, I'}\t{k % 7}\t{'yn'[k % 2]}", ["city", "n"]),
        (
            "k city n label\n",
            lambda k: f"{k % 9} {'A,B' if k % 3 else 'C,D'} {k % 7} {'yn'[k % 2]}",
            ["k", "city", "n"],
        ),
        ("item,colour,label\n", lambda k: f"{k % 3} kg,{'red' if k % 5 else 'blue'},{'yn'[k % 2]}", ["item", "colour"]),
    ],
)
def test_a_delimiter_leaves_no_other_one_in_the_cells(tmp_path, head, rows, columns):
    data = load_table(saved(tmp_path, lines_of(rows, head)))
    assert data.classes == ("n", "y")
    assert list(dict.fromkeys(name.split(" = ")[0] for name in data.features)) == columns


@pytest.mark.parametrize(
    ("head", "rows"),
    [
        ("400,410,420,430,variety", lambda k: f"{k % 7},{k % 5 - 9},{k % 3 * 0.7},{k % 11},{'yn'[k % 2]}"),
        ("0.5,1.0,1.5,2.0,class", lambda k: f"{k % 7},{k % 5 - 9},{k % 3 * 0.7},{k % 11},{'yn'[k % 2]}"),
        ("country,2020,label", lambda k: f"{'AB'[k % 2]},{k % 7},{'yn'[k % 2]}"),
        ("400,410,420,430,label", lambda k: f"{k % 7},{k % 5 - 9},{k % 3 * 0.7},{k % 11},{k % 2}"),
        ("label,400,410,420", lambda k: f"{'yn'[k % 2]},{k % 7},{k % 5 - 9},{k % 3 * 0.7}"),
    ],
)
def test_names_that_are_numbers_are_no_row(tmp_path, head, rows):
    data = load_table(saved(tmp_path, lines_of(rows, head + "\n")))
    assert len(data.y_train) + len(data.y_test) == 60 and data.n_classes == 2
    features = [name for name in head.split(",") if name not in ("variety", "class", "label")]
    assert list(dict.fromkeys(name.split(" = ")[0] for name in data.features)) == features


def test_a_first_row_that_is_like_the_others_is_no_header(tmp_path):
    data = load_table(saved(tmp_path, lines_of(lambda k: f"{k % 7},{k % 5 - 9},{k % 3 * 0.7},{'yn'[k % 2]}")))
    assert len(data.y_train) + len(data.y_test) == 60 and data.features == ("0", "1", "2")
    data = load_table(saved(tmp_path, "1,3,5\n" + lines_of(lambda k: f"{k % 7},{k % 5 - 9},{k % 2}") + "2,9,5\n"))
    assert len(data.y_train) + len(data.y_test) == 62 and data.n_classes == 3


def test_decimal_commas_are_said_and_may_stand_beside_gaps(tmp_path):
    content = lines_of(lambda k: f"{f'{k % 11},25' if k % 7 else '-'};{k % 5};{'yn'[k % 2]}", "a;b;label\n")
    data = load_table(saved(tmp_path, content))
    assert data.features == ("a", "a missing", "b")
    assert set(np.concatenate(column_of(data, "a"))) <= {k + 0.25 for k in range(11)}
    assert "decimal commas: 1,25 is 1.25" in data.reading[1]


def test_a_point_beside_decimal_commas_is_not_guessed(tmp_path):
    content = lines_of(lambda k: f"{k % 9},5;{k % 2}", "a;label\n", m=600) + "1.234;1\n"
    assert "a number with commas or signs" in refusal(ValueError, saved(tmp_path, content))


def test_thousands_or_decimals_is_not_guessed(tmp_path):
    content = lines_of(lambda k: f"{'800' if k % 3 else f'{k + 10},171'}\t{k % 5}\t{'yn'[k % 2]}", "a\tb\tlabel\n")
    found = refusal(ValueError, saved(tmp_path, content))
    assert "line 2, column 'a' holds '10,171', which may be 10171 or 10.171; expected numbers" in found
    decimals = lines_of(lambda k: f"0,{k + 100}\t{k % 5}\t{'yn'[k % 2]}", "a\tb\tlabel\n")
    assert load_table(saved(tmp_path, decimals)).features == ("a", "b")  # a thousand does not begin with 0


@pytest.mark.parametrize(
    "written",
    [
        "\u2212{}.5",
        "-${}",
        "({})",
        "USD {}",
        "0x{}",
        "{}_000",
        "{} °C",
        "{}°",
        "1\u202f{:03}",
        "1\u00a0{:03}",
        "{} kg",
        "{}cm",
    ],
)
def test_numbers_in_another_notation_are_no_levels_and_no_id(tmp_path, written):
    content = lines_of(lambda k: f"{written.format(k % 30)},{k % 5},{'yn'[k % 2]}", "q,b,label\n")
    found = refusal(ValueError, saved(tmp_path, content))
    assert "lines 2, 3, 4, …, column 'q' holds" in found and "60 cells: a number with" in found


def test_a_few_sizes_with_a_unit_are_levels(tmp_path):
    content = lines_of(lambda k: f"{(10, 20, 50)[k % 3]} mg,{k % 5},{'yn'[k % 2]}", "dose,b,label\n")
    assert load_table(saved(tmp_path, content)).features == ("dose = 10 mg", "dose = 20 mg", "dose = 50 mg", "b")


def test_a_word_among_many_numbers_stands_for_missing(tmp_path):
    content = lines_of(lambda k: f"{'unknown' if k % 9 == 0 else k % 41},{k % 5},{'yn'[k % 2]}", "age,b,label\n", 900)
    assert "column 'age' holds 'unknown' (100 cells: text among numbers)" in refusal(
        ValueError, saved(tmp_path, content)
    )


def test_marks_that_nobody_sees_are_no_part_of_a_name(tmp_path):
    content = "\ufeff\ufeffa,label\u200b,b\n" + lines_of(lambda k: f"{k % 7},{'yn'[k % 2]},{k % 5}")
    data = load_table(saved(tmp_path, content))
    assert (data.features, data.classes) == (("a", "b"), ("n", "y"))


def test_a_spreadsheet_s_first_line_names_its_delimiter(tmp_path):
    data = load_table(saved(tmp_path, "sep=;\n" + lines_of(lambda k: f"{k % 7};{'yn'[k % 2]}", "a;label\n")))
    assert (data.features, data.classes) == (("a",), ("n", "y"))


def test_a_class_of_one_row_is_doubted(tmp_path):
    content = lines_of(lambda k: f"{k % 7},{k % 5},{'yn'[k % 2]}", "a,b,label\n") + "99,99,label\n"
    data = load_table(saved(tmp_path, content))
    assert data.reading[0].endswith("label 2 %, n 49 %, y 49 %; hardly a class, fewer than 3 rows: label")
    assert "hardly a class" not in load_table(saved(tmp_path, IRIS)).reading[0]


@pytest.mark.parametrize(
    ("numbers", "kept"), [((20260101, 20261231, 19991130), False), ((20260101, 20261331, 5), True)]
)
def test_dates_as_numbers_are_dropped(tmp_path, numbers, kept):
    content = lines_of(lambda k: f"{numbers[k % len(numbers)]},{k % 5},{'yn'[k % 2]}", "when,b,label\n")
    data = load_table(saved(tmp_path, content))
    assert ("when" in data.features) is kept
    assert ("when (a date)" in data.reading[1]) is not kept


def test_a_label_in_other_letters_is_suggested(tmp_path):
    found = refusal(ValueError, saved(tmp_path, IRIS), "Species")
    assert "no column 'Species'; expected 'species' (capital letters count), or an index" in found


def test_labels_may_be_a_column(tmp_path):
    data = load_table(saved_npz(tmp_path, X=np.array(ROWS), y=np.array(LABELS)[:, None]))
    assert_holds(data, ROWS, LABELS)


# ---- refusals --------------------------------------------------------------------------------------------------------


def refusal(error, *arguments):
    with pytest.raises(error) as caught:
        load_table(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "0 column(s); expected at least 2"),
        ("\n\n", "0 column(s)"),
        ("a\n1\n2\n", "1 column(s); expected at least 2, parted by commas"),
        ("a,b\n", "0 row(s) of data; expected at least 2"),
        ("a,b\n1,0\n", "1 row(s) of data; expected at least 2"),
        ("1,a\n", "1 row(s) of data"),
        ("a,b\n1,0\n2,1,3\n", "line 3 has 3 cell(s); expected 2, as in line 1"),
        ("a,b\n1,0\n\n\n2\n", "line 5 has 1 cell(s); expected 2"),
        (
            "a,b,c\n1,0\n2,1,3\n2,1\n2,1,3\n5,1,3\n",
            "line 2 has 2 cell(s); expected 3, as in line 1 (and 1 more: line 4)",
        ),
        ("1,2,3\n1,2\n4,5,6,7\n1,2,3\n", "line 2 has 2 cell(s); expected 3, as in line 1 (and 1 more: line 3)"),
        ("a,b,y\n1,2,0\n3,tree,1\n", "line 3, column 'b' holds 'tree' (1 cell: text among numbers)"),
        ("1,2,0\n3,tree,1\n", "line 2, column '1' holds 'tree' (1 cell: text among numbers); expected a finite number"),
        ("a,y\n1,0\n-inf,1\n", "line 3, column 'a' holds '-inf' (1 cell: infinite, or too large)"),
        ("a,y\n1,0\n1e999,1\n", "line 3, column 'a' holds '"),
        ("a,y\n1,0\ninf,1\n-inf,1\n", "lines 3, 4, column 'a' holds 'inf' (2 cells"),
        ("a,y\n1,0\n2,\n", "line 3, label 'y' (named like one) is missing in 1 of 2 rows; expected a label"),
        ("a,y\n1,0\n2,NaN\n", "line 3, label 'y' (named like one) is missing in 1 of 2 rows"),
        ("a,y\n1,0\n2,inf\n", "line 3, label 'y' (named like one) is infinite"),
        ("a,y\n1,0\n2,0\n", "all rows have the label '0'; expected at least two classes"),
        ("a,z\n1,b\n2,b\n", "all rows have the label 'b'; expected at least two classes: name another column"),
        ('a,y\n1,0\n"2,1\n', "line 3: unexpected end of data"),
        (b"\xff\xfea\0,\0y", "cannot be read as UTF-16"),
        (b"a,y\n1,\0\0\0\n", "it holds zero bytes"),
        ('a,y\n"1,234",0\n"2,345",1\n', "lines 2, 3, column 'a' holds '1,234' (2 cells: a number with commas or signs"),
        ("a;b;y\n1.5;1,5;0\n2;2,5;1\n", "column 'b' holds '1,5' (2 cells: a number with commas"),
        ("a,y\n$5,0\n$7.50,1\n", "column 'a' holds '$5'"),
    ],
)
def test_bad_text(tmp_path, content, message):
    path = saved(tmp_path, content)
    found = refusal(ValueError, path)
    assert found.startswith(repr(str(path))) and message in found, found


def test_all_bad_columns_are_named_at_once_with_counts(tmp_path):
    frame = sample(x=1.5, z="1").astype({"a": str, "x": str})
    frame.loc[[3, 8, 20, 40, 50], "a"], frame.loc[4, "x"], frame.loc[5, "z"] = "unknown", "inf", "2,5"
    assert refusal(ValueError, saved(tmp_path, as_text(frame), "bad.csv")).endswith(
        "bad.csv': 3 bad columns: lines 5, 10, 22, …, column 'a' holds 'unknown' (5 cells: text among numbers); "
        "line 6, column 'x' holds 'inf' (1 cell: infinite, or too large); line 7, column 'z' holds '2,5' (1 cell: a "
        "number with commas or signs, for 1234.5); expected a finite number: correct these cells, or write ? for a "
        "missing one"
    )
    assert "rows 3, 8, 20, …, column 'a'" in refusal(ValueError, frame)


def test_line_of_a_quoted_cell_with_line_breaks(tmp_path):
    assert "line 4, column 'a'" in refusal(ValueError, saved(tmp_path, 'a,y\n1,"b\nc"\nx,d\n'))


@pytest.mark.parametrize(
    ("content", "label", "message"),
    [
        (IRIS, "kind", "no column 'kind'; expected one of 'long', 'wide', 'species'"),
        (IRIS, "3", "no column '3'"),
        (IRIS, -4, "no column -4;"),
        ("1,2,0\n3,4,1\n", "kind", "no column 'kind'; expected an index from -3 to 2"),
        ("1,2,0\n3,4,1\n", 3, "no column 3; expected an index from -3 to 2"),
        ("a,a,b\n1,2,0\n3,4,1\n", "a", "no column 'a'; expected one of 'a', 'a', 'b', once there"),
    ],
)
def test_unknown_label_column(tmp_path, content, label, message):
    path = saved(tmp_path, content)
    found = refusal(ValueError, path, label)
    assert found.startswith(repr(str(path))) and message in found


@pytest.mark.parametrize("label", [1.0, True, b"species", ["species"]])
def test_label_of_another_type(tmp_path, label):
    assert f"label is {label!r}; expected" in refusal(TypeError, saved(tmp_path, IRIS), label)


@pytest.mark.parametrize("table", [3, None, [[1, 2]], np.ones((3, 2))])
def test_neither_a_path_nor_a_frame(table):
    assert "expected a path or a pandas.DataFrame" in refusal(TypeError, table)


def test_path_that_is_no_table(tmp_path):
    missing = tmp_path / "nowhere.csv"
    assert f"{str(missing)!r} does not exist" in refusal(FileNotFoundError, missing)
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in refusal(IsADirectoryError, tmp_path / "folder.csv")
    assert "ends in '.xlsx'; expected a .csv" in refusal(ValueError, saved(tmp_path, IRIS, "book.xlsx"))
    assert "ends in '.gz'" in refusal(ValueError, saved(tmp_path, IRIS, "book.gz"))
    packed = gzip.compress(IRIS.encode())
    assert "expected a whole gzip file" in refusal(ValueError, saved(tmp_path, packed[:-9], "cut.csv.gz"))
    packed = gzip.compress("".join(f"{i},{i % 7},{i % 2}\n" for i in range(600)).encode())
    for end in range(12, len(packed), 40):  # also where the beginning can be read
        assert "expected a whole gzip file" in refusal(ValueError, saved(tmp_path, packed[:end], "cut.csv.gz"))


def test_a_message_stays_short_however_long_the_cell_or_the_task_is(tmp_path):
    long = "9" * 5000
    path = saved(tmp_path, "a,b\n" + "".join(f"{i},{long}{i}\n" for i in range(40)), "long.csv")
    columns = saved(tmp_path, f"{long}a,b\n1,2\n3,4\n", "columns.csv")
    many = saved(tmp_path, "a,b\n" + "".join(f"{i},x{i % 2}\n" for i in range(40)), "many.csv")
    for refused in (
        lambda: load_table(path),
        lambda: load_table(columns, label=long),
        lambda: load_table(many, task=long),
        lambda: load_table(many, task=f"{long}-vs-rest"),
        lambda: load_table(many, task=f"{long}-or-more"),
        lambda: load_table(saved_npz(tmp_path, X=np.eye(3), y=np.arange(3)), label=long),
    ):
        with pytest.raises(ValueError, match="expected") as caught:
            refused()
        assert len(str(caught.value)) < 700 and "\n" not in str(caught.value)


def zipped(name):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "1")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "kind", "cure"),
    [
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
            "a Git LFS pointer",
            "git lfs pull",
        ),
        ("\n<!DOCTYPE html>\n<html><body>Sign in</body></html>\n", "an HTML page", "download the file itself"),
        ('{"rows": [1, 2]}', "a JSON file", "save it as .csv"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an Excel workbook", "save its sheet as .csv"),
        (zipped("xl/workbook.xml"), "an Excel workbook", "save its sheet as .csv"),
        (zipped("flowers.csv"), "a ZIP archive", "unpack it first"),
        (b"%PDF-1.7", "a PDF file", "save the table as .csv"),
        *((pickle.dumps([1, 2], protocol), "a pickle", "stranger") for protocol in (3, 4, 5)),
    ],
)
@pytest.mark.parametrize("name", ["flowers.csv", "flowers.xlsx"])
def test_a_file_that_is_no_table_is_named_for_what_it_is(tmp_path, content, kind, cure, name):
    if name == "flowers.xlsx" and kind == "a ZIP archive":
        kind, cure = "an Excel workbook", "save its sheet"  # by its name, whatever is in it
    found = refusal(ValueError, saved(tmp_path, content, name))
    assert f"is {kind}" in found and "expected a .csv" in found and cure in found


X, Y = np.array(ROWS, dtype=float), np.array(LABELS)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": X}, "the arrays in it are 'X'; expected X (m, n) and y (m,), or x_train, y_train, x_test, y_test"),
        ({"x": X, "labels": Y}, "the arrays in it are 'x', 'labels'"),
        ({}, "the arrays in it are none"),
        ({"X": X[:, 0], "y": Y}, "X has shape (5,)"),
        ({"X": X[:, :0], "y": Y}, "X has shape (5, 0)"),
        ({"X": X[:1], "y": Y[:1]}, "1 row(s) of data; expected at least 2"),
        ({"X": X.astype(complex), "y": Y}, "dtype complex128"),
        ({"X": X.astype(str), "y": Y}, "expected real numbers"),
        ({"X": X, "y": Y[:4]}, "y has shape (4,) and dtype int64; expected numbers or text (5,)"),
        ({"X": X, "y": np.eye(2)[Y]}, "y has shape (5, 2) and dtype float64; expected numbers or text (5,) (one-hot"),
        ({"X": X, "y": Y.astype(bytes)}, "y has shape (5,) and dtype |S"),
        ({"X": np.where(X == 4, np.inf, X), "y": Y}, "row 1, column '1' holds 'inf'"),
        ({"X": X, "y": np.where(Y == 1, np.inf, Y)}, "rows 1, 3, label 'y' (as the file has it) is infinite"),
        ({"X": X, "y": np.where(Y == 1, np.nan, Y)}, "rows 1, 3, label 'y' (as the file has it) is missing"),
        ({"X": X, "y": 0 * Y}, "all rows have the label '0'"),
        ({"X": X, "y": X[:, 0] / 3}, "5 different values in 5 rows"),
        ({"X": X, "y": np.array([0, 1, None, 1, 0])}, "cannot be read (an array of object; expected numbers or text"),
        (
            {"x_train": X, "y_train": Y, "x_test": X[:, :1], "y_test": Y},
            "x_test has shape (5, 1); expected rows of shape (2,)",
        ),
    ],
)
def test_bad_npz(tmp_path, arrays, message):
    path = saved_npz(tmp_path, **arrays)
    found = refusal(ValueError, path)
    assert found.startswith(repr(str(path))) and message in found, found


def test_npz_has_no_label_column(tmp_path):
    found = refusal(ValueError, saved_npz(tmp_path, X=X, y=Y), "y")
    assert "label is 'y'" in found and "expected none" in found


def test_damaged_npz(tmp_path):
    good = saved_npz(tmp_path, X=X, y=Y).read_bytes()
    npy = io.BytesIO()
    np.save(npy, X)
    middle = good.index(b"\x93NUMPY") + 150  # inside X's numbers: the archive's checksum finds it
    flipped = good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :]
    flags = good.index(b"PK\1\2") + 8  # in the archive's directory; bit 0: encrypted
    locked = good[:flags] + b"\1" + good[flags + 1 :]
    for damaged in (b"", b"nonsense", good[:40], good[:-30], npy.getvalue(), flipped, locked):
        found = refusal(ValueError, saved(tmp_path, damaged, "damaged.npz"))
        assert ("is damaged (Bad CRC" if damaged is flipped else "cannot be read") in found
        assert "expected an .npz file" in found


# ---- real tables -----------------------------------------------------------------------------------------------------

REAL = {  # name: label, classes, features, missing cells filled
    "penguins.csv": ("species", ("Adelie", "Chinstrap", "Gentoo"), 14, 19),
    "processed.cleveland.data": (None, ("0", "1", "2", "3", "4"), 15, 6),
    "titanic.csv": ("survived", ("0", "1"), 34, 869),
    "winequality-red.csv": ("quality", ("3", "4", "5", "6", "7", "8"), 11, 0),
}
PLACE = Path(__file__).resolve().parents[2] / "shared" / "data" / "tables"


@pytest.fixture(params=REAL)
def real(request):
    if not PLACE.is_dir():
        pytest.skip(f"no tables in {PLACE}")
    return PLACE / request.param


def test_a_real_table_is_read_as_pandas_counts_it(real):
    label, classes, n_features, n_filled = REAL[real.name]
    data = load_table(real)
    assert_same(data, load_table(real, label))
    assert (data.classes, data.X_train.shape[1]) == (classes, n_features)
    frame = pd.read_csv(real, sep=None, engine="python", na_values="?", dtype=str)
    labels = frame.pop(label or frame.columns[-1])
    counts = labels.value_counts()
    for y in (data.y_train, data.y_test):
        assert len(y) == pytest.approx(len(labels) * (0.8 if y is data.y_train else 0.2), abs=1)
        for k, name in enumerate(classes):
            assert (y == k).sum() == pytest.approx(len(y) * counts[name] / len(labels), abs=1.01)
    assert frame.isna().sum().sum() == n_filled
    for name, count in frame.isna().sum().items():
        assert (f"{name} {count}" in data.reading[2]) == (count > 0)


def test_softmax_regression_on_a_real_table_is_as_accurate_as_scikit_learns(real):
    linear_model = pytest.importorskip("sklearn.linear_model", reason="scikit-learn, of the extra 'benchmark'")
    data = load_table(real)
    theirs = linear_model.LogisticRegression(C=np.inf, max_iter=20_000).fit(data.X_train, data.y_train)
    settings = ModelSettings(data.name, model="logistic")
    model = make_model(data, settings, seed=0)
    optimizer = LBFGS()
    for _ in range(300):
        optimizer.step(model, data.X_train, data.y_train)
    assert type(model) is (MLP if data.n_classes > 2 else LogisticRegression)
    assert model.accuracy(data.X_train, data.y_train) == pytest.approx(
        theirs.score(data.X_train, data.y_train), abs=0.01
    )
    assert model.accuracy(data.X_test, data.y_test) == pytest.approx(theirs.score(data.X_test, data.y_test), abs=0.01)


cell = st.sampled_from(
    ["1", "2.5", "-1", "1,5", "a", "b", "c d", "", "?", '"q q"', '"x', "True", "é", "2020-01-01", "inf"]
)


@given(st.data(), st.sampled_from([",", ";", "\t", " ", "|"]), st.sampled_from(["utf-8", "latin-1", "utf-16"]))
def test_whatever_comes_is_read_or_refused_in_one_line(tmp_path_factory, data, delimiter, encoding):
    n = data.draw(st.integers(1, 4))
    rows = data.draw(st.lists(st.lists(cell, min_size=n, max_size=n + 1), max_size=12))
    content = "\n".join(delimiter.join(row) for row in rows).encode(encoding)
    path = saved(tmp_path_factory.getbasetemp(), content, "whatever.csv")
    try:
        found = load_table(path)
    except ValueError as error:
        assert str(error).startswith(repr(str(path)))
        assert "\n" not in str(error) and "expected" in str(error)
    else:
        assert np.isfinite(found.X_train).all() and np.isfinite(found.X_test).all()
        assert found.X_train.shape[1] == len(found.features)
        assert len(found.reading) == 3 and "\n" not in "".join(found.reading)


def test_softmax_regression_is_as_accurate_as_scikit_learn_s():
    """The same split and columns, without a penalty, both to the minimum: text, gaps and three classes."""
    linear_model = pytest.importorskip(
        "sklearn.linear_model", reason='needs scikit-learn: python -m pip install -e ".[benchmark]"'
    )
    rng = np.random.default_rng(0)
    width, colour = rng.normal(size=600), rng.choice(["red", "green", "blue"], size=600)
    score = width + (colour == "red") + rng.logistic(size=600)
    width[::17] = np.nan
    frame = pd.DataFrame(
        {"width": width, "height": rng.normal(size=600), "colour": colour, "label": np.digitize(score, [-1, 1])}
    )
    data = load_table(frame)
    model = MLP((data.X_train.shape[1], 3))
    train(model, data.X_train, data.y_train, optimizer=LBFGS(), batch_size=len(data.X_train), epochs=300)
    theirs = linear_model.LogisticRegression(C=np.inf, max_iter=10_000, tol=1e-10).fit(data.X_train, data.y_train)
    ours = model.accuracy(data.X_test, data.y_test)
    assert ours == pytest.approx(theirs.score(data.X_test, data.y_test), abs=0.01)
    assert 0.4 < ours < 0.9
