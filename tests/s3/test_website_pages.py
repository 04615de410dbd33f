"""The HTML of errors: all of it is escaped."""

from __future__ import annotations

from z4tw.errors import AccessDenied, NoSuchKey
from z4tw.s3.website_pages import error_page


def test_a_page_as_aws_writes_it() -> None:
    page = error_page(NoSuchKey(Key="a.html"), "REQ", "host").decode()
    assert page == (
        "<html>\n<head><title>404 Not Found</title></head>\n<body>\n<h1>404 Not Found</h1>\n<ul>\n"
        "<li>Code: NoSuchKey</li>\n<li>Message: The specified key does not exist.</li>\n"
        "<li>Key: a.html</li>\n<li>RequestId: REQ</li>\n<li>HostId: host</li>\n</ul>\n<hr/>\n"
        "</body>\n</html>\n"
    )


def test_the_error_of_the_error_document_is_told() -> None:
    page = error_page(NoSuchKey(Key="a"), "R", "h", AccessDenied()).decode()
    nested = page.partition(
        "An Error Occurred While Attempting to Retrieve a Custom Error Document"
    )
    assert "<li>Code: AccessDenied</li>" in nested[2]


def test_nothing_of_a_request_is_markup() -> None:
    evil = "</li><script>alert('1')</script>&\"\x00"
    for page in (
        error_page(NoSuchKey(Key=evil), "R", "h"),
        error_page(AccessDenied(evil), "R", "h", NoSuchKey(Key=evil)),
    ):
        assert b"<script" not in page
        assert b"\x00" not in page
        assert b"&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;&quot;" in page


def test_statuses_without_a_known_phrase() -> None:
    error = NoSuchKey()
    error.status = 499
    assert b"<h1>499</h1>" in error_page(error, "R", "h")
