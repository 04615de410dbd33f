"""Request documents: what is read, and what is refused."""

from __future__ import annotations

from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z4tw import errors
from z4tw.errors import (
    InvalidArgument,
    InvalidPartOrder,
    InvalidRequest,
    InvalidTag,
    MalformedXML,
    MaxMessageLengthExceeded,
    MissingRequestBodyError,
    S3Error,
)
from z4tw.s3.xml_in import (
    CompletedPart,
    DeleteTarget,
    parse_complete_multipart,
    parse_create_bucket,
    parse_delete,
    parse_document,
    parse_tagging,
    parse_versioning,
)

XMLNS = ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
XML_TEXT = st.text(
    st.characters(min_codepoint=32, exclude_categories=("Cs",), exclude_characters="\uffff\ufffe")
    | st.sampled_from("\t\n"),
    min_size=1,
)


def delete(inner: str) -> bytes:
    return f"<Delete{XMLNS}>{inner}</Delete>".encode()


def complete(*parts: str) -> bytes:
    inner = "".join(f"<Part>{part}</Part>" for part in parts)
    return f"<CompleteMultipartUpload>{inner}</CompleteMultipartUpload>".encode()


def part(number: object, etag: str = '"e"') -> str:
    return f"<PartNumber>{number}</PartNumber><ETag>{etag}</ETag>"


@given(st.lists(XML_TEXT, min_size=1, max_size=5), st.booleans())
def test_keys_to_delete_come_through_exactly(keys: list[str], quiet: bool) -> None:
    inner = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
    found = parse_delete(delete(f"<Quiet>{str(quiet).lower()}</Quiet>{inner}"))
    assert [target.key for target in found.objects] == keys
    assert found.quiet is quiet


def test_delete_reads_versions_conditions_and_white_space() -> None:
    found = parse_delete(
        b'<?xml version="1.0" encoding="UTF-8"?>\n<Delete>\n  <Object>\n <Key>a</Key>\n'
        b'<VersionId>v</VersionId><ETag>"e"</ETag></Object>\n'
        b" <Object><Key> b </Key></Object></Delete>"
    )
    assert found.objects == (DeleteTarget("a", "v", "e"), DeleteTarget(" b ", "", None))
    assert found.quiet is False


def test_a_thousand_keys_are_the_most() -> None:
    one = "<Object><Key>k</Key></Object>"
    assert len(parse_delete(delete(one * 1000)).objects) == 1000
    with pytest.raises(MalformedXML):
        parse_delete(delete(one * 1001))


MALFORMED_DELETES = [
    delete(""),
    delete("<Quiet>true</Quiet>"),
    delete("<Object></Object>"),
    delete("<Object><Key></Key></Object>"),
    delete("<Object><Key>a</Key><Key>b</Key></Object>"),
    delete("<Object><Key><b/></Key></Object>"),
    delete("<Object><Key>a</Key><Nope/></Object>"),
    delete("<Object><Key>a</Key></Object><Nope/>"),
    delete("<Object><Key>a</Key></Object><Quiet>maybe</Quiet>"),
    delete("<Object><Key>a</Key></Object>")[:-1],
    delete("<Object><Key>a</Key></Object>") + b"<more/>",
    delete("<Object><Key>&#x1;</Key></Object>"),
    b"<delete><Object><Key>a</Key></Object></delete>",
    b"<Object><Key>a</Key></Object>",
    b"not xml",
    b"\xff\xfe",
    b"<Delete><Object><Key>\xff</Key></Object></Delete>",
    b'<?xml version="1.0" encoding="nonsense"?><Delete/>',
    b"<!DOCTYPE Delete><Delete><Object><Key>a</Key></Object></Delete>",
    b'<!DOCTYPE d [<!ENTITY a "b">]><Delete><Object><Key>&a;</Key></Object></Delete>',
    b'<!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&a;</Key>'
    b"</Object></Delete>",
    b"<Delete>" + b"<a>" * 5000,
    b"<Delete>" + b"<a/>" * 9000 + b"</Delete>",
]


