"""`python -m experiments exercises`: list them, start, check, hint, solution."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..lab.arguments import count, not_empty, positive_number
from ..lab.commandline import Parser
from ..lab.start import INTERRUPTED
from ..lab.text import wrapped
from . import marker, process, sheet
from .exercise import FULL_MARKS, NAMES, Exercise, load
from .sheet import PROG


def main(argv: Sequence[str]) -> int:
    """Run one command; 0: done, or all full marks; 1: not all full marks; 2: not understood; 130: interrupted."""
    if not argv:
        return list_all()
    arguments = parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except KeyboardInterrupt:
        print(f"\n{PROG}: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (ValueError, OSError) as error:
        words = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
        print(f"{PROG}: error: {' '.join(words.split())}", file=sys.stderr)
        return 2


def parser() -> Parser:
    """The commands and their arguments."""
    result = Parser(prog=PROG, description="Exercises cut out of the source.", allow_abbrev=False)
    commands = result.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        one.set_defaults(run=run)
        return one

    one = command("start", start, "write DIR/NAME.py to fill in; a file that is there is never overwritten")
    one.add_argument("dir", metavar="DIR", type=folder_of)
    one.add_argument("names", metavar="NAME", nargs="*", default=(), help="(default: all eight)")
    one = command("check", check, "mark the answers in DIR; status 0 if all have full marks, else 1")
    one.add_argument("dir", metavar="DIR", type=folder_of)
    one.add_argument("names", metavar="NAME", nargs="*", default=(), help="(default: those that are in DIR)")
    one.add_argument("--json", action="store_true", help="marks as JSON, as GitHub Classroom's reporter reads them")
    one.add_argument(
        "--seconds",
        metavar="SECONDS",
        type=positive_number,
        default=process.SECONDS,
        help="limit for an answer's comparisons; the project's tests on it may take three times as long (default: 20)",
    )
    one = command("hint", hint, "the first hint, or hint number K")
    one.add_argument("name", metavar="NAME")
    one.add_argument("number", metavar="K", nargs="?", type=count, default=1)
    one = command("solution", solution, "an answer, and our own lines, cut out of the source")
    one.add_argument("name", metavar="NAME")
    return result


def folder_of(text: str) -> Path:
    """An argument that names a folder."""
    return Path(not_empty(text))


def list_all() -> int:
    """The eight exercises, and what to do with them."""
    print(f"{len(NAMES)} exercises, each cut out of the source of minigrad:\n")
    for name in NAMES:
        print(f"  {name:20}{load(name).title}")
    print(f"""
  {PROG} start DIR            writes DIR/NAME.py, a file an exercise, to fill in
  {PROG} check DIR            a mark out of ten for each, and what is wrong
  {PROG} hint NAME [K]        the first hint, or hint number K
  {PROG} solution NAME        an answer, and our own lines""")
    return 0


def exercises(names: Sequence[str]) -> list[Exercise]:
    """Those of these names, each once, or all."""
    return [load(name) for name in dict.fromkeys(names or NAMES)]


def start(arguments: argparse.Namespace) -> int:
    """Write the files that are not there yet."""
    chosen, folder = exercises(arguments.names), arguments.dir
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"DIR is {str(folder)!r}, which is a file; expected a folder, or a name for a new one")
    folder.mkdir(parents=True, exist_ok=True)
    for one in chosen:
        print(
            f"  {folder / one.name}.py  {'written' if sheet.write(one, folder) else 'is there already: left as it is'}"
        )
    print(f"\nFill them in, then: {PROG} check {shlex.quote(str(folder))}")
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Mark, and tell."""
    folder = arguments.dir
    if folder.is_file():
        raise ValueError(f"DIR is {str(folder)!r}, a file; expected its folder, then the names: {PROG} check DIR NAME")
    if not folder.is_dir():
        raise ValueError(f"DIR is {str(folder)!r}, which is no folder; expected one that {PROG} start has made")
    chosen = exercises(arguments.names)
    if not arguments.names:
        chosen = [one for one in chosen if (folder / f"{one.name}.py").exists()]
    if not chosen:
        raise ValueError(
            f"{str(folder)!r} holds no exercise; expected files such as {NAMES[0]}.py ({PROG} start {folder})"
        )

    marks = []
    for one in chosen:
        marks.append(process.mark(one.name, folder / f"{one.name}.py", arguments.seconds))
        if not arguments.json:
            print(line(one.name, marks[-1]), flush=True)
    points, most = sum(found["points"] for found in marks), FULL_MARKS * len(chosen)
    if arguments.json:
        print(json.dumps(as_json(chosen, marks, folder), indent=1, ensure_ascii=False))
    elif len(chosen) > 1:
        print(f"\n  {'in all':20}{points} of {most}")
    return 0 if points == most else 1


def line(name: str, found: dict[str, Any]) -> str:
    """An exercise's mark, the sentence, and the start of what the answer printed."""
    first = f"  {name:20}{found['points']:2} of {FULL_MARKS}  "
    lines = [wrapped(found["sentence"] or "right", first, " " * len(first))]
    if found["printed"].strip():
        printed = found["printed"].strip().splitlines()
        shown = printed[:3] + ["…"] * (len(printed) > 3)
        lines += [f"{' ' * len(first)}your file printed: {each}" for each in shown]
    return "\n".join(lines)


def as_json(chosen: list[Exercise], marks: list[dict[str, Any]], folder: Path) -> dict[str, Any]:
    """What `autograding-grading-reporter` reads: one test an exercise, with its points as score."""
    tests = [
        {
            "name": one.name,
            "status": "pass" if found["points"] == FULL_MARKS else "fail",
            "score": found["points"],
            "message": found["sentence"],
            "filename": f"{folder / one.name}.py",
            "line_no": 0,
            "test_code": f"{PROG} check {folder} {one.name}",
        }
        for one, found in zip(chosen, marks)
    ]
    status = "pass" if all(test["status"] == "pass" for test in tests) else "fail"
    return {"version": 1, "status": status, "max_score": FULL_MARKS * len(tests), "tests": tests}


def hint(arguments: argparse.Namespace) -> int:
    """One hint, and how to get the next."""
    one, number = load(arguments.name), arguments.number
    if number > len(one.hints):
        raise ValueError(f"K is {number}; expected at most {len(one.hints)}, the number of hints of {one.name}")
    print(wrapped(one.hints[number - 1], f"Hint {number} of {len(one.hints)}: "))
    more = f"hint {one.name} {number + 1}" if number < len(one.hints) else f"solution {one.name}"
    print(f"Next: {PROG} {more}")
    return 0


def solution(arguments: argparse.Namespace) -> int:
    """An answer in plain lines; then our own, where they stand, and how they relate to the student's function."""
    one = load(arguments.name)
    print(f"# an answer to the sheet\n{one.answer}\n# and in minigrad itself\n")
    for piece in marker.pieces(one.name):
        print(f"# {piece.place}\n{piece.text}\n")
    print(wrapped(one.relation))
    return 0
