"""What the bytes of a file are: text in UTF-8 or UTF-16, or something else, which is refused."""

from __future__ import annotations

import codecs
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from edge_distil.errors import RowsError

CHUNK = 1 << 18  # bytes read at once
_HEAD = 4096  # bytes that tell what a file is

# How files begin that are often met under the name of a text file, and what to do with them.
_FOREIGN = (
    (rb"\x1f\x8b", "compressed (gzip)", "unpack it first"),
    (rb"BZh[1-9]1AY&SY", "compressed (bzip2)", "unpack it first"),
    (rb"\xfd7zXZ\0", "compressed (xz)", "unpack it first"),
    (rb"\x28\xb5\x2f\xfd", "compressed (Zstandard)", "unpack it first"),
    (rb"PK\x03\x04", "a ZIP archive or a spreadsheet", "unpack it, or save it as CSV"),
    (rb"\xd0\xcf\x11\xe0", "an old Office file", "save it as CSV"),
    (rb"PAR1[\0-\x1f]", "Parquet", "let its name end in .parquet"),
    (rb"ARROW1\0\0", "an Arrow file", "write it as Parquet or CSV"),
    (rb"%PDF-\d", "a PDF document", "give its text"),
    (rb"\x89PNG\r\n", "a PNG image", "give a text file"),
    (rb"SQLite format 3\0", "an SQLite database", "write its rows as CSV"),
    (rb"version https://git-lfs", "a Git LFS pointer, not the file", "fetch it: git lfs pull"),
    (rb"\xff\xfe\0\0|\0\0\xfe\xff", "UTF-32", "convert it (iconv -f utf-32 -t utf-8)"),
)  # fmt: skip


class Encoding(NamedTuple):
    """How the characters of a file are written.

    Attributes:
        name: As Python's codecs have it.
        errors: How bytes that are no character are kept, so that none is lost.
        start: Bytes of the byte order mark.
    """

    name: str
    errors: str
    start: int

    def size(self, text: str) -> int:
        """Return the number of bytes that were decoded to `text`."""
        if self.name == "utf-8" and text.isascii():
            return len(text)
        return len(text.encode(self.name, self.errors))


def open_file(path: Path) -> BinaryIO:
    """Open a file of rows.

    Raises:
        RowsError: It cannot be read.
    """
    try:
        return path.open("rb")
    except OSError as error:
        raise RowsError(f"cannot read {path} ({error.strerror}): check it") from error


def recognise(path: Path) -> Encoding:
    """Tell how a file is encoded.

    Raises:
        RowsError: It cannot be read, or is not text in UTF-8 or UTF-16.
    """
    with open_file(path) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):  # it is read more than once
            raise RowsError(f"{path} is a pipe or a device, expected a file: write one first")
        return _encoding(file.read(_HEAD), status.st_size, str(path))


def _encoding(head: bytes, size: int, name: str) -> Encoding:
    for pattern, what, remedy in _FOREIGN:
        if re.match(pattern, head):
            raise RowsError(f"{name} is {what}, expected text: {remedy}")
    if head.startswith(codecs.BOM_UTF8):
        return Encoding("utf-8", "surrogateescape", 3)
    for mark, codec in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if head.startswith(mark):
            if size % 2:
                raise RowsError(
                    f"{name} is UTF-16 and ends within a character ({size} bytes): it was cut "
                    "short, fetch it again"
                )
            return Encoding(codec, "surrogatepass", 2)
    if looks := _unmarked(head):
        raise RowsError(
            f"{name} looks like UTF-16 without a byte order mark, expected UTF-8: convert it "
            f"(iconv -f {looks} -t utf-8)"
        )
    return Encoding("utf-8", "surrogateescape", 0)


def _unmarked(head: bytes) -> str | None:
    """Return which UTF-16 a file without a mark looks like: every other byte is zero.

    >>> _unmarked("some text".encode("utf-16-be")), _unmarked(b"some text"), _unmarked(b"a")
    ('utf-16be', None, None)
    """
    even, odd = head[::2], head[1::2]
    if len(odd) < 4:
        return None
    for zeros, others, name in ((odd, even, "utf-16le"), (even, odd, "utf-16be")):
        if zeros.count(0) > len(zeros) // 2 and not others.count(0):
            return name
    return None


def decoded(path: Path, encoding: Encoding, start: int) -> Iterator[str]:
    """Yield the text of a file from a byte on, piece by piece.

    Raises:
        RowsError: It cannot be read.
    """
    decoder = codecs.getincrementaldecoder(encoding.name)(encoding.errors)
    with open_file(path) as file:
        file.seek(start)
        while chunk := _read(path, file):
            if text := decoder.decode(chunk):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text


def _read(path: Path, file: BinaryIO) -> bytes:
    try:
        return file.read(CHUNK)
    except OSError as error:
        raise RowsError(f"cannot read {path} ({error.strerror}): check it") from error


def read_text(path: Path) -> str:
    """Read a whole file; a byte order mark is dropped.

    Raises:
        RowsError: It cannot be read, or is not text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RowsError(f"cannot read {path} ({error.strerror}): check it") from error
    return decode(data, str(path))


def decode(data: bytes, name: str, start: int = 0) -> str:
    """Decode bytes that are in memory as a file's.

    Args:
        data: The bytes.
        name: Says whose they are.
        start: What was decoded before, in bytes: then they are UTF-8.

    Raises:
        RowsError: They are no text.
    """
    utf8 = Encoding("utf-8", "strict", 0)
    encoding = utf8 if start else _encoding(data[:_HEAD], len(data), name)
    try:
        text = data[encoding.start :].decode(encoding.name)
    except UnicodeDecodeError as error:
        place = encoding.start + error.start
        kind = encoding.name.upper().removesuffix("-LE").removesuffix("-BE")
        raise RowsError(
            f"{name} is not {kind} text (byte 0x{data[place]:02x} at offset "
            f"{start + place}): give a text file, saved as UTF-8"
        ) from error
    return text