@pytest.mark.parametrize("body", MALFORMED_DELETES)
def test_malformed_deletes_are_refused(body: bytes) -> None:
    with pytest.raises(MalformedXML):
        parse_delete(body)


def test_a_delete_needs_a_body() -> None:
    with pytest.raises(MissingRequestBodyError):
        parse_delete(b"")


def test_a_document_that_is_too_large_is_not_parsed() -> None:
    with pytest.raises(MaxMessageLengthExceeded) as caught:
        parse_delete(delete("x" * 2**21))
    assert caught.value.details == {"MaxMessageLengthBytes": str(2**21)}
    with pytest.raises(MaxMessageLengthExceeded):
        parse_tagging(b" " * 70_000, 10)


@pytest.mark.parametrize("time", ["Fri, 02 Jan 1970 00:00:00 GMT", "1970-01-02T00:00:00.000Z"])
def test_a_key_may_have_to_have_a_time_and_a_size(time: str) -> None:
    conditions = f"<LastModifiedTime>{time}</LastModifiedTime><Size>7</Size>"
    found = parse_delete(delete(f"<Object><Key>a</Key>{conditions}</Object>"))
    assert found.objects == (DeleteTarget("a", "", None, 86_400, 7),)


@pytest.mark.parametrize(
    ("name", "text"),
    [("LastModifiedTime", "1"), ("Size", "-1"), ("Size", ""), ("Size", "9" * 20), ("Size", "1.5")],
)
def test_a_condition_that_is_no_time_or_size(name: str, text: str) -> None:
    with pytest.raises(MalformedXML):
        parse_delete(delete(f"<Object><Key>a</Key><{name}>{text}</{name}></Object>"))


def test_parts_are_read_in_order() -> None:
    found = parse_complete_multipart(
        complete(
            part(1, '"e1"'),
            part(2, "&quot;e2&quot;") + "<ChecksumCRC32>AAAAAA==</ChecksumCRC32>",
            part(10000, "e3"),
        )
    )
    assert found == [
        CompletedPart(1, "e1", {}),
        CompletedPart(2, "e2", {"CRC32": "AAAAAA=="}),
        CompletedPart(10000, "e3", {}),
    ]


def test_ten_thousand_parts_with_checksums_pass() -> None:
    sums = "".join(f"<Checksum{name}>{'A' * 44}</Checksum{name}>" for name in ("CRC32", "SHA256"))
    body = complete(*(part(n + 1, "0" * 32) + sums for n in range(10_000)))
    assert len(parse_complete_multipart(body)) == 10_000


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", InvalidRequest),
        (complete(), MalformedXML),
        (complete(part(2), part(1)), InvalidPartOrder),
        (complete(part(1), part(1)), InvalidPartOrder),
        (complete(part(0)), InvalidArgument),
        (complete(part(10_001)), InvalidArgument),
        (complete(part(-1)), InvalidArgument),
        (complete(part("one")), MalformedXML),
        (complete(part("9" * 5000)), MalformedXML),
        (complete(part("")), MalformedXML),
        (complete(part(1, "")), MalformedXML),
        (complete("<PartNumber>1</PartNumber>"), MalformedXML),
        (complete("<ETag>e</ETag>"), MalformedXML),
        (complete(part(1) + "<Size>3</Size>"), MalformedXML),
        (complete(part(1) + "<ChecksumCRC16>x</ChecksumCRC16>"), MalformedXML),
        (b"<CompleteMultipartUpload><Nope/></CompleteMultipartUpload>", MalformedXML),
        (complete(*[part(1)] * 10_001), MalformedXML),
        (b"<Delete/>", MalformedXML),
    ],
)
def test_bad_completions_are_refused(body: bytes, error: type[S3Error]) -> None:
    with pytest.raises(S3Error) as caught:
        parse_complete_multipart(body)
    assert type(caught.value) is error


