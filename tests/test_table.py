"""A stranger's table: read right, or refused in one line that says where."""

import csv
import gzip
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minigrad.data import standardise
from minigrad.data.table import load_table

IRIS = "long,wide,species\n1,2,setosa\n3,4,virginica\n5,7,setosa\n7,8,virginica\n9,1,setosa\n"


def saved(tmp_path, content, name="flowers.csv"):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def saved_npz(tmp_path, **arrays):
    np.savez(tmp_path / "flowers.npz", **arrays)
    return tmp_path / "flowers.npz"


def assert_holds(data, X, y):
    """`data` holds the rows (X, y) in the documented order, scaled by its training part."""
    X, y = np.asarray(X, dtype=float), np.asarray(y)
    order = np.random.default_rng(0).permutation(len(X))
    n_test = len(data.y_test)
    assert n_test == max(1, int(np.ceil(round(0.2 * len(X), 9))))
    train, test = order[:-n_test], order[-n_test:]
    X_train, X_test = standardise(X[train], X[test])
    assert np.array_equal(data.X_train, X_train) and np.array_equal(data.X_test, X_test)
    assert data.y_train.tolist() == y[train].tolist() and data.y_test.tolist() == y[test].tolist()
    assert data.X_train.dtype == np.float64 and data.y_train.dtype == np.int64


ROWS, LABELS = [[1, 2], [3, 4], [5, 7], [7, 8], [9, 1]], [0, 1, 0, 1, 0]
BODY = IRIS.split("\n", 1)[1]


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
        (IRIS.rstrip("\n"), None),
        (IRIS.replace("setosa", '"setosa"').replace("3,4", '"3", "4"'), None),
        (IRIS.replace(",", " , "), "species"),
        ("0,1,kind\n" + BODY, "kind"),
        (IRIS.replace("long,wide,species", "species,wide,long"), "long"),
        # column names that are numbers: a header only by the label's own name among labels that are numbers
        ("0,1,kind\n" + BODY.replace("setosa", "0").replace("virginica", "1"), None),
    ],
)
def test_csv(tmp_path, content, label):
    data = load_table(saved(tmp_path, content), label)
    assert_holds(data, ROWS, LABELS)
    assert data.name == "flowers" and data.n_classes == 2
    assert data.classes in (("setosa", "virginica"), ("0", "1"))


def test_label_in_another_column(tmp_path):
    content = "species,long,wide\n" + "".join(f"{'ab'[k]},{x},{y}\n" for (x, y), k in zip(ROWS, LABELS, strict=True))
    for label in ("species", "0", 0, -3):
        assert_holds(load_table(saved(tmp_path, content), label), ROWS, LABELS)
    headless = content.split("\n", 1)[1]
    for label in ("0", 0, "-3"):
        assert_holds(load_table(saved(tmp_path, headless), label), ROWS, LABELS)


def test_packed_csv(tmp_path):
    data = load_table(saved(tmp_path, gzip.compress(IRIS.encode()), "my.flowers.csv.gz"))
    assert_holds(data, ROWS, LABELS)
    assert data.name == "my.flowers"


def test_numbers_as_labels_are_sorted_as_numbers(tmp_path):
    data = load_table(saved(tmp_path, "1,10\n2,9\n3,-2\n4,10.0\n5,9\n"))
    assert data.classes == ("-2", "9", "10")
    assert_holds(data, [[1], [2], [3], [4], [5]], [2, 1, 0, 2, 1])
    assert load_table(saved(tmp_path, "1,10\n2,9\n3,x\n4,9\n")).classes == ("10", "9", "x"), "text is sorted as text"


def test_fractions_that_repeat_are_classes(tmp_path):
    data = load_table(saved(tmp_path, "1,0.5\n2,1.5\n3,0.5\n4,1.5\n"))
    assert data.classes == ("0.5", "1.5")


def test_class_in_the_test_part_only_counts(tmp_path):
    rows = 10
    odd_one = np.random.default_rng(0).permutation(rows)[-1]
    labels = ["c" if i == odd_one else "ab"[i % 2] for i in range(rows)]
    data = load_table(saved(tmp_path, "".join(f"{i},{label}\n" for i, label in enumerate(labels))))
    assert 2 not in data.y_train and 2 in data.y_test
    assert data.n_classes == 3


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float32", "bool"])
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


finite = st.floats(-1e100, 1e100, allow_subnormal=False)
word = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=6)


@st.composite
def tables(draw):
    n, m = draw(st.integers(1, 4)), draw(st.integers(2, 12))
    X = draw(st.lists(st.lists(finite, min_size=n, max_size=n), min_size=m, max_size=m))
    # "x" in front: no label may read as a number, nan or inf
    classes = ["x" + text for text in draw(st.lists(word, min_size=2, max_size=4, unique=True))]
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
    data = load_table(path, "the, label" if has_header else column)
    classes = sorted(set(labels))
    assert data.classes == tuple(classes)
    assert_holds(data, X, [classes.index(label) for label in labels])


