"""What a stranger may hand in, damaged: only the documented errors, each in one line, soon, and in little memory.

The usual run takes a few of each kind; `python -m pytest -m faults tests/test_fuzz.py` takes MINIGRAD_FUZZ of the
cheapest kinds, in some minutes, and their share of the others. MINIGRAD_TABLES names a folder of tables to damage, too.
"""

import gzip
import io
import json
import os
import resource
import time
import zipfile
import zlib
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from damage import damaged, edits, swapped, swaps
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.lab import commandline, commands, experiment, findings, verify
from experiments.lab.journal import Journal
from experiments.lab.prepare import prepare
from experiments.report import content, page
from minigrad import MLP, BackendUnavailable, Dataset, LogisticRegression, load_mnist, load_table
from minigrad.data.mnist import FILES, parse_idx

EXAMPLES = int(os.environ.get("MINIGRAD_FUZZ", "10000"))
ROUND = 2_000  # examples: Hypothesis remembers each one of a round
SECONDS, LETTERS, MEBIBYTES = 2.0, 1_000, 400  # at most: processor for an input, a message, memory for a kind
ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def documented(*kinds, seconds=SECONDS):
    """The block may raise these errors alone, each in one line that can be read, and soon."""
    start = time.process_time()
    try:
        yield
    except kinds as error:
        message = str(error)
        assert message.strip(), repr(error)
        assert len(message.splitlines()) == 1, message
        assert len(message) <= LETTERS, message
    assert time.process_time() - start <= seconds


# ---- tables ----------------------------------------------------------------------------------------------------------


@cache
def tables():
    """Real ones, whole or their beginnings: digits, and what each column of a spreadsheet may hold."""
    rng = np.random.default_rng(0)
    rows = ["name,when,size,weight;kg,kind,label"]
    for i in range(30):
        kind, gap = rng.choice(["a", "b", "?", ""]), rng.random() < 0.2
        rows.append(f"n{i},2013-01-{i + 1:02},{'' if gap else rng.integers(1, 9)},{rng.random():.3f},{kind},{i % 3}")
    mixed = "\n".join(rows).encode()
    digits = gzip.decompress((ROOT / "minigrad" / "data" / "digits.csv.gz").read_bytes())
    found = [mixed, mixed.replace(b",", b";").replace(b".", b","), b"\n".join(digits.splitlines()[:25])]
    found += [mixed.replace(b",", b"\t"), mixed.decode().encode("utf-16"), mixed.replace(b"kind", b"gr\xf6\xdfe")]
    folder = os.environ.get("MINIGRAD_TABLES")
    for path in sorted(Path(folder).iterdir()) if folder else ():
        found.append(b"\n".join(path.read_bytes().splitlines()[:60]))
    return [*found, *(gzip.compress(each) for each in found[:2])]


TASKS = ("odd-even", "rest", "-vs-", "-or-more", "three", "3", "0", "1", "10", "1.5", "nan", "inf", "-1", "1e400")
a_task = st.lists(st.one_of(st.sampled_from([*TASKS, "٣", "²", "9" * 5000, "_", " "]), st.text(max_size=3)), max_size=4)
endings = st.sampled_from([".csv", ".tsv", ".txt", ".data", ".csv.gz", ".CSV", ".npz", ".parquet", ".xlsx", ""])
a_label = st.one_of(st.none(), st.none(), st.sampled_from(["label", "5", "-1", "size", "9" * 5000]), st.integers(-9, 9))


def table(tmp, which, changes, packed, ending, label, task):
    text = damaged(tables()[which % len(tables())], changes)
    path = tmp / f"table{ending}"
    path.write_bytes(gzip.compress(text, 1) if packed else text)
    with documented(ValueError, OSError):
        data = load_table(path, label, "".join(task) or None)
        assert np.isfinite(data.X_train).all()
        assert np.isfinite(data.X_test).all()


def task(tmp, pieces, first, second):
    classes = tuple(dict.fromkeys([first, second, "3", "no"]))
    y = np.arange(2 * len(classes)) % len(classes)
    data = Dataset(np.ones((len(y), 2)), y, np.ones((len(y), 2)), y, "d", classes)
    with documented(ValueError):
        assert set(data.binary("".join(pieces)).y_train.tolist()) == {0, 1}


# ---- arrays ----------------------------------------------------------------------------------------------------------


@cache
def npy(array_text):
    file = io.BytesIO()
    np.save(file, np.array(json.loads(array_text)) if array_text.startswith("[") else np.array(array_text))
    return file.getvalue()


