"""Names of buckets, keys and versions."""

from __future__ import annotations

import pytest

from z4tw.errors import InvalidArgument, InvalidBucketName, InvalidURI, KeyTooLongError
from z4tw.model.stamps import version_id_of
from z4tw.s3.names import check_bucket_name, check_key, check_version_id


@pytest.mark.parametrize(
    "name", ["abc", "a" * 63, "my-bucket", "my.bucket.1", "1.2.3", "1.2.3.4.5", "0-0", "minio"]
)
def test_good_bucket_names_pass(name: str) -> None:
    check_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 64,
        "Bucket",
        "buc_ket",
        "-bucket",
        "bucket-",
        ".bucket",
        "bucket.",
        "a..b",
        "a.-b",
        "a-.b",
        "192.168.5.4",
        "xn--bucket",
        "sthree-bucket",
        "amzn-s3-demo-bucket",
        "bucket-s3alias",
        "bucket--ol-s3",
        "bucket--x-s3",
        "bucket--table-s3",
        "bucket.mrap",
        "bücket",
        "bucket\n",
        "..",
        "a/b/c",
        "_z4meta",
    ],
)
def test_bad_bucket_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidBucketName) as caught:
        check_bucket_name(name)
    assert caught.value.details == {"BucketName": name}


@pytest.mark.parametrize("key", ["a", "/", "..", "a//b", "k" * 1024, "é" * 512, "\U0001f600" * 256])
def test_keys_of_up_to_1024_bytes_pass(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize("key", ["k" * 1025, "é" * 513, "\U0001f600" * 257, "a" * 1023 + "é"])
def test_longer_keys_are_refused_with_their_size(key: str) -> None:
    with pytest.raises(KeyTooLongError) as caught:
        check_key(key)
    assert caught.value.details == {
        "Size": str(len(key.encode())),
        "MaxSizeAllowed": "1024",
    }


@pytest.mark.parametrize("key", ["", "\ud800"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(InvalidURI):
        check_key(key)


def test_version_ids() -> None:
    check_version_id("null")
    check_version_id(version_id_of(bytes(range(20))))
    for text in ("", "nul", "v" * 31, "V" * 32, "z" * 32, "../../etc"):
        with pytest.raises(InvalidArgument) as caught:
            check_version_id(text)
        assert caught.value.details["ArgumentName"] == "versionId"
