"""The website configuration's operations."""

from __future__ import annotations

from tests.ops.harness import Harness

DOCUMENT = (
    b"<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument>"
    b"<ErrorDocument><Key>e</Key></ErrorDocument></WebsiteConfiguration>"
)


def test_a_configuration_is_put_read_replaced_and_deleted() -> None:
    harness = Harness()
    harness.bucket()
    answer = harness.request("GET", "/bucket?website")
    assert (answer.status, answer.error) == (404, "NoSuchWebsiteConfiguration")
    answer = harness.request("PUT", "/bucket?website", body=DOCUMENT)
    assert (answer.status, answer.body) == (200, b"")
    answer = harness.request("GET", "/bucket?website")
    assert answer.headers["content-type"] == "application/xml"
    assert (answer.text("IndexDocument/Suffix"), answer.text("ErrorDocument/Key")) == (
        "index.html", "e",
    )  # fmt: skip
    for _ in range(2):
        assert harness.request("DELETE", "/bucket?website").status == 204
    assert harness.request("GET", "/bucket?website").error == "NoSuchWebsiteConfiguration"


def test_what_is_refused_changes_nothing() -> None:
    harness = Harness()
    harness.bucket()
    harness.request("PUT", "/bucket?website", body=DOCUMENT)
    bad = DOCUMENT.replace(b"index.html", b"a/b")
    assert harness.request("PUT", "/bucket?website", body=bad).error == "InvalidArgument"
    assert harness.request("GET", "/bucket?website").text("IndexDocument/Suffix") == "index.html"
