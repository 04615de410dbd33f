"""Writes ``doc/s3_operations.inc``: what a real server answers to every operation of S3.

    python tools/s3_support.py

It starts a server in a temporary folder and calls each operation of botocore's model once, with
the least parameters that are valid. Needs boto3.
"""

from __future__ import annotations

import secrets
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from z4tw.s3.operations import OPERATIONS, Operation
from z4tw.testing.server import LocalServer

TARGET = Path(__file__).parents[1] / "doc" / "s3_operations.inc"
HEAD = """.. Made by tools/s3_support.py from what a server answered.

.. list-table::
   :header-rows: 1
   :widths: 40 40 20

   * - Operation
     - Request
     - Answer
"""
POLICY = (
    '{"Statement": {"Effect": "Deny", "Principal": {"AWS": "000000000001"},'
    ' "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::bucket"}}'
)
PATHS = {"service": "/", "bucket": "/BUCKET", "object": "/BUCKET/KEY"}


def least(shape: Any, name: str = "") -> Any:
    """A value of a botocore shape with its required members only."""
    kind = shape.type_name
    if kind == "structure":
        members = shape.required_members or (list(shape.members)[:1] if is_union(shape) else [])
        return {member: least(shape.members[member], member) for member in members}
    if kind == "list":
        return [least(shape.member)]
    if kind == "map":
        return {}
    if kind == "string":
        named = {"Bucket": "bucket", "Key": "key", "CopySource": "bucket/key"}
        return shape.enum[0] if shape.enum else named.get(name, "x")
    values = {"integer": 1, "long": 1, "float": 1.0, "boolean": True, "blob": b"x"}
    return values.get(kind, "2030-01-01T00:00:00Z")


def is_union(shape: Any) -> bool:
    """Whether exactly one member must be given."""
    return bool(getattr(shape, "is_tagged_union", False))