def archive(members, changes, inside):
    """A NumPy archive, damaged: its bytes or, `inside`, the arrays in it, with checksums that fit."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED if len(changes) % 2 else zipfile.ZIP_STORED) as packed:
        for number, (name, array) in enumerate(members.items()):
            packed.writestr(f"{name}.npy", damaged(array, changes[number::2]) if inside else array)
    return file.getvalue() if inside else damaged(file.getvalue(), changes)


def npz(tmp, keras, inside, changes):
    X, y = npy(json.dumps(np.arange(24.0).reshape(8, 3).tolist())), npy("[0, 1, 0, 1, 0, 1, 1, 1]")
    pictures = npy(json.dumps((np.arange(72) % 7).reshape(8, 3, 3).tolist()))
    members = {"x_train": pictures, "y_train": y, "x_test": pictures, "y_test": y} if keras else {"X": X, "y": y}
    path = tmp / "arrays.npz"
    path.write_bytes(archive(members, changes, inside))
    with documented(ValueError, OSError):
        load_table(path)


def model(tmp, binary, inside, changes, change_of_arguments):
    one = LogisticRegression(2) if binary else MLP((2, 3, 2))
    arguments = damaged(json.dumps(one.constructor_arguments()).encode(), change_of_arguments).decode("latin-1")
    members = {"theta": npy(json.dumps(one.theta.tolist())), "arguments": npy(f" {arguments}")}
    path = tmp / "model.npz"
    path.write_bytes(archive(members, changes, inside))
    with documented(ValueError, OSError, BackendUnavailable):
        assert np.isfinite(type(one).load(path).theta).all()


def idx_files():
    images = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (6, 2, 2)) + bytes(range(24))
    labels = b"\0\0\x08\x01" + (6).to_bytes(4, "big") + bytes([0, 1, 0, 1, 1, 0])
    return [images, labels, images, labels]


def idx(tmp, number, changes):
    with documented(ValueError):
        parse_idx(Path("images"), damaged(idx_files()[number], changes), (3, 1)[number])


def mnist(tmp, number, changes, packed):
    for k, (name, whole) in enumerate(zip(FILES, idx_files())):
        file = damaged(whole, changes) if k == number else whole
        (tmp / name).write_bytes(file if packed != "inside" else gzip.compress(file, 1))
        if k == number and packed == "outside":
            (tmp / name).write_bytes(damaged(gzip.compress(whole), changes))
    with documented(ValueError, OSError):
        load_mnist(tmp)


# ---- what the laboratory reads ---------------------------------------------------------------------------------------


def journal(tmp, changes, lines, whole):
    rows = [json.dumps([f"trial {k}", [{"kind": "run", "loss": 0.5, "seed": k}]]).encode() for k in range(3)]
    rows += [damaged(rows[0], change) for change in lines]
    written = b"\n".join(f"{zlib.crc32(row):08x} ".encode() + row for row in rows) + b"\n"
    path = tmp / "unfinished.jsonl"
    path.write_bytes(written if whole else damaged(written, changes))
    with documented():
        first = Journal(path)
        again = Journal(path)
        assert again.finished == first.finished
        assert not again.damaged


@cache
def result_of(name):
    """A result as the report and the README's table read it: the finding that is kept, and a few rows."""
    found = json.loads((ROOT / "experiments" / "findings" / f"{name}.json").read_text(encoding="utf-8"))
    return json.dumps(
        found | {"rows": [{"kind": "run", "loss": 0.5}], "command": f"python -m experiments.{name} --quick"}
    )


def result(tmp, name, changes, swap):
    text = damaged(swapped(result_of(name), swap).encode("utf-8", "replace"), changes)
    folder = tmp / name
    folder.mkdir(exist_ok=True)
    (folder / "result.json").write_bytes(text)
    one, said, wrong = commands.load(name), io.StringIO(), io.StringIO()
    with documented():
        read, problems = content.read_results(tmp, [one])
        assert len(read) + len(problems) == 1
        assert all(len(problem) <= LETTERS for problem in problems.values())

    def repeated(one, argv):
        target = Path(argv[argv.index("--out") + 1]) / name / "result.json"
        target.parent.mkdir()
        target.write_text(result_of(name), encoding="utf-8")
        return 0

    with pytest.MonkeyPatch.context() as patch, documented(), redirect_stdout(said), redirect_stderr(wrong):
        patch.setattr(experiment, "main", repeated)
        status = verify.main([str(folder)])
    assert status in (0, 1, 2)
    assert_one_line(status, wrong.getvalue())


def finding(tmp, name, changes, swap):
    path = tmp / "result.json"
    path.write_bytes(damaged(swapped(result_of(name), swap).encode("utf-8", "replace"), changes))
    one = commands.load(name)
    for read in (findings.judged_anew, findings.kept):
        with documented(ValueError):
            read(one, path)


def report(tmp, name, swap):
    folder = tmp / name
    folder.mkdir(exist_ok=True)
    (folder / "result.json").write_text(swapped(result_of(name), swap), encoding="utf-8")
    with documented(page.NoResults, seconds=20):  # it makes the runs of the page's sliders
        page.render(tmp, [commands.load(name)])


