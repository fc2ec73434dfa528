"""multipart/form-data (RFC 7578) as it comes: the part named `file` goes to disk, all others are dropped."""

import logging
import os
import tempfile
import threading
from typing import IO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from regoods.core.errors import PayloadTooLarge, ValidationError
from regoods.features.attachments.rules import LARGEST_FILE, LARGEST_FORM

FIELD = "file"
MOST_PARTS = 100

# A line for each body that is no form would be its sender's to write.
logging.getLogger("python_multipart").setLevel(logging.ERROR)


def open_spool() -> IO[bytes]:
    """A file without a name, in TMPDIR; else where files are on disk, which /tmp may not be (FHS 3.0, 5.15)."""
    return tempfile.TemporaryFile(dir=os.environ.get("TMPDIR") or "/var/tmp")  # noqa: S108


def _broken() -> ValidationError:
    return ValidationError(FIELD, f"{FIELD} did not arrive: the body is no whole multipart/form-data. Send it again.")


class FileForm:
    """One request's body. All but `close` are called one after another, on any thread.

    The file has no name on disk, so nothing of it outlives its being open, whatever ends the process.
    """

    def __init__(self, content_type: str) -> None:
        """Raises ValidationError where the header announces no form."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise ValidationError(FIELD, f"{FIELD} is missing: send it as multipart/form-data, in a field so named.")
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header_ends,
                    "on_headers_finished": self._headers_end,
                    "on_part_data": self._part_data,
                    "on_end": self._form_ends,
                },
            )
        except FormParserError:
            raise _broken() from None
        self._lock = threading.Lock()
        self._closed = False
        self._file: IO[bytes] | None = None
        self._received = self._size = self._parts = 0
        self._name, self._value = bytearray(), bytearray()
        self._disposition = ""
        self._in_file = self._complete = False

    def feed(self, chunk: bytes) -> None:
        """Raises ValidationError or PayloadTooLarge; OSError where the disk refuses."""
        with self._lock:
            if not self._closed:
                self._received += len(chunk)
                if self._received > LARGEST_FORM:
                    raise PayloadTooLarge(LARGEST_FILE, FIELD)
                try:
                    self._parser.write(chunk)
                except FormParserError:
                    raise _broken() from None
        self._close_if_asked()

    def read(self) -> bytes:
        """The whole file, once all was fed. Raises ValidationError."""
        with self._lock:
            if not self._complete or self._closed:
                raise _broken()
            if self._file is None:
                raise ValidationError(FIELD, f"{FIELD} is missing: the form has no field of this name.")
            if self._size == 0:
                raise ValidationError(FIELD, f"{FIELD} is empty.")
            self._file.seek(0)
            content = self._file.read()
        self._close_if_asked()
        return content

    def close(self) -> None:
        """Forget the file; at any time, from any thread, and without waiting for one that is writing."""
        self._closed = True
        self._close_if_asked()

    def _close_if_asked(self) -> None:
        # Who holds the lock comes by here when he is done.
        if self._closed and self._lock.acquire(blocking=False):
            if self._file is not None:
                self._file.close()
            self._lock.release()

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise ValidationError(FIELD, f"{FIELD} has too many others beside it: a form may have {MOST_PARTS} fields.")
        self._disposition = ""
        self._in_file = False

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._name.lower() == b"content-disposition":
            self._disposition = self._value.decode("latin-1")
        self._name.clear()
        self._value.clear()

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != FIELD.encode():
            return
        if self._file is not None:
            raise ValidationError(FIELD, f"{FIELD} is there twice: send one picture a call.")
        self._in_file = True
        self._file = open_spool()

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._in_file or self._file is None:
            return
        self._size += end - start
        if self._size > LARGEST_FILE:
            raise PayloadTooLarge(LARGEST_FILE, FIELD)
        self._file.write(memoryview(data)[start:end])

    def _form_ends(self) -> None:
        self._complete = True
