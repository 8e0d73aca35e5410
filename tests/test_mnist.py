"""IDX files, good and bad, and downloads over a loopback connection: nothing half-written may stay."""

import gzip
import hashlib
import http.server
import os
import struct
import threading
from pathlib import Path

import numpy as np
import pytest

from minigrad.data import mnist
from minigrad.data.mnist import FILES, download, load_mnist

REAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "mnist"
NAMES = list(FILES)


def idx(array, dtype_code=8):
    array = np.asarray(array, dtype=np.uint8)
    return struct.pack(f">HBB{array.ndim}I", 0, dtype_code, array.ndim, *array.shape) + array.tobytes()


def contents(m=6, m_test=3, side=2, labels=(0, 1, 2)):
    rng = np.random.default_rng(0)
    return {
        NAMES[0]: idx(rng.integers(0, 256, (m, side, side))),
        NAMES[1]: idx([labels[i % len(labels)] for i in range(m)]),
        NAMES[2]: idx(rng.integers(0, 256, (m_test, side, side))),
        NAMES[3]: idx([labels[i % len(labels)] for i in range(m_test)]),
    }


def write(folder, files, packed=True):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


def refusal(error, function, *arguments):
    with pytest.raises(error) as caught:
        function(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


# --- reading


@pytest.mark.parametrize("packed", [True, False])
def test_small_files(tmp_path, packed):
    files = contents()
    data = load_mnist(write(tmp_path, files, packed))
    raw = np.frombuffer(files[NAMES[0]], np.uint8, offset=16).reshape(6, 4).astype(float)
    raw_test = np.frombuffer(files[NAMES[2]], np.uint8, offset=16).reshape(3, 4).astype(float)
    np.testing.assert_allclose(data.X_train, (raw - raw.mean(axis=0)) / raw.std(axis=0), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(data.X_test, (raw_test - raw.mean(axis=0)) / raw.std(axis=0), rtol=1e-13, atol=1e-13)
    assert data.y_train.tolist() == [0, 1, 2, 0, 1, 2] and data.y_test.tolist() == [0, 1, 2]
    assert data.y_train.dtype == data.y_test.dtype == np.int64
    assert data.classes == ("0", "1", "2")
    assert data.name == "idx-" + hashlib.sha256(b"".join(files.values())).hexdigest()[:12]


def test_other_spellings(tmp_path):
    plain = load_mnist(write(tmp_path / "plain", contents()))
    dotted = {name.replace("-idx", ".idx"): content for name, content in contents().items()}
    assert load_mnist(write(tmp_path / "dotted", dotted, packed=False)).name == plain.name
    unpacked_by_the_browser = {f"{name}.gz": content for name, content in contents().items()}
    assert load_mnist(write(tmp_path / "browser", unpacked_by_the_browser, packed=False)).name == plain.name


def test_labels_with_gaps_are_renumbered(tmp_path):
    data = load_mnist(write(tmp_path, contents(labels=(3, 7, 9))))
    assert data.y_train.tolist() == [0, 1, 2, 0, 1, 2] and data.y_test.tolist() == [0, 1, 2]
    assert data.classes == ("3", "7", "9")


def test_folder_from_the_environment(tmp_path, monkeypatch):
    def no_download(*_):
        raise AssertionError("a named folder was to be read, not downloaded to")

    monkeypatch.setattr(mnist, "download", no_download)
    monkeypatch.setenv("MINIGRAD_DATA", str(write(tmp_path / "env", contents(m=6))))
    assert len(load_mnist().X_train) == 6
    assert len(load_mnist(write(tmp_path / "argument", contents(m=9))).X_train) == 9, "the argument comes first"
    monkeypatch.setenv("MINIGRAD_DATA", str(tmp_path / "nowhere"))
    assert "nowhere" in refusal(FileNotFoundError, load_mnist)


def test_cache_folder_is_used_without_a_network(tmp_path, monkeypatch):
    monkeypatch.delenv("MINIGRAD_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "minigrad").mkdir()
    write(tmp_path / "minigrad" / "mnist", contents())
    monkeypatch.setattr(mnist, "fetch", lambda *_: pytest.fail("all files are there"))
    assert len(load_mnist().X_train) == 6


@pytest.mark.parametrize("missing", NAMES)
def test_missing_file(tmp_path, missing):
    files = contents()
    del files[missing]
    message = refusal(FileNotFoundError, load_mnist, write(tmp_path, files))
    assert repr(str(tmp_path)) in message and repr(missing) in message
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{name}.gz" for name in files)


def with_length(content, n):
    return content[:4] + struct.pack(">I", n) + content[8:]


GOOD = contents()
IMAGES, LABELS, TEST_IMAGES, TEST_LABELS = NAMES


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (IMAGES, b"", "begins with 0x;"),
        (IMAGES, b"<html>not found</html>", "begins with 0x3c68746d; expected 0x00000803"),
        (IMAGES, GOOD[LABELS], "begins with 0x00000801; expected 0x00000803"),
        (LABELS, GOOD[IMAGES], "begins with 0x00000803; expected 0x00000801"),
        (IMAGES, idx(np.zeros((6, 2, 2)), dtype_code=0x0D), "unsigned bytes in 3 dimensions"),
        (IMAGES, GOOD[IMAGES][:-1], "holds 39 bytes; expected 40 for numbers of shape (6, 2, 2)"),
        (IMAGES, GOOD[IMAGES][:10], "holds 10 bytes"),
        (IMAGES, GOOD[IMAGES] + b"\0", "holds 41 bytes"),
        (TEST_LABELS, GOOD[TEST_LABELS][:-1], "holds 10 bytes; expected 11"),
        (IMAGES, with_length(GOOD[IMAGES], 2**32 - 1), "expected 17179869196"),
        (IMAGES, idx(np.zeros((0, 2, 2))), "expected at least one"),
        (LABELS, idx([0, 1, 2, 0, 1]), "holds 5 labels; expected 6, one an image"),
        (TEST_LABELS, idx([0, 1, 2, 0]), "holds 4 labels; expected 3, one an image"),
        (TEST_LABELS, idx([0, 1, 5]), "holds the label 5; expected labels seen in training"),
        (LABELS, idx([2] * 6), "holds the label 2 only; expected at least two classes"),
        (TEST_IMAGES, idx(np.zeros((3, 2, 3))), "images of shape (2, 3); expected (2, 2)"),
    ],
)
def test_malformed_files(tmp_path, name, content, message):
    assert message in (found := refusal(ValueError, load_mnist, write(tmp_path, GOOD | {name: content}))), found
    assert repr(str(tmp_path / f"{name}.gz")) in found


def test_damaged_gzip(tmp_path):
    write(tmp_path, GOOD)
    path = tmp_path / f"{IMAGES}.gz"
    good = path.read_bytes()
    for damaged in (good[:-9], good[:12], good[:-8] + bytes(4) + good[-4:], good[:10] + b"\xff" * 20 + good[30:]):
        path.write_bytes(damaged)
        message = refusal(ValueError, load_mnist, tmp_path)
        assert repr(str(path)) in message and "expected a whole gzip file" in message


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no MNIST in {REAL}")
def test_the_real_files():
    data = load_mnist(REAL)
    assert data.name == "mnist" and data.n_classes == 10 and data.classes == tuple("0123456789")
    assert (data.X_train.shape, data.X_test.shape) == ((60_000, 784), (10_000, 784))
    # counts as published with the data set
    assert np.bincount(data.y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    deviation = data.X_train.std(axis=0)
    np.testing.assert_allclose(data.X_train.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(deviation[deviation > 0], 1, rtol=1e-10)
    assert (deviation == 0).sum() == 67  # pixels that are blank in all 60,000
    assert np.abs(data.X_test.mean(axis=0)).max() > 0.01


# --- downloading


class Mirror:
    """A web server on the loopback address; `answers` maps a path to (body, Content-Length)."""

    def __init__(self):
        self.answers, self.asked = {}, []
        mirror = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                mirror.asked.append(self.path)
                if self.path not in mirror.answers:
                    self.send_error(404)
                    return
                body, length = mirror.answers[self.path]
                self.send_response(200)
                if length is not None:
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/data/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def serve(self, name, content, length=0):
        body = gzip.compress(content)
        self.answers[f"/data/{name}.gz"] = (body, len(body) if length == 0 else length)

    def close(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def mirrors(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers = [Mirror(), Mirror()]
    yield servers
    for server in servers:
        if server.thread.is_alive():
            server.close()


CONTENT = bytes(range(256)) * 40
EXPECTED = {"numbers": hashlib.sha256(CONTENT).hexdigest()}


def test_whole_download(tmp_path, mirrors, capfd):
    first, second = mirrors
    first.serve("numbers", CONTENT)
    folder = tmp_path / "made" / "on the way"
    download(folder, (first.url, second.url), EXPECTED)
    assert [path.name for path in folder.iterdir()] == ["numbers.gz"]
    assert gzip.decompress((folder / "numbers.gz").read_bytes()) == CONTENT
    assert second.asked == []
    assert capfd.readouterr() == ("", ""), "no progress bar in a pipe"
    download(folder, (first.url,), EXPECTED)
    assert len(first.asked) == 1, "what is there is not fetched again"


def test_download_without_a_stated_length(tmp_path, mirrors):
    mirrors[0].serve("numbers", CONTENT, length=None)
    download(tmp_path, (mirrors[0].url.rstrip("/"),), EXPECTED)
    assert (tmp_path / "numbers.gz").is_file()


def break_nothing(mirror):
    mirror.serve("numbers", CONTENT)


def break_connection(mirror):
    mirror.serve("numbers", CONTENT, length=len(gzip.compress(CONTENT)) + 100)


def break_length(mirror):
    body = gzip.compress(CONTENT)[:-20]
    mirror.answers["/data/numbers.gz"] = (body, len(body))


def break_content(mirror):
    mirror.serve("numbers", CONTENT + b"!")


def break_packing(mirror):
    mirror.answers["/data/numbers.gz"] = (CONTENT, len(CONTENT))


def break_name(mirror):
    mirror.answers.clear()


def break_server(mirror):
    mirror.close()


BREAKS = {
    break_connection: "the connection ended after",
    break_length: "end-of-stream",
    break_content: f"expected {EXPECTED['numbers']}",
    break_packing: "Not a gzipped file",
    break_name: "404",
    break_server: "refused",
}


@pytest.mark.parametrize(("fault", "reason"), BREAKS.items(), ids=[fault.__name__ for fault in BREAKS])
def test_second_mirror_takes_over(tmp_path, mirrors, fault, reason):
    first, second = mirrors
    fault(first)
    second.serve("numbers", CONTENT)
    download(tmp_path, (first.url, second.url), EXPECTED)
    assert [path.name for path in tmp_path.iterdir()] == ["numbers.gz"]
    assert gzip.decompress((tmp_path / "numbers.gz").read_bytes()) == CONTENT
    assert len(second.asked) == 1


@pytest.mark.parametrize(("fault", "reason"), BREAKS.items(), ids=[fault.__name__ for fault in BREAKS])
def test_all_mirrors_fail(tmp_path, mirrors, fault, reason):
    first, second = mirrors
    fault(first)
    message = refusal(ConnectionError, download, tmp_path, (first.url, second.url), EXPECTED)
    assert "'numbers'" in message and first.url in message and second.url in message
    assert reason in message and "404" in message
    assert "--data-dir" in message and "MINIGRAD_DATA" in message
    assert list(tmp_path.iterdir()) == [], "nothing half-written stays"


def test_interrupted_download_leaves_nothing(tmp_path, mirrors, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    break_nothing(mirrors[0])
    monkeypatch.setattr("shutil.copyfileobj", interrupt)
    with pytest.raises(KeyboardInterrupt):
        download(tmp_path, (mirrors[0].url,), EXPECTED)
    assert list(tmp_path.iterdir()) == []


def test_silent_server_times_out(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(mnist, "TIMEOUT", 0.2)
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:  # takes the connection, never answers
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert "timed out" in refusal(ConnectionError, download, tmp_path, (url,), EXPECTED)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="a file for a parent folder is refused differently elsewhere")
def test_cache_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    message = refusal(OSError, download, tmp_path / "file" / "mnist", ("http://127.0.0.1:9/",), EXPECTED)
    assert "cannot make the cache folder" in message and "MINIGRAD_DATA" in message
