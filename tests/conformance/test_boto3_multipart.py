"""boto3: multipart uploads, transfers, presigned URLs."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import urllib.error
import urllib.request
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.conformance.test_boto3_objects import NEW_CHECKSUMS, code_of

MIB = 1024 * 1024
DATA = os.urandom(12 * MIB)
PARTS = [DATA[: 5 * MIB], DATA[5 * MIB : 11 * MIB], DATA[11 * MIB :]]


def upload_parts(s3: Any, bucket: str, key: str, **create: Any) -> tuple[str, list[Any]]:
    upload = s3.create_multipart_upload(Bucket=bucket, Key=key, **create)["UploadId"]
    parts = []
    for number, body in enumerate(PARTS, 1):
        answer = s3.upload_part(
            Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body
        )
        part = {"PartNumber": number, "ETag": answer["ETag"]}
        part |= {k: v for k, v in answer.items() if k.startswith("Checksum")}
        parts.append(part)
    return upload, parts


def test_an_upload_in_parts(s3: Any, bucket: str) -> None:
    upload, parts = upload_parts(s3, bucket, "k", Metadata={"a": "1"}, ContentType="text/a")
    assert [u["UploadId"] for u in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [upload]
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)
    assert [(p["PartNumber"], p["Size"]) for p in listed["Parts"]] == [
        (n, len(body)) for n, body in enumerate(PARTS, 1)
    ]
    done = s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    digests = b"".join(hashlib.md5(body).digest() for body in PARTS)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == DATA
    assert (got["Metadata"], got["ContentType"]) == ({"a": "1"}, "text/a")
    across = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={5 * MIB - 7}-{11 * MIB + 3}")
    assert across["Body"].read() == DATA[5 * MIB - 7 : 11 * MIB + 4]
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert second["Body"].read() == PARTS[1]
    assert second["PartsCount"] == 3
    again = s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert again["ETag"] == done["ETag"]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ObjectParts", "ObjectSize"]
    )
    assert attributes["ObjectParts"]["TotalPartsCount"] == 3


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("CRC32", "COMPOSITE"),
        ("CRC32", "FULL_OBJECT"),
        ("CRC32C", "FULL_OBJECT"),
        ("CRC64NVME", "FULL_OBJECT"),
        ("SHA1", "COMPOSITE"),
        ("SHA256", "COMPOSITE"),
    ],
)
def test_checksums_of_uploads(s3: Any, bucket: str, algorithm: str, kind: str) -> None:
    upload = s3.create_multipart_upload(
        Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType=kind
    )["UploadId"]
    parts = []
    for number, body in enumerate(PARTS, 1):
        answer = s3.upload_part(
            Bucket=bucket,
            Key="k",
            UploadId=upload,
            PartNumber=number,
            Body=body,
            ChecksumAlgorithm=algorithm,
        )
        parts.append(
            {
                "PartNumber": number,
                "ETag": answer["ETag"],
                f"Checksum{algorithm}": answer[f"Checksum{algorithm}"],
            }
        )
    done = s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}, ChecksumType=kind
    )
    value = done[f"Checksum{algorithm}"]
    assert done["ChecksumType"] == kind
    assert value.endswith("-3") == (kind == "COMPOSITE")
    if kind == "FULL_OBJECT":
        whole = s3.put_object(Bucket=bucket, Key="w", Body=DATA, ChecksumAlgorithm=algorithm)
        assert whole[f"Checksum{algorithm}"] == value
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[f"Checksum{algorithm}"] == value


@pytest.mark.parametrize("algorithm", sorted(NEW_CHECKSUMS))
def test_checksums_of_uploads_that_the_client_has_computed(
    s3: Any, bucket: str, algorithm: str
) -> None:
    name, new = f"Checksum{algorithm}", NEW_CHECKSUMS[algorithm]
    created = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm)
    assert (created["ChecksumAlgorithm"], created["ChecksumType"]) == (algorithm, "COMPOSITE")
    upload = created["UploadId"]
    parts = []
    for number, body in enumerate(PARTS, 1):
        value = base64.b64encode(new(body).digest()).decode()
        sent = s3.upload_part(
            Bucket=bucket, Key="k", UploadId=upload, PartNumber=number, Body=body, **{name: value}
        )
        assert sent[name] == value
        parts.append({"PartNumber": number, "ETag": sent["ETag"], name: value})
    listed = s3.list_parts(Bucket=bucket, Key="k", UploadId=upload)["Parts"]
    assert [part[name] for part in listed] == [part[name] for part in parts]
    done = s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    whole = base64.b64encode(new(b"".join(new(body).digest() for body in PARTS)).digest())
    assert (done[name], done["ChecksumType"]) == (f"{whole.decode()}-3", "COMPOSITE")
    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectParts"]
    )
    assert attributes["Checksum"][name] == whole.decode()
    assert [part[name] for part in attributes["ObjectParts"]["Parts"]] == [
        part[name] for part in parts
    ]
    with pytest.raises(ClientError) as error:
        s3.create_multipart_upload(
            Bucket=bucket, Key="k", ChecksumAlgorithm=algorithm, ChecksumType="FULL_OBJECT"
        )
    assert code_of(error) == ("InvalidRequest", 400)


def test_an_abort_forgets_the_parts(s3: Any, bucket: str) -> None:
    upload, parts = upload_parts(s3, bucket, "k")
    s3.abort_multipart_upload(Bucket=bucket, Key="k", UploadId=upload)
    for call in (
        lambda: s3.list_parts(Bucket=bucket, Key="k", UploadId=upload),
        lambda: s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x"),
        lambda: s3.complete_multipart_upload(
            Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
        ),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert code_of(error) == ("NoSuchUpload", 404)


def test_completions_that_break_a_rule(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    etags = [
        s3.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=n, Body=b"small")["ETag"]
        for n in (1, 2)
    ]

    def complete(*parts: tuple[int, str]) -> str:
        with pytest.raises(ClientError) as error:
            s3.complete_multipart_upload(
                Bucket=bucket,
                Key="k",
                UploadId=upload,
                MultipartUpload={"Parts": [{"PartNumber": n, "ETag": e} for n, e in parts]},
            )
        return code_of(error)[0]

    assert complete((1, etags[0]), (2, etags[1])) == "EntityTooSmall"
    assert complete((2, etags[1]), (1, etags[0])) == "InvalidPartOrder"
    assert complete((1, '"' + "0" * 32 + '"')) == "InvalidPart"
    assert complete((7, etags[0])) == "InvalidPart"
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    s3.complete_multipart_upload(
        Bucket=bucket,
        Key="k",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 2, "ETag": etags[1]}]},
    )
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"small"


def test_a_conditional_completion(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"first")
    upload, parts = upload_parts(s3, bucket, "k")
    with pytest.raises(ClientError) as error:
        s3.complete_multipart_upload(
            Bucket=bucket,
            Key="k",
            UploadId=upload,
            IfNoneMatch="*",
            MultipartUpload={"Parts": parts},
        )
    assert code_of(error) == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"


def test_parts_copied_from_objects(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=DATA)
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    parts = []
    for number, (start, stop) in enumerate([(0, 5 * MIB), (5 * MIB, 12 * MIB)], 1):
        answer = s3.upload_part_copy(
            Bucket=bucket,
            Key="k",
            UploadId=upload,
            PartNumber=number,
            CopySource=f"{bucket}/source",
            CopySourceRange=f"bytes={start}-{stop - 1}",
        )
        parts.append({"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    s3.delete_object(Bucket=bucket, Key="source")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == DATA
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k")
    s3.delete_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == DATA


def test_uploads_are_listed_by_key_with_prefixes(s3: Any, bucket: str) -> None:
    for key in ("a/1", "a/2", "b", "b"):
        s3.create_multipart_upload(Bucket=bucket, Key=key)
    listed = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [u["Key"] for u in listed["Uploads"]] == ["b", "b"]
    assert [p["Prefix"] for p in listed["CommonPrefixes"]] == ["a/"]
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 1}
    )
    assert [u["Key"] for page in pages for u in page.get("Uploads", [])] == ["a/1", "a/2", "b", "b"]
    s3.list_multipart_uploads(Bucket=bucket, Prefix="a/")


def test_transfers_use_many_parts_at_once(s3: Any, bucket: str) -> None:
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_fileobj(io.BytesIO(DATA), bucket, "k", Config=config)
    target = io.BytesIO()
    s3.download_fileobj(bucket, "k", target, Config=config)
    assert target.getvalue() == DATA
    assert s3.head_object(Bucket=bucket, Key="k")["ETag"].endswith('-3"')


def fetch(url: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data=body, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_presigned_urls(s3: Any, bucket: str) -> None:
    where = {"Bucket": bucket, "Key": "p/ö &+"}
    assert fetch(s3.generate_presigned_url("put_object", Params=where), "PUT", b"signed")[0] == 200
    get = s3.generate_presigned_url("get_object", Params=where)
    assert fetch(get) == (200, b"signed")
    assert fetch(get, "DELETE")[0] == 403
    assert fetch(get + "0")[0] == 403
    assert fetch(get.replace("p/", "q/"))[0] == 403
    assert b"InvalidAccessKeyId" in fetch(get.replace("Credential=", "Credential=NO"))[1]


def test_an_anonymous_request_is_denied(s3: Any, server: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    for path in ("", bucket, f"{bucket}/k", "no-such-bucket/k"):
        status, answer = fetch(f"{server.endpoint}/{path}")
        assert status == 403
        assert b"<Code>AccessDenied</Code>" in answer