# --- refusals


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
        ("a;b\n1;0\n2;1\n", "1 column(s); expected at least 2, parted by commas"),
        ("a,b\n", "0 row(s) of data; expected at least 2"),
        ("a,b\n1,0\n", "1 row(s) of data; expected at least 2"),
        ("1,a\n", "1 row(s) of data"),
        ("a,b\n1,0\n2,1,3\n", "line 3 has 3 cell(s); expected 2, as in line 1"),
        ("a,b\n1,0\n\n\n2\n", "line 5 has 1 cell(s); expected 2"),
        ("a,b,y\n1,2,0\n3,tree,1\n", "line 3, column 'b' holds 'tree'; expected a finite number"),
        ("1,2,0\n3,tree,1\n", "line 2, column 1 holds 'tree'; expected a finite number"),
        ("a,b,y\n1,2,0\n3,,1\n", "line 3, column 'b' holds ''; expected a finite number"),
        ("1,,0\n3,4,1\n", "line 1, column 1 holds ''; expected a finite number"),
        ("a,y\n1,0\nnan,1\n", "line 3, column 'a' holds 'nan'"),
        ("a,y\n1,0\n-inf,1\n", "line 3, column 'a' holds '-inf'"),
        ("a,y\n1,0\n1e999,1\n", "line 3, column 'a' holds '1e999'"),
        ("a,y\n1,0\n2,\n", "line 3, column 'y' holds ''; expected a label"),
        ("a,y\n1,0\n2,NaN\n", "line 3, column 'y' holds 'NaN'; expected a label"),
        ("a,y\n1,0\n2,0\n", "all rows have the label '0'; expected at least two classes"),
        ("a,y\n1,b\n2,b\n", "all rows have the label 'b'"),
        ("a,y\n1,0.5\n2,1.5\n3,2\n", "3 different labels in 3 rows, such as 0.5; expected classes"),
        ("a,y\n1e200,0\n-1e200,1\n-1e200,1\n", "feature 0 (from 0) overflows"),
        ('a,y\n1,0\n"2,1\n', "line 3: unexpected end of data"),
        (b"a,y\n1,0\n2,\xe9t\xe9\n", "line 3 is not UTF-8"),
        (b"\xff\xfea\0,\0y\0", "line 1 is not UTF-8"),
    ],
)
def test_bad_csv(tmp_path, content, message):
    path = saved(tmp_path, content)
    found = refusal(ValueError, path)
    assert found.startswith(repr(str(path))) and message in found


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


def test_path_that_is_no_table(tmp_path):
    missing = tmp_path / "nowhere.csv"
    assert f"{str(missing)!r} does not exist" in refusal(FileNotFoundError, missing)
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in refusal(IsADirectoryError, tmp_path / "folder.csv")
    assert "ends in '.xlsx'; expected a .csv" in refusal(ValueError, saved(tmp_path, IRIS, "book.xlsx"))
    assert "ends in '.gz'" in refusal(ValueError, saved(tmp_path, IRIS, "book.gz"))
    packed = gzip.compress(IRIS.encode())
    assert "expected a whole gzip file" in refusal(ValueError, saved(tmp_path, packed[:-9], "cut.csv.gz"))


X, Y = np.array(ROWS, dtype=float), np.array(LABELS)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"X": X}, "the arrays in it are 'X'; expected X (m, n) and y (m,)"),
        ({"x": X, "labels": Y}, "the arrays in it are 'x', 'labels'"),
        ({}, "the arrays in it are none"),
        ({"X": X[:, 0], "y": Y}, "X has shape (5,)"),
        ({"X": X[:, :0], "y": Y}, "X has shape (5, 0)"),
        (
            {"X": X[:1], "y": Y[:1]},
            "X has shape (1, 2) and dtype float64; expected real numbers (m, n), at least 2 rows",
        ),
        ({"X": X.astype(complex), "y": Y}, "dtype complex128"),
        ({"X": X.astype(str), "y": Y}, "expected real numbers"),
        ({"X": X, "y": Y[:4]}, "y has shape (4,) and dtype int64; expected numbers or text (5,)"),
        ({"X": X, "y": Y[:, None]}, "y has shape (5, 1)"),
        ({"X": X, "y": Y.astype(bytes)}, "y has shape (5,) and dtype |S"),
        ({"X": np.where(X == 4, np.nan, X), "y": Y}, "X holds nan at (1, 1); expected finite numbers"),
        ({"X": X, "y": np.where(Y == 1, np.inf, Y)}, "y holds inf at (1,); expected finite numbers"),
        ({"X": X, "y": 0 * Y}, "all rows have the label '0'"),
        ({"X": X, "y": X[:, 0] / 3}, "5 different labels in 5 rows"),
        ({"X": X, "y": np.array([0, 1, None, 1, 0])}, "cannot be read (Object arrays cannot be loaded"),
    ],
)
def test_bad_npz(tmp_path, arrays, message):
    path = saved_npz(tmp_path, **arrays)
    found = refusal(ValueError, path)
    assert found.startswith(repr(str(path))) and message in found


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
        assert "cannot be read" in found and "expected an .npz file" in found
