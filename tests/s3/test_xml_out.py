"""Response documents, read back with botocore's parser."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.s3.documents import read_document
from z4tw.errors import NoSuchKey, S3Error, SignatureDoesNotMatch
from z4tw.model.objects import EMPTY_BODY, Checksum, ManifestPart, Version
from z4tw.model.stamps import pack_stamp
from z4tw.s3 import xml_out
from z4tw.s3.xml_out import Deleted, DeleteFailure, PartsPage

SHA = Checksum("SHA256", "COMPOSITE", "c3Vt-2")
MS = 1445412480_123
STAMP = pack_stamp(MS << 16, bytes(8), 1)


def test_an_error_says_what_happened_where_and_in_which_request() -> None:
    document = xml_out.error_document(NoSuchKey(Key="a<b"), "/bucket/a<b", "1234", "host")
    root = ElementTree.fromstring(document)
    assert root.tag == "Error"
    assert [(child.tag, child.text) for child in root] == [
        ("Code", "NoSuchKey"),
        ("Message", "The specified key does not exist."),
        ("Key", "a<b"),
        ("Resource", "/bucket/a<b"),
        ("RequestId", "1234"),
        ("HostId", "host"),
    ]


@given(st.text(max_size=20))
def test_no_error_detail_breaks_the_document(text: str) -> None:
    error: S3Error = SignatureDoesNotMatch(text, CanonicalRequest=text)
    document = xml_out.error_document(error, text, "1234", "host")
    assert document.startswith(b"<?xml")
    assert document.endswith(b"</Error>")
    assert document.count(b"<") == 15
    assert document.count(b">") == 15
    assert ElementTree.fromstring(document).findtext("Code") == "SignatureDoesNotMatch"


def test_location() -> None:
    assert read_document("GetBucketLocation", xml_out.location("eu-west-1")) is not None
    root = ElementTree.fromstring(xml_out.location("eu-west-1"))
    assert (root.tag, root.text) == (
        "{http://s3.amazonaws.com/doc/2006-03-01/}LocationConstraint",
        "eu-west-1",
    )
    assert ElementTree.fromstring(xml_out.location("")).text is None


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_versioning(status: str) -> None:
    document = xml_out.versioning(status)
    assert read_document("GetBucketVersioning", document) == {"Status": status}


def test_a_bucket_that_never_had_versioning_has_no_status() -> None:
    assert read_document("GetBucketVersioning", xml_out.versioning("")) == {}


def test_tagging() -> None:
    tags = {"a&b": "c<d", "e": ""}
    found = read_document("GetObjectTagging", xml_out.tagging(tags))
    assert {tag["Key"]: tag["Value"] for tag in found["TagSet"]} == tags
    assert read_document("GetBucketTagging", xml_out.tagging({})) == {"TagSet": []}


def test_multipart_results() -> None:
    found = read_document("CreateMultipartUpload", xml_out.initiate_upload("b", "k&", "id"))
    assert found == {"Bucket": "b", "Key": "k&", "UploadId": "id"}
    document = xml_out.complete_upload("http://h/b/k?a&b", "b", "k&", "e-2", SHA)
    assert read_document("CompleteMultipartUpload", document) == {
        "Location": "http://h/b/k?a&b",
        "Bucket": "b",
        "Key": "k&",
        "ETag": '"e-2"',
        "ChecksumSHA256": "c3Vt-2",
        "ChecksumType": "COMPOSITE",
    }


def test_a_completed_upload_without_checksums_shows_none() -> None:
    document = xml_out.complete_upload("http://h/b/k", "b", "k", "e-1")
    found = read_document("CompleteMultipartUpload", document)
    assert not [name for name in found if name.startswith("Checksum")]


def test_copy_results() -> None:
    found = read_document("CopyObject", xml_out.copy_result("e", MS, SHA))["CopyObjectResult"]
    assert (found["ETag"], found["ChecksumSHA256"]) == ('"e"', "c3Vt-2")
    assert found["LastModified"].isoformat() == "2015-10-21T07:28:00+00:00"
    document = xml_out.copy_part_result("e", MS, "CRC32", "AAAAAA==")
    found = read_document("UploadPartCopy", document)["CopyPartResult"]
    assert (found["ETag"], found["ChecksumCRC32"]) == ('"e"', "AAAAAA==")
    found = read_document("UploadPartCopy", xml_out.copy_part_result("e", MS))["CopyPartResult"]
    assert set(found) == {"ETag", "LastModified"}


def test_delete_result() -> None:
    document = xml_out.delete_result(
        [Deleted("a&"), Deleted("b", "v1"), Deleted("c", "", True, "m1"), Deleted("d", "m", True)],
        [DeleteFailure("e<", "v2", "AccessDenied", "no & no")],
    )
    assert read_document("DeleteObjects", document) == {
        "Deleted": [
            {"Key": "a&"},
            {"Key": "b", "VersionId": "v1"},
            {"Key": "c", "DeleteMarker": True, "DeleteMarkerVersionId": "m1"},
            {"Key": "d", "VersionId": "m", "DeleteMarker": True},
        ],
        "Errors": [{"Key": "e<", "VersionId": "v2", "Code": "AccessDenied", "Message": "no & no"}],
    }


ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


def test_object_attributes() -> None:
    version = Version(STAMP, True, 12, "e-2", EMPTY_BODY, "o", checksum=SHA, parts=2)
    parts = [ManifestPart(n, 6, "e", EMPTY_BODY, "cGFydA==") for n in (1, 2)]
    page = PartsPage(2, parts, 0, 1000, False, "SHA256")
    found = read_document(
        "GetObjectAttributes", xml_out.object_attributes(version, ATTRIBUTES, page)
    )
    assert found == {
        "ETag": "e-2",
        "Checksum": {"ChecksumSHA256": "c3Vt-2", "ChecksumType": "COMPOSITE"},
        "ObjectParts": {
            "TotalPartsCount": 2,
            "PartNumberMarker": 0,
            "NextPartNumberMarker": 2,
            "MaxParts": 1000,
            "IsTruncated": False,
            "Parts": [{"PartNumber": n, "Size": 6, "ChecksumSHA256": "cGFydA=="} for n in (1, 2)],
        },
        "StorageClass": "STANDARD",
        "ObjectSize": 12,
    }


def test_only_wanted_attributes_are_told() -> None:
    version = Version(STAMP, True, 12, "e", EMPTY_BODY, "o")
    for name in ATTRIBUTES:
        found = read_document("GetObjectAttributes", xml_out.object_attributes(version, [name]))
        assert set(found) <= {name}


def test_parts_without_checksums_are_only_counted() -> None:
    version = Version(STAMP, True, 12, "e-2", EMPTY_BODY, "o", parts=2)
    parts = [ManifestPart(n, 6, "e", EMPTY_BODY) for n in (1, 2)]
    document = xml_out.object_attributes(
        version, ["ObjectParts"], PartsPage(2, parts, 0, 1000, False, "")
    )
    found = read_document("GetObjectAttributes", document)["ObjectParts"]
    assert found["TotalPartsCount"] == 2
    assert "Parts" not in found