class Calls:
    """One server, something in it, and a call of each operation."""

    def __init__(self, server: LocalServer) -> None:
        self._server = server
        self._s3 = boto3.client(
            "s3",
            endpoint_url=server.endpoint_url,
            aws_access_key_id=server.access_key_id,
            aws_secret_access_key=server.secret_access_key,
            region_name=server.region,
            config=Config(
                inject_host_prefix=False,
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                signature_version="s3v4",
            ),
        )
        self._parameters = self._prepare()

    def _prepare(self) -> dict[str, dict[str, Any]]:
        """Make what the supported operations need; parameters for those that cannot be guessed."""
        s3 = self._s3
        s3.create_bucket(Bucket="bucket")
        s3.create_bucket(Bucket="doomed")
        for key in ("key", "doomed"):
            s3.put_object(Bucket="bucket", Key=key, Body=b"x")
        tags = {"TagSet": [{"Key": "k", "Value": "v"}]}
        s3.put_bucket_tagging(Bucket="bucket", Tagging=tags)
        s3.put_bucket_policy(Bucket="bucket", Policy=POLICY)
        s3.put_public_access_block(Bucket="bucket", PublicAccessBlockConfiguration={})
        rule = {"Prefix": "", "Status": "Enabled", "Expiration": {"Days": 9}}
        rules = {"LifecycleConfiguration": {"Rules": [rule]}}
        s3.put_bucket_lifecycle_configuration(Bucket="bucket", **rules)
        cors = {"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"]}]}
        s3.put_bucket_cors(Bucket="bucket", CORSConfiguration=cors)
        s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
        s3.put_object(Bucket="locked", Key="key", Body=b"x")
        mode = {"Mode": "GOVERNANCE", "RetainUntilDate": "2099-01-01T00:00:00Z"}
        retention = {"Bucket": "locked", "Key": "key", "Retention": mode}
        s3.put_object_retention(**retention)
        hold = {"Bucket": "locked", "Key": "key", "LegalHold": {"Status": "ON"}}
        s3.put_object_legal_hold(**hold)
        s3.put_object(Bucket="bucket", Key="old", Body=b"x")
        website = {"IndexDocument": {"Suffix": "index.html"}}
        s3.put_bucket_website(Bucket="bucket", WebsiteConfiguration=website)
        s3.put_object_annotation(
            Bucket="bucket", Key="key", AnnotationName="read", AnnotationPayload=b"x"
        )
        uploads = [
            {"Bucket": "bucket", "Key": key, "UploadId": made["UploadId"]}
            for key in ("open", "ended", "completed")
            for made in [s3.create_multipart_upload(Bucket="bucket", Key=key)]
        ]
        opened, ended, completed = uploads
        etag = s3.upload_part(**completed, PartNumber=1, Body=b"x")["ETag"]
        part = {"PartNumber": 1}
        default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        encryption = {"ServerSideEncryptionConfiguration": {"Rules": [default]}}
        arn = f"arn:aws:kms:{self._server.region}:000000000000:key/aws/s3"
        another_key = {"ObjectEncryption": {"SSEKMS": {"KMSKeyArn": arn}}}
        versioning = {"VersioningConfiguration": {"Status": "Enabled"}}
        parts = {"MultipartUpload": {"Parts": [{"ETag": etag, **part}]}}
        return {
            "AbortMultipartUpload": ended,
            "CompleteMultipartUpload": {**completed, **parts},
            "CopyObject": {"Bucket": "bucket", "Key": "copy", "CopySource": "bucket/key"},
            "CreateBucket": {"Bucket": "another"},
            "DeleteBucket": {"Bucket": "doomed"},
            # Not of "bucket": its settings are read after this, by the order of the names.
            "DeleteBucketOwnershipControls": {"Bucket": "another"},
            "DeleteBucketPolicy": {"Bucket": "another"},
            "DeleteBucketLifecycle": {"Bucket": "another"},
            "DeleteBucketTagging": {"Bucket": "another"},
            "DeletePublicAccessBlock": {"Bucket": "another"},
            "DeleteObject": {"Bucket": "bucket", "Key": "doomed"},
            "DeleteObjects": {"Bucket": "bucket", "Delete": {"Objects": [{"Key": "absent"}]}},
            "GetObjectAnnotation": {"Bucket": "bucket", "Key": "key", "AnnotationName": "read"},
            "GetObjectLegalHold": {"Bucket": "locked", "Key": "key"},
            "GetObjectLockConfiguration": {"Bucket": "locked"},
            "GetObjectRetention": {"Bucket": "locked", "Key": "key"},
            "ListParts": opened,
            "PutBucketAcl": {"Bucket": "bucket", "ACL": "private"},
            "PutBucketPolicy": {"Bucket": "bucket", "Policy": POLICY},
            "PutBucketLifecycle": {"Bucket": "another", **rules},
            "PutBucketLifecycleConfiguration": {"Bucket": "another", **rules},
            # Not of "bucket": what it has is read after this, by the order of the names.
            "DeleteBucketCors": {"Bucket": "another"},
            "DeleteBucketWebsite": {"Bucket": "another"},
            "PutBucketCors": {"Bucket": "another", "CORSConfiguration": cors},
            "PutBucketWebsite": {"Bucket": "another", "WebsiteConfiguration": website},
            "PutBucketEncryption": {"Bucket": "another", **encryption},
            "PutObjectLegalHold": hold,
            "PutObjectLockConfiguration": {
                "Bucket": "locked",
                "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled"},
            },
            "PutObjectRetention": retention,
            "RenameObject": {"Bucket": "bucket", "Key": "renamed", "RenameSource": "old"},
            "PutBucketVersioning": {"Bucket": "another", **versioning},
            "PutObjectAcl": {"Bucket": "bucket", "Key": "key", "ACL": "private"},
            "UpdateObjectEncryption": {"Bucket": "bucket", "Key": "key", **another_key},
            "UploadPart": {**opened, **part},
            "UploadPartCopy": {**opened, **part, "CopySource": "bucket/key"},
        }

    def answer(self, name: str) -> str:
        """Status, and code of an error, of one operation."""
        if name == "PostObject":
            return self._post()
        model = self._s3.meta.service_model.operation_model(name)
        parameters = self._parameters.get(name)
        if parameters is None:
            parameters = least(model.input_shape) if model.input_shape else {}
        try:
            response = getattr(self._s3, xform_name(name))(**parameters)
        except ClientError as error:
            response = error.response
            status = response["ResponseMetadata"]["HTTPStatusCode"]
            return f"{status} {response['Error']['Code']}"
        return str(response["ResponseMetadata"]["HTTPStatusCode"])

    def _post(self) -> str:
        """The browser form upload, which is not in botocore's model."""
        made = self._s3.generate_presigned_post("bucket", "posted")
        fields = {**made["fields"], "file": "x"}
        form = "".join(
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in fields.items()
        )
        request = urllib.request.Request(
            made["url"],
            data=f"{form}--b--\r\n".encode(),
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return str(response.status)
        except urllib.error.HTTPError as error:
            code = error.read().decode().partition("<Code>")[2].partition("<")[0]
            return f"{error.code} {code}"


def request_line(operation: Operation) -> str:
    """The request of an operation, as people write it."""
    query = [operation.marker] if operation.marker else []
    query += [name for name in operation.required if name != operation.marker]
    return f"{operation.method} {PATHS[operation.level]}" + ("?" if query else "") + "&".join(query)


def page() -> str:
    """The whole table."""
    with tempfile.NamedTemporaryFile("w") as master:
        master.write(secrets.token_hex(32))
        master.flush()
        rows = answered(master.name)
    return HEAD + "".join(rows)


def answered(key_file: str) -> list[str]:
    """The rows of a server that has keys."""
    rows = []
    with LocalServer(("--encryption-key-file", key_file)) as server:
        calls = Calls(server)
        for name in sorted(OPERATIONS):
            answer = calls.answer(name)
            shown = f"**{answer}**" if answer[0] in "23" else answer
            line = request_line(OPERATIONS[name])
            rows.append(f"   * - {name}\n     - ``{line}``\n     - {shown}\n")
    return rows


if __name__ == "__main__":
    TARGET.write_text(page(), "utf-8")
