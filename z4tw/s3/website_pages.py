"""The HTML pages that a website answers when it has no document of its own; all text escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from http import HTTPStatus

from z4tw.errors import S3Error
from z4tw.s3.xml_text import readable


def error_page(
    error: S3Error, request_id: str, host_id: str, document_error: S3Error | None = None
) -> bytes:
    """The page of an error. ``document_error`` says why the custom error document is not shown.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/CustomErrorDocSupport.html
    """
    title = _title(error.status)
    items = [*_items(error), ("RequestId", request_id), ("HostId", host_id)]
    nested = ""
    if document_error is not None:
        nested = (
            "<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n"
            f"{_list(_items(document_error))}"
        )
    return (
        f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n"
        f"{_list(items)}{nested}<hr/>\n</body>\n</html>\n"
    ).encode()


def _title(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def _items(error: S3Error) -> list[tuple[str, str]]:
    return [("Code", error.code), ("Message", error.message), *error.details.items()]


def _list(items: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<li>{escape(name)}: {escape(readable(text))}</li>\n" for name, text in items)
    return f"<ul>\n{rows}</ul>\n"
