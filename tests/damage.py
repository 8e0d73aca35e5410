"""Damage for `test_fuzz.py`: bytes and JSON, cut, doubled, and filled with what is hard to read."""

import copy
import json
from typing import Any

from hypothesis import strategies as st

WORDS = rb"""" , ; | # % = { } [ ] \ ' - . : ? NA nan inf -inf 1e999 -1e-999 1_0 007 0x1f True null 1,5 1.234,5 PK PAR1
    (9999999999, (-1,) |O <U99999999 <f8 >c16 <M8 true false 2013-01-01 1:2 cupy"""
BYTES = [b" ", b"\n", b"\r", b"\r\n", b"\t", b"\x00", b"\xff", b"\xe9", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b"]
BYTES += [b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06", b"\x93NUMPY", b"\x7f\xff\xff\xff", b"\xff\xff\xff\xff"]
LONG = [b"9" * 5000, b"[" * 3000, b'{"a":' * 3000, b"x" * 70_000, b"1" * 400, b"a,b\n" * 500, b"\n" * 3000, b"," * 3000]
LETTERS = [
    "٣",
    "²",
    "−",
    "é",
    "\u2028",
    "\u0085",
    "\u202e",
    "🂡",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
]
TOKENS = [*WORDS.split(), *BYTES, *(letter.encode() for letter in LETTERS)]

edit = st.tuples(
    st.integers(0, 2**16),  # where
    st.sampled_from([0, 0, 1, 1, 2, 4, 8, 40, 1000, 10**6]),  # how many bytes go
    st.one_of(
        st.sampled_from(TOKENS), st.sampled_from(TOKENS), st.binary(max_size=4), st.sampled_from(LONG), st.none()
    ),
)
edits = st.lists(edit, max_size=4)


def damaged(content: bytes, changes: list[tuple[int, int, bytes | None]]) -> bytes:
    """The bytes with these changes, one after the other; None doubles a piece."""
    for where, cut, piece in changes:
        at = where * (len(content) + 1) >> 16
        content = content[:at] + (content[at : at + 64] * 2 if piece is None else piece) + content[at + cut :]
    return content


VALUES: list[Any] = [
    *(
        None,
        True,
        -1,
        0,
        10**400,
        1e308,
        float("nan"),
        float("inf"),
        "",
        "x",
        "x" * 5000,
        "\u2028",
        "\ud800",
        [],
        [[]],
        {},
    ),
    *(
        [None],
        {"": None},
        [1, "a"],
        {"kind": "run"},
        "holds",
        "NaN",
        "\x1b[31m",
        "<script>",
        "{",
        "%s",
        "{seeds}",
        2**63,
    ),
]
swaps = st.lists(st.tuples(st.integers(0, 2**16), st.one_of(st.none(), st.sampled_from(VALUES))), max_size=3)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every entry of nested dicts and lists: what holds it, and its key or index."""
    found: list[tuple[Any, Any]] = []
    inside = (
        list(value.items()) if isinstance(value, dict) else list(enumerate(value)) if isinstance(value, list) else []
    )
    for key, entry in inside:
        found += [(value, key), *places(entry)]
    return found


def swapped(text: str, changes: list[tuple[int, Any]]) -> str:
    """JSON with other values in these places; an entry goes where the value is None and it can go."""
    whole = [json.loads(text)]
    for where, value in changes:
        within = places(whole)
        holder, key = within[where * len(within) >> 16] if where < 2**16 else within[-1]
        if value is None and isinstance(holder, dict):
            del holder[key]
        else:
            holder[key] = copy.deepcopy(value)
    return json.dumps(whole[0])
