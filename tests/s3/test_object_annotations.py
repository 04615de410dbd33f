"""Names of annotations, the directive of copies, and the documents."""

from __future__ import annotations

import pytest

from z4tw.errors import InvalidArgument, InvalidPrefix, S3Error
from z4tw.model.annotations import (
    Annotation,
    annotation_register,
    split_annotation_key,
)
from z4tw.model.objects import Body, BodyKind, Checksum
from z4tw.model.stamps import pack_stamp
from z4tw.s3.object_annotations import (
    check_annotation_name,
    check_annotation_prefix,
    copies_annotations,
    list_annotations,
    put_annotation_result,
)

STAMP = pack_stamp(1_760_000_000_123 << 16, b"node-001", 1)


@pytest.mark.parametrize("name", ["a", "9", "a.b-c_d", "ü", "日本", "e\u0301", "x" * 512, "asw"])
def test_good_names(name: str) -> None:
    check_annotation_name(name)
    check_annotation_prefix(name)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "InvalidAnnotationName"),
        ("aws", "InvalidAnnotationName"),
        ("Aws-a", "InvalidAnnotationName"),
        ("S3x", "InvalidAnnotationName"),
        ("a b", "InvalidAnnotationName"),
        ("a/b", "InvalidAnnotationName"),
        ("a<", "InvalidAnnotationName"),
        ("a\n", "InvalidAnnotationName"),
        ("\ud800", "InvalidAnnotationName"),
        ("ü" * 257, "AnnotationNameTooLong"),
    ],
)
def test_bad_names(name: str, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        check_annotation_name(name)
    assert caught.value.code == code


def test_prefixes() -> None:
    check_annotation_prefix("")
    check_annotation_prefix("aws")
    for prefix in ("a b", "x" * 513, "<"):
        with pytest.raises(InvalidPrefix):
            check_annotation_prefix(prefix)


def test_a_copy_takes_annotations_unless_told_otherwise() -> None:
    name = "x-amz-object-annotation-directive"
    assert copies_annotations({})
    assert copies_annotations({name: "COPY"})
    assert not copies_annotations({name: "EXCLUDE"})
    with pytest.raises(InvalidArgument):
        copies_annotations({name: "exclude"})


def test_the_register_of_an_annotation_can_be_split_again() -> None:
    for key in (b"k", b"a\x00b", "ü".encode()):
        register = annotation_register(7, key, STAMP, "näme")
        assert split_annotation_key(register.key) == (key, STAMP, "näme".encode())


def test_documents() -> None:
    assert b"<Key>a&amp;b</Key><AnnotationName>n</AnnotationName>" in put_annotation_result(
        "a&b", "n"
    )
    body = Body(BodyKind.FILE, bytes(16), 5)
    checksum = Checksum("SHA1", "FULL_OBJECT", "x")
    rows = [Annotation(STAMP, "a", "e1", body, checksum), Annotation(STAMP, "b", "e2", body)]
    text = list_annotations(
        "bucket", "k<", rows, prefix="p", limit=2, token="t", next_token="n"
    ).decode()
    assert (
        "<AnnotationEntry><AnnotationName>a</AnnotationName>"
        "<LastModified>2025-10-09T08:53:20.000Z</LastModified><ETag>&quot;e1&quot;</ETag>"
        "<ChecksumAlgorithm>SHA1</ChecksumAlgorithm><Size>5</Size></AnnotationEntry>"
    ) in text
    assert "<Key>k&lt;</Key><AnnotationPrefix>p</AnnotationPrefix>" in text
    assert "<MaxAnnotationResults>2</MaxAnnotationResults><AnnotationCount>2</Annot" in text
    assert "<ContinuationToken>t</ContinuationToken><NextContinuationToken>n</Next" in text
    bare = list_annotations("b", "k", [], prefix="", limit=1, token="", next_token="")
    assert b"Token" not in bare
