"""Files that a stranger may have made: what they claim is checked before anything is allocated."""

import errno
import math
import os
import stat
import zipfile
from collections.abc import Collection
from typing import IO, Any

import numpy as np

MOST_BYTES = 4 * 2**30  # of a file's content, unpacked: MINIGRAD_MAX_BYTES sets another bound


def most_bytes() -> int:
    """How many bytes of a file are read at most, unpacked; ValueError where MINIGRAD_MAX_BYTES is no whole number."""
    wanted = os.environ.get("MINIGRAD_MAX_BYTES") or str(MOST_BYTES)
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ValueError(f"MINIGRAD_MAX_BYTES is {wanted!r}; expected a whole number of bytes, at least 1")
    return int(wanted)


def too_large(bytes_found: int) -> ValueError:
    """The error for content of more than `most_bytes`."""
    bound = f"{most_bytes():,} (--max-bytes or MINIGRAD_MAX_BYTES sets another)"
    return ValueError(f"it unpacks to {bytes_found:,} bytes or more; expected at most {bound}")


def refuse_special(path: str | os.PathLike[str]) -> None:
    """OSError for what is there and no regular file: a pipe would be waited for, and a device may never end."""
    if not stat.S_ISREG(os.stat(path).st_mode) and not os.path.isdir(path):
        raise OSError(f"{os.fspath(path)!r} is no regular file; expected one")


def read_archive(path: str | os.PathLike[str], names: Collection[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Those of these arrays that a NumPy archive holds, and the names of all in it.

    ValueError, which says what is wrong, for any other file: no archive, a damaged one, arrays of objects, a header
    that promises another size than there is, more than `most_bytes`. OSError where it cannot be read.
    """
    refuse_special(path)
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            wanted = [name for name in names if name in members]
            if (total := sum(members[name].file_size for name in wanted)) > most_bytes():
                raise too_large(total)
            found = {}
            for name in wanted:
                with archive.open(members[name]) as member:
                    found[name] = _array(member, members[name].file_size)
            return found, list(members)
    except OSError as error:
        if error.errno != errno.EINVAL:  # of a damaged directory: a place before the file's beginning
            raise
        raise ValueError(f"it cannot be read ({error.strerror}); expected an .npz file") from None
    except MemoryError as error:
        raise MemoryError(f"{os.fspath(path)!r} does not fit into memory: {error}") from None
    except zipfile.BadZipFile as error:
        state = "is damaged" if "CRC" in str(error) else "cannot be read"
        raise ValueError(f"it {state} ({error}); expected an .npz file") from None
    except Exception as error:  # whatever bytes of a stranger make zipfile and NumPy raise
        raise ValueError(f"it cannot be read ({str(error) or type(error).__name__}); expected an .npz file") from None


def _array(member: IO[bytes], size: int) -> np.ndarray:
    """The array in an .npy file of so many bytes; any error for another content."""
    version = np.lib.format.read_magic(member)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"format {version}; expected 1.0 or 2.0")
    read: Any = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(member)
    if dtype.kind not in "biufcUS":
        raise ValueError(f"an array of {dtype}; expected numbers or text")
    length = math.prod(shape) * dtype.itemsize
    if length != size - member.tell():
        raise ValueError(f"an array of shape {shape} and {dtype} in {size} bytes; expected {length + member.tell()}")
    content = np.empty(length, np.uint8)
    view, filled = content.data, 0
    while count := member.readinto(view[filled:]):  # type: ignore[attr-defined]
        filled += count
    if filled < length or member.read(1):  # the last read compares the checksum
        raise ValueError(f"{filled} bytes of an array; expected {length}")
    return content.view(dtype).reshape(shape, order="F" if fortran else "C")
