"""multipart/form-data as browsers send it: some small fields, then one file that streams by.

A body is fed piece by piece and its bytes up to the file are bounded; what comes after the file is
ignored, as on AWS. RFC 7578, RFC 2046 section 5.1.
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTObjectPOST.html
"""

from __future__ import annotations

import re

from z4tw.errors import (
    IncorrectNumberOfFilesInPostRequest,
    InvalidArgument,
    MalformedPOSTRequest,
    MaxPostPreDataLengthExceededError,
)

MAX_BEFORE_FILE_BYTES = 20 * 1024
"""Everything before the first byte of the file: fields, part headers, boundaries."""
MAX_PADDING_BYTES = 128
"""White space after a boundary."""

_PREAMBLE, _DELIMITED, _HEADERS, _FIELD, _FILE, _END = range(6)
_CONTENT_TYPE = re.compile(
    r"multipart/form-data\s*(?:;[^;\"]*)*;\s*boundary=(?:\"([^\"]*)\"|([^\s;\"]+))\s*(?:;.*)?\Z",
    re.IGNORECASE | re.DOTALL,
)
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]\Z")
_PARAMETER = re.compile(r";\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(\"(?:[^\"\\]|\\.)*\"|[^\s;\"]*)\s*")
_AS_IT_IS = frozenset({"7bit", "8bit", "binary"})


def form_boundary(content_type: str) -> bytes:
    """The boundary that a Content-Type states. Raises ``MalformedPOSTRequest``."""
    match = _CONTENT_TYPE.match(content_type)
    boundary = "" if match is None else match[1] or match[2] or ""
    if not _BOUNDARY.match(boundary):
        raise MalformedPOSTRequest()
    return boundary.encode("ascii")


class FormParser:
    """Takes a form apart.

    ``fields`` are those before the file, by lower-case name. ``filename`` is what the client calls
    the file, None until the file begins; ``before_file_bytes`` then is how much came before it.
    ``file_ended`` says that all of the file was given out. ``least_after_bytes`` is the size of
    what has to follow a file.
    """

    def __init__(self, boundary: bytes) -> None:
        self.fields: dict[str, bytes] = {}
        self.filename: str | None = None
        self.before_file_bytes = 0
        self._delimiter = b"\r\n--" + boundary
        self.least_after_bytes = len(self._delimiter) + 2
        self._state = _PREAMBLE
        self._name = ""
        # The first boundary stands at the beginning of a line, of which this is the end.
        self._held = bytearray(b"\r\n")
        self._searched = 0
        self._taken = -2

    @property
    def file_ended(self) -> bool:
        """Whether the boundary after the file was seen."""
        return self._state == _END

    def feed(self, data: bytes) -> bytes:
        """The bytes of the file that are released by the next bytes of the body, maybe none.

        Raises ``MalformedPOSTRequest``, ``MaxPostPreDataLengthExceededError``,
        ``IncorrectNumberOfFilesInPostRequest`` when the form ends without a file, and
        ``InvalidArgument`` for a field that comes twice.
        """
        if self._state == _END:
            return b""
        if self._state == _FILE:
            return self._feed_file(bytes(self._held) + data if self._held else data)
        self._held += data
        while self._state < _FILE and self._step():
            pass
        if self._state < _FILE:
            if self._taken + len(self._held) > MAX_BEFORE_FILE_BYTES:
                raise MaxPostPreDataLengthExceededError()
            return b""
        if self._taken > MAX_BEFORE_FILE_BYTES:
            raise MaxPostPreDataLengthExceededError()
        self.before_file_bytes = self._taken
        return self._feed_file(bytes(self._held))

    def finish(self) -> None:
        """The body has ended. Raises ``MalformedPOSTRequest`` unless the file was complete."""
        if self._state != _END:
            raise MalformedPOSTRequest()

    def _step(self) -> bool:
        """One step on what is held; False when it takes more."""
        if self._state == _DELIMITED:
            return self._after_delimiter()
        mark = b"\r\n\r\n" if self._state == _HEADERS else self._delimiter
        at = self._held.find(mark, max(0, self._searched - len(mark)))
        if at < 0:
            self._searched = len(self._held)
            return False
        content = bytes(self._held[:at])
        if self._state == _HEADERS:
            self._drop(at + 4)
            self._begin_part(content)
            return True
        self._drop(at + len(mark))
        if self._state == _FIELD:
            if self._name in self.fields:
                raise InvalidArgument(
                    "POST must contain each field once.", ArgumentName=self._name[:256]
                )
            self.fields[self._name] = content
        self._state = _DELIMITED
        return True

    def _drop(self, count: int) -> None:
        del self._held[:count]
        self._taken += count
        self._searched = 0

    def _after_delimiter(self) -> bool:
        size = _line_end(bytes(self._held[: MAX_PADDING_BYTES + 2]))
        if size is None:
            return False
        if size == 0:
            raise IncorrectNumberOfFilesInPostRequest()
        # The line end belongs to the part's headers, so that a part without any is seen too.
        self._drop(size - 2)
        self._state = _HEADERS
        return True

    def _begin_part(self, block: bytes) -> None:
        name, filename = _disposition(block)
        if name == "file":
            self.filename = filename
            self._state = _FILE
        else:
            self._name = name
            self._state = _FIELD

    def _feed_file(self, data: bytes) -> bytes:
        delimiter = self._delimiter
        at = data.find(delimiter)
        if at < 0:
            at = _possible_start(data, delimiter)
        elif _line_end(data[at + len(delimiter) :][: MAX_PADDING_BYTES + 2]) is not None:
            self._state = _END
            self._held.clear()
            return data[:at]
        self._held = bytearray(data[at:])
        return data[:at]


