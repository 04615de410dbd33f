"""The Range header of reads, and the range of an UploadPartCopy's source.

https://www.rfc-editor.org/rfc/rfc9110#section-14
"""

from __future__ import annotations

from z4tw.errors import InvalidArgument, InvalidRange

_MAX_DIGITS = 20
"""Numbers with more digits (leading zeros aside) are beyond any object's size."""


def parse_range(value: str, size: int) -> tuple[int, int] | None:
    """(offset, length) of one byte range of an object of ``size`` bytes.

    None for a header that is to be ignored: another unit, several ranges (S3 has none) or bad
    syntax (RFC 9110 section 14.2). Raises ``InvalidRange`` when no byte of it exists.
    """
    unit, equals, spec = value.partition("=")
    if not equals or unit.strip().lower() != "bytes":
        return None
    first_text, dash, last_text = spec.strip().partition("-")
    first, last = _number(first_text.strip()), _number(last_text.strip())
    if not dash or first is None or last is None or (first == "" and last == ""):
        return None
    if first == "":
        length = min(int(last), size)
        if length == 0:
            raise _unsatisfiable(value, size)
        return size - length, length
    start = int(first)
    end = size - 1 if last == "" else int(last)
    if last != "" and end < start:
        return None
    if start >= size:
        raise _unsatisfiable(value, size)
    return start, min(end, size - 1) - start + 1


def parse_copy_range(value: str, size: int) -> tuple[int, int]:
    """(offset, length) of ``x-amz-copy-source-range``, which must be ``bytes=first-last`` and lie
    wholly within the source. Raises ``InvalidArgument``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
    """
    first_text, dash, last_text = value.removeprefix("bytes=").partition("-")
    first, last = _number(first_text), _number(last_text)
    if not value.startswith("bytes=") or not dash or not first or not last:
        raise _bad_copy_range(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
            "and last are the zero-based offsets of the first and last bytes to copy",
            value,
        )
    start, end = int(first), int(last)
    if end < start or end >= size:
        raise _bad_copy_range(
            f"Range specified is not valid for source object of size: {size}", value
        )
    return start, end - start + 1


def _number(text: str) -> str | None:
    """A decimal number's digits, shortened when it is huge; empty for empty, None for others."""
    if not text:
        return ""
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0") or "0"
    return digits if len(digits) <= _MAX_DIGITS else "9" * _MAX_DIGITS


def _unsatisfiable(value: str, size: int) -> InvalidRange:
    error = InvalidRange(RangeRequested=value[:256], ActualObjectSize=str(size))
    error.headers.append(("Content-Range", f"bytes */{size}"))
    return error


def _bad_copy_range(message: str, value: str) -> InvalidArgument:
    return InvalidArgument(
        message, ArgumentName="x-amz-copy-source-range", ArgumentValue=value[:256]
    )
