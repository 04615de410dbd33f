"""Bucket aliases with boto3, by path and by virtual host."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conformance.raw import Request, Wire
from tests.conformance.test_boto3_objects import code_of
from tests.conformance.world import Client
from tests.processes import Key, ServerProcess, z4_json


def test_a_bucket_answers_by_its_alias(
    server: ServerProcess, alice: Key, s3: Any, bucket: str
) -> None:
    alias = f"{bucket}-alias"
    z4_json(server.data, "bucket", "alias", "add", bucket, alias)
    s3.put_object(Bucket=alias, Key="k", Body=b"one", ACL="public-read")
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"one"
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": alias, "Key": "k"})
    upload = s3.create_multipart_upload(Bucket=alias, Key="parts")["UploadId"]
    place = {"Bucket": alias, "Key": "parts", "UploadId": upload}
    etag = s3.upload_part(**place, PartNumber=1, Body=b"part")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(**place, MultipartUpload=parts)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=alias)["Contents"]]
    assert keys == ["copy", "k", "parts"]
    names = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert bucket in names
    assert alias not in names
    with Wire(server.port) as wire:
        request = Request("GET", "/k", "", {"Host": f"{alias}.s3.local"}, b"")
        assert wire.ask(request).body == b"one"
    assert Client(server.port, alice).ask("GET", f"/{alias}").field("Name") == bucket
    with pytest.raises(ClientError) as error:
        s3.create_bucket(Bucket=alias)
    assert code_of(error) == ("BucketAlreadyExists", 409)
    listed = z4_json(server.data, "bucket", "alias", "list", bucket)
    assert listed == [{"alias": alias, "bucket": bucket}]
    z4_json(server.data, "bucket", "alias", "remove", alias)
    with pytest.raises(ClientError) as error:
        s3.list_objects_v2(Bucket=alias)
    assert code_of(error) == ("NoSuchBucket", 404)
