"""The journal: what is finished outlives an interruption, and a damaged line costs its trial alone."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.lab.journal import Journal, _checksum

ROWS = {f"key {k}": [{"kind": "made", "value": k / 3, "text": "√ü\n"}] for k in range(5)}


def filled(path):
    journal = Journal(path)
    for key, rows in ROWS.items():
        journal.keep(key, rows)
    return path.read_bytes()


def test_what_is_kept_is_read_back(tmp_path):
    filled(tmp_path / "j.jsonl")
    again = Journal(tmp_path / "j.jsonl")
    assert (again.finished, again.damaged) == (ROWS, 0)
    again.delete()
    assert list(tmp_path.iterdir()) == []
    assert Journal(tmp_path / "j.jsonl").finished == {}


def test_without_a_file_it_is_a_memory():
    journal = Journal()
    journal.keep("key", [{"value": np.float64(1.5), "values": np.arange(3)}])
    assert journal.finished == {"key": [{"value": 1.5, "values": [0, 1, 2]}]}
    journal.delete()


def test_a_row_that_json_lacks_is_refused(tmp_path):
    with pytest.raises(TypeError, match="expected numbers"):
        Journal(tmp_path / "j.jsonl").keep("key", [{"value": object()}])
    assert list(tmp_path.iterdir()) == []


@given(data=st.data())
def test_a_byte_that_turned_costs_the_trials_of_its_line_alone(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("journal") / "j.jsonl"
    content = bytearray(filled(path))
    place = data.draw(st.integers(0, len(content) - 1))
    lines = 2 if content[place] == ord("\n") else 1  # without its end a line is one with the next
    content[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    path.write_bytes(content)
    journal = Journal(path)
    assert len(ROWS) - lines <= len(journal.finished) < len(ROWS) or place == len(content) - 1
    assert all(journal.finished[key] == ROWS[key] for key in journal.finished)
    assert journal.damaged and journal.set_aside.read_bytes()
    again = Journal(path)  # only the whole lines are left
    assert (again.finished, again.damaged) == (journal.finished, 0)


@given(st.binary(max_size=200))
def test_any_bytes_are_set_aside(tmp_path_factory, noise):
    path = tmp_path_factory.mktemp("journal") / "j.jsonl"
    path.write_bytes(filled(path) + noise)
    journal = Journal(path)
    assert journal.finished == ROWS
    assert journal.damaged == len({line for line in noise.split(b"\n") if line})


@pytest.mark.parametrize("text", ["{}", "[]", "[1, 2]", '["key"]', '["key", 3]', "null", '["key", [3]]', "[" * 3000])
def test_a_line_of_another_shape_is_damage_though_its_checksum_fits(tmp_path, text):
    path = tmp_path / "j.jsonl"
    path.write_bytes(_checksum(text.encode()) + b" " + text.encode() + b"\n")
    journal = Journal(path)
    assert (journal.finished, journal.damaged) == ({}, 1)


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_a_line_that_was_cut_off_does_not_count(tmp_path, cut):
    path = tmp_path / "j.jsonl"
    path.write_bytes(filled(path)[:-cut])
    journal = Journal(path)
    assert len(journal.finished) == len(ROWS) - (cut > 1)  # the line's end alone is no loss
    journal.keep("key 4", ROWS["key 4"])
    assert Journal(path).finished == ROWS


def test_a_line_is_json_after_its_checksum(tmp_path):
    for line in filled(tmp_path / "j.jsonl").splitlines():
        key, rows = json.loads(line.partition(b" ")[2])
        assert ROWS[key] == rows
