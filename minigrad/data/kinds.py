"""What a file is, told by its first bytes, and how its text is read."""

import codecs
import gzip
import io
import zlib
from pathlib import Path
from typing import BinaryIO, TextIO

from ..engine.archive import most_bytes, refuse_special, too_large

TEXTS = (".csv", ".tsv", ".txt", ".data")
SUFFIXES = (*(text + packed for text in TEXTS for packed in ("", ".gz")), ".parquet", ".npz")
KINDS = "a .csv, .tsv, .txt, .data (or any of these .gz), .parquet or .npz file"
GZIP, ZIP = b"\x1f\x8b", b"PK\x03\x04"
PICKLE = "a pickle", "save the table as .csv: a pickle could run a stranger's program"
MAGIC = {  # what a file begins with, if it is no table: what it is, and the cure
    b"version https://git-lfs": ("a Git LFS pointer, not the data", "run 'git lfs pull' first"),
    b"<!doctype html": ("an HTML page", "download the file itself, not the page about it"),
    b"<html": ("an HTML page", "download the file itself, not the page about it"),
    b"<?xml": ("an XML file", "save it as .csv"),
    b"{": ("a JSON file", "save it as .csv"),
    b"@relation": ("an ARFF file", "save it as .csv"),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook", "save its sheet as .csv"),
    b"%pdf": ("a PDF file", "save the table as .csv"),
    b"sqlite format 3": ("an SQLite database", "save the table as .csv"),
    b"\x89hdf": ("an HDF5 file", "save the table as .csv"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it first"),
    b"bzh": ("a bzip2 archive", "unpack it first"),
    b"\xfd7zxz": ("an xz archive", "unpack it first"),
    b"\x28\xb5\x2f\xfd": ("a zstd archive", "unpack it first"),
    **dict.fromkeys((b"\x80\x03", b"\x80\x04", b"\x80\x05"), PICKLE),
    b"\x93numpy": ("a single array", "save it with numpy.savez(path, X=X, y=y)"),
}
BLOCK = 2**20  # bytes read at a time
LONGEST_LINE = 16 * 2**20  # bytes
DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)


def suffix_of(path: Path) -> str:
    """The ending of a table's name; OSError or ValueError for what is no file, or no table, said for what it is."""
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; expected {KINDS}")
    if not path.exists():
        raise FileNotFoundError(f"{str(path)!r} does not exist; expected {KINDS}")
    refuse_special(path)
    suffix = next((end for end in reversed(SUFFIXES) if path.name.lower().endswith(end)), None)
    try:
        with binary(path) as file:
            start = file.read(512)
    except DAMAGE as error:
        raise ValueError(f"{str(path)!r} is damaged ({error}); expected a whole gzip file") from None
    beginning = start.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for magic, (kind, cure) in MAGIC.items():
        if beginning.startswith(magic) and suffix != ".npz":
            raise ValueError(f"{str(path)!r} is {kind}; expected {KINDS}: {cure}")
    if start.startswith(ZIP) and suffix != ".npz":
        excel = path.suffix.lower() in (".xlsx", ".xlsm") or _holds_workbook(path)
        kind, cure = ("an Excel workbook", "save its sheet as .csv") if excel else ("a ZIP archive", "unpack it first")
        raise ValueError(f"{str(path)!r} is {kind}; expected {KINDS}: {cure}")
    if start.startswith(b"PAR1"):
        return ".parquet"
    if suffix is None:
        raise ValueError(f"{str(path)!r} ends in {path.suffix!r}; expected {KINDS}")
    return suffix


def binary(path: Path) -> BinaryIO:
    """The file's content as bytes, unpacked where it is gzip'd: by content, since some browsers unpack a .gz file."""
    with path.open("rb") as file:
        packed = file.read(2) == GZIP
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def text(path: Path, encoding: str) -> TextIO:
    """The file's content as text."""
    return io.TextIOWrapper(binary(path), encoding=encoding, newline="")


def encoding_of(path: Path) -> str:
    """How the whole file's letters are encoded: UTF-8, UTF-16 by its mark or its zero bytes, else as Windows does.

    ValueError where the gzip packing is damaged, or the content is no text.
    """
    try:
        with binary(path) as file:
            start = file.read(4096)
    except DAMAGE as error:
        raise _damaged(error) from None
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif start[1::2].count(0) > len(start) / 4:
        candidates = ["utf-16-le"]
    elif start[::2].count(0) > len(start) / 4:
        candidates = ["utf-16-be"]
    else:
        candidates = ["utf-8-sig", "cp1252", "latin-1"]
    for encoding in candidates:
        reason = _fault(path, encoding)
        if reason is None:
            return encoding
    raise ValueError(f"cannot be read as {candidates[-1].upper()} ({reason}); expected text, best in UTF-8")


def _fault(path: Path, encoding: str) -> str | None:
    """Why the file is not encoded so; None where it is."""
    decoder, most, found, begun = codecs.getincrementaldecoder(encoding)(), most_bytes(), 0, 0
    try:
        with binary(path) as file:
            while block := file.read(BLOCK):
                if (found := found + len(block)) > most:
                    raise too_large(found)
                begun = len(block) - 1 - end if (end := block.rfind(b"\n")) >= 0 else begun + len(block)
                if begun > LONGEST_LINE:
                    raise ValueError(f"it has a line of over {LONGEST_LINE:,} bytes; expected a row a line")
                if not encoding.startswith("utf-16") and 0 in block:
                    raise ValueError("it holds zero bytes, so it is no text; expected a table in text")
                decoder.decode(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        return error.reason
    except DAMAGE as error:
        raise _damaged(error) from None
    return None


def _damaged(error: Exception) -> ValueError:
    return ValueError(f"the packing is damaged ({error}); expected a whole gzip file")


def _holds_workbook(path: Path) -> bool:
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False