def assert_one_line(status, wrong):
    lines = wrong.splitlines()
    assert len(lines) == (1 if status == 2 else 0), wrong
    assert len(wrong) <= LETTERS, wrong


# ---- command lines ---------------------------------------------------------------------------------------------------

names = st.sampled_from(commands.names())
FLAGS = "dataset data label data-dir max-bytes task rows backend dtype workers scheduler out run quiet seed quick full"
FLAGS = [
    f"--{flag}" for flag in [*FLAGS.split(), *commandline.TRAINING_FLAGS, "step-times", "noise", "qick", "no-such"]
]
WORDS = "digits mnist 1 8 64 all none 0 -1 1.5 1e400 nan inf mlp logistic tanh sgd adam numpy cupy float32 odd-even --"
WORDS = [
    *WORDS.split(),
    "1 8 64 all",
    "8:0.2 64:0.3",
    "9" * 5000,
    "1e-400",
    "٣",
    "²",
    "a/b",
    "..",
    "\ud800",
    "\n",
    "",
    "-",
]
words = st.one_of(st.sampled_from(FLAGS), st.sampled_from(WORDS), st.text(max_size=4))
pairs = st.tuples(st.sampled_from(FLAGS), words)
command_lines = st.lists(st.one_of(pairs, pairs, words.map(lambda word: (word,))), max_size=5)


@cache
def parser_of(name):
    return commandline.parser(commands.load(name))


def arguments_of(name, pieces):
    """What the parser makes of these words; None where it ends with one line on standard error, or with its help."""
    said, wrong = io.StringIO(), io.StringIO()
    with documented(), redirect_stdout(said), redirect_stderr(wrong):
        try:
            return parser_of(name).parse_args([word for piece in pieces for word in piece])
        except SystemExit as end:
            assert_one_line(end.code, wrong.getvalue())
            assert end.code == 2 or said.getvalue()
    return None


def command(tmp, name, pieces):
    arguments_of(name, pieces)


def prepared(tmp, name, pieces):
    arguments = arguments_of(name, pieces)
    if arguments is not None and arguments.dataset != "mnist":  # which would be downloaded
        with documented(ValueError, OSError, MemoryError, BackendUnavailable):
            prepare(commands.load(name), arguments)


# ---- all kinds -------------------------------------------------------------------------------------------------------

some = st.integers(0, 99)
KINDS = {  # by name: the strategies of its arguments, and its share of MINIGRAD_FUZZ
    "task": (task, [a_task, st.text(max_size=4), st.sampled_from(["1", "٣", "a-vs-b", "x-or-more"])], 1),
    "command": (command, [names, command_lines], 1),
    "idx": (idx, [st.integers(0, 1), edits], 1),
    "journal": (journal, [edits, st.lists(edits, max_size=3), st.booleans()], 0.3),
    "npz": (npz, [st.booleans(), st.booleans(), edits], 0.1),
    "model": (model, [st.booleans(), st.booleans(), edits, edits], 0.2),
    "mnist": (mnist, [st.integers(0, 3), edits, st.sampled_from(["no", "inside", "outside"])], 0.05),
    "table": (table, [some, edits, st.booleans(), endings, a_label, a_task], 0.05),
    "prepared": (prepared, [names, command_lines], 0.02),
    "result": (result, [names, edits, swaps], 0.05),
    "finding": (finding, [names, edits, swaps], 0.005),
    "report": (report, [names, swaps], 0.001),
}


def fuzz(kind, tmp, examples, patch):
    check, strategies, share = KINDS[kind]
    patch.setenv("MINIGRAD_MAX_BYTES", str(64 * 2**20))
    patch.setenv("MINIGRAD_DATA", str(tmp / "none"))
    wanted = max(1, round(share * examples))
    quiet = [
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.large_base_example,
        HealthCheck.filter_too_much,
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for begin in range(0, wanted, ROUND):
        limits = settings(
            max_examples=min(ROUND, wanted - begin), deadline=None, database=None, suppress_health_check=quiet
        )
        limits(given(st.tuples(*strategies))(lambda drawn: check(tmp, *drawn)))()
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 <= MEBIBYTES


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "report"])  # of which one takes seconds
def test_a_few_of_each_kind(kind, tmp_path, monkeypatch):
    share = KINDS[kind][2]
    fuzz(kind, tmp_path, (30 if share >= 0.05 else 3) / share, monkeypatch)


@pytest.mark.faults
@pytest.mark.parametrize("kind", KINDS)
def test_many(kind, tmp_path, monkeypatch):
    fuzz(kind, tmp_path, EXAMPLES, monkeypatch)