def _possible_start(data: bytes, delimiter: bytes) -> int:
    """Where a delimiter may begin that the data does not hold to its end; the data's length if
    nowhere."""
    at = data.find(b"\r", max(0, len(data) - len(delimiter) + 1))
    while at >= 0 and not delimiter.startswith(data[at:]):
        at = data.find(b"\r", at + 1)
    return len(data) if at < 0 else at


def _line_end(rest: bytes) -> int | None:
    """What follows a boundary: 0 for the end of the form, else the size of the line's rest with
    its end; None when more is needed. Raises ``MalformedPOSTRequest``."""
    if rest.startswith(b"--"):
        return 0
    padding = len(rest) - len(rest.lstrip(b" \t"))
    end = rest[padding : padding + 2]
    if end == b"\r\n":
        return padding + 2
    if rest == b"-" or (b"\r\n".startswith(end) and padding <= MAX_PADDING_BYTES):
        return None
    raise MalformedPOSTRequest()


def _disposition(block: bytes) -> tuple[str, str]:
    """The lower-case name of a part and its file name. Raises ``MalformedPOSTRequest``."""
    try:
        lines = block.decode("utf-8").split("\r\n")[1:]
    except UnicodeDecodeError:
        raise MalformedPOSTRequest() from None
    disposition = None
    for line in lines:
        header, colon, value = line.partition(":")
        header = header.lower()
        if not colon or (header == "content-disposition" and disposition is not None):
            raise MalformedPOSTRequest()
        if header == "content-disposition":
            disposition = value.strip()
        elif header == "content-transfer-encoding" and value.strip().lower() not in _AS_IT_IS:
            raise MalformedPOSTRequest()
    kind, semicolon, rest = (disposition or "").partition(";")
    parameters = _parameters(semicolon + rest)
    name = parameters.get("name", "").lower()
    if kind.strip().lower() != "form-data" or not name:
        raise MalformedPOSTRequest()
    return name, parameters.get("filename", "")


def _parameters(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while position < len(text):
        match = _PARAMETER.match(text, position)
        if match is None or match[1].lower() in found:
            raise MalformedPOSTRequest()
        value = match[2]
        if value.startswith('"'):
            # Browsers of old give whole Windows paths: a backslash escapes nothing but a quote.
            value = value[1:-1].replace('\\"', '"')
        found[match[1].lower()] = value
        position = match.end()
    return found