def tags(*pairs: tuple[str, str]) -> bytes:
    inner = "".join(f"<Tag><Key>{k}</Key><Value>{v}</Value></Tag>" for k, v in pairs)
    return f"<Tagging{XMLNS}><TagSet>{inner}</TagSet></Tagging>".encode()


def test_tags() -> None:
    assert parse_tagging(tags(), 10) == {}
    assert parse_tagging(tags(("a", "1"), ("b", "")), 10) == {"a": "1", "b": ""}


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", MissingRequestBodyError),
        (b"<Tagging/>", MalformedXML),
        (b"<Tagging><TagSet/><TagSet/></Tagging>", MalformedXML),
        (b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>", MalformedXML),
        (b"<Tagging><TagSet><Key>a</Key></TagSet></Tagging>", MalformedXML),
        (tags(("a", "1"), ("a", "2")), InvalidTag),
        (tags(("", "1")), InvalidTag),
        (tags(*((f"k{n}", "") for n in range(11))), InvalidTag),
    ],
)
def test_bad_tags_are_refused(body: bytes, error: type[S3Error]) -> None:
    with pytest.raises(S3Error) as caught:
        parse_tagging(body, 10)
    assert type(caught.value) is error


def versioning(inner: str) -> bytes:
    return f"<VersioningConfiguration{XMLNS}>{inner}</VersioningConfiguration>".encode()


def test_versioning() -> None:
    assert parse_versioning(versioning("<Status>Enabled</Status>")) == ("Enabled", "")
    both = "<Status>Suspended</Status><MfaDelete>Disabled</MfaDelete>"
    assert parse_versioning(versioning(both)) == ("Suspended", "Disabled")
    assert parse_versioning(versioning("")) == ("", "")


@pytest.mark.parametrize(
    "body",
    [versioning("<Status>enabled</Status>"), versioning("<MfaDelete>x</MfaDelete>"),
     versioning("<Status>Enabled</Status>" * 2), versioning("<Other/>"), b"<Versioning/>"],
)  # fmt: skip
def test_bad_versioning_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedXML):
        parse_versioning(body)


def test_versioning_needs_a_body() -> None:
    with pytest.raises(MissingRequestBodyError):
        parse_versioning(b"")


def bucket(inner: str) -> bytes:
    return f"<CreateBucketConfiguration{XMLNS}>{inner}</CreateBucketConfiguration>".encode()


def test_create_bucket() -> None:
    assert parse_create_bucket(b"") == ("", {})
    assert parse_create_bucket(bucket("")) == ("", {})
    inner = (
        "<LocationConstraint>eu-west-1</LocationConstraint>"
        "<Tags><Tag><Key>a</Key><Value>1</Value></Tag></Tags>"
    )
    assert parse_create_bucket(bucket(inner)) == ("eu-west-1", {"a": "1"})


@pytest.mark.parametrize(
    ("inner", "error"),
    [
        ("<LocationConstraint>a</LocationConstraint>" * 2, MalformedXML),
        ("<Region>a</Region>", MalformedXML),
        ("<LocationConstraint><a/></LocationConstraint>", MalformedXML),
        ("<Bucket><Type>Directory</Type></Bucket>", errors.NotImplemented),
        ("<Location><Name>usw2-az1</Name></Location>", errors.NotImplemented),
        ("<Tags><Tag><Key>aws:a</Key><Value>1</Value></Tag></Tags>", InvalidTag),
    ],
)
def test_bad_bucket_configurations_are_refused(inner: str, error: type[S3Error]) -> None:
    with pytest.raises(S3Error) as caught:
        parse_create_bucket(bucket(inner))
    assert type(caught.value) is error


@given(st.binary(max_size=60))
def test_any_bytes_are_a_document_or_malformed(noise: bytes) -> None:
    for body in (noise, b"<Delete>" + noise + b"</Delete>"):
        try:
            found = parse_document(body, "Delete")
        except MalformedXML:
            continue
        assert found.name == "Delete"
