"""Other clients, each doing what its users do with it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.processes import Key, ServerProcess

MIB = 1024 * 1024


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_aws_cli_sends_empty_files_and_others_on_one_connection(
    aws: Callable[..., str], bucket: str, tmp_path: Path
) -> None:
    """An answer in place of 100 Continue would make its next upload wait a minute for a body."""
    (tmp_path / "config").write_text("[default]\ns3 =\n  max_concurrent_requests = 1\n")
    source = tmp_path / "source"
    source.mkdir()
    for number in range(8):
        (source / str(number)).write_bytes(b"x" * 1000 * (number % 2))
    sent = aws("s3", "sync", str(source), f"s3://{bucket}")
    assert sent.count("upload: ") == 8


def test_aws_cli_synchronises_a_directory_tree(
    aws: Callable[..., str], bucket: str, tmp_path: Path
) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    for name, body in {
        "readme.txt": b"hello",
        "empty": b"",
        "sub/a b.txt": b"x" * 5000,
        "sub/deep/ö.bin": os.urandom(70_000),
        "big.bin": os.urandom(9 * MIB),
    }.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        os.utime(path, (1_700_000_000, 1_700_000_000))  # S3 tells whole seconds only
    aws("s3", "sync", str(source), f"s3://{bucket}/tree")
    listing = aws("s3", "ls", "--recursive", f"s3://{bucket}/tree")
    assert len(listing.splitlines()) == 5
    aws("s3", "sync", f"s3://{bucket}/tree", str(back))
    assert tree(back) == tree(source)
    assert aws("s3", "sync", str(source), f"s3://{bucket}/tree") == ""
    (source / "empty").unlink()
    aws("s3", "sync", "--delete", str(source), f"s3://{bucket}/tree")
    aws("s3", "mv", f"s3://{bucket}/tree/big.bin", f"s3://{bucket}/moved.bin")
    listed = json.loads(aws("s3api", "list-objects-v2", "--bucket", bucket))
    assert "moved.bin" in [item["Key"] for item in listed["Contents"]]
    aws("s3", "rm", "--recursive", f"s3://{bucket}")
    aws("s3", "rb", f"s3://{bucket}")


def test_aws_cli_puts_and_gets_a_bucket_policy(
    aws: Callable[..., str], server: ServerProcess, bucket: str, tmp_path: Path
) -> None:
    file = tmp_path / "policy.json"
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "OnlyOverTls",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{bucket}/*",
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    file.write_text(json.dumps(document, indent=2))
    named = ("--bucket", bucket)
    aws("s3api", "put-bucket-policy", *named, "--policy", f"file://{file}")
    text = json.loads(aws("s3api", "get-bucket-policy", *named))["Policy"]
    assert text == file.read_text()
    status = json.loads(aws("s3api", "get-bucket-policy-status", *named))
    assert status == {"PolicyStatus": {"IsPublic": False}}
    with pytest.raises(AssertionError, match="AccessDenied"):
        aws("s3", "cp", str(file), f"s3://{bucket}/k")
    aws("s3api", "delete-bucket-policy", *named)
    aws("s3", "cp", str(file), f"s3://{bucket}/k")
    with pytest.raises(AssertionError, match="NoSuchBucketPolicy"):
        aws("s3api", "get-bucket-policy", *named)


def test_aws_cli_streams_from_and_to_a_pipe(
    aws: Callable[..., str], bucket: str, tmp_path: Path
) -> None:
    file = tmp_path / "f"
    file.write_text("through a pipe")
    aws("s3", "cp", str(file), f"s3://{bucket}/k")
    assert aws("s3", "cp", f"s3://{bucket}/k", "-") == "through a pipe"
    assert aws("s3", "presign", f"s3://{bucket}/k").startswith("http://")


@pytest.fixture
def minio(server: ServerProcess, alice: Key) -> Any:
    from minio import Minio

    return Minio(
        endpoint=f"127.0.0.1:{server.port}",
        access_key=alice.access_key_id,
        secret_key=alice.secret_access_key,
        secure=False,
        region="us-east-1",
    )


def test_minio_client(minio: Any, bucket: str) -> None:
    from minio.commonconfig import CopySource, Tags
    from minio.deleteobjects import DeleteObject

    assert minio.bucket_exists(bucket_name=bucket)
    body = os.urandom(11 * MIB)
    minio.put_object(
        bucket_name=bucket,
        object_name="big",
        data=io.BytesIO(body),
        length=len(body),
        part_size=5 * MIB,
    )
    minio.put_object(
        bucket_name=bucket,
        object_name="unknown length",
        data=io.BytesIO(body[:9999]),
        length=-1,
        part_size=5 * MIB,
    )
    response = minio.get_object(bucket_name=bucket, object_name="big")
    assert response.read() == body
    response.close()
    assert minio.stat_object(bucket_name=bucket, object_name="big").size == len(body)
    minio.copy_object(
        bucket_name=bucket,
        object_name="copy",
        source=CopySource(bucket_name=bucket, object_name="big"),
    )
    tags = Tags.new_object_tags()
    tags["a"] = "1"
    minio.set_object_tags(bucket_name=bucket, object_name="copy", tags=tags)
    assert minio.get_object_tags(bucket_name=bucket, object_name="copy") == tags
    names = [o.object_name for o in minio.list_objects(bucket_name=bucket, recursive=True)]
    assert names == ["big", "copy", "unknown length"]
    errors = minio.remove_objects(
        bucket_name=bucket, delete_object_list=[DeleteObject(name=n) for n in names]
    )
    assert list(errors) == []
    assert list(minio.list_objects(bucket_name=bucket)) == []


def test_obstore_conditional_writes_and_listings(
    server: ServerProcess, alice: Key, bucket: str
) -> None:
    import obstore
    from obstore.exceptions import AlreadyExistsError, PreconditionError
    from obstore.store import S3Store

    store = S3Store(
        bucket,
        endpoint=server.endpoint,
        access_key_id=alice.access_key_id,
        secret_access_key=alice.secret_access_key,
        region="us-east-1",
        client_options={"allow_http": True},
    )
    first = obstore.put(store, "log/0001", b"one", mode="create")
    with pytest.raises(AlreadyExistsError):
        obstore.put(store, "log/0001", b"two", mode="create")
    obstore.put(store, "log/0001", b"three", mode={"e_tag": first["e_tag"]})
    with pytest.raises(PreconditionError):
        obstore.put(store, "log/0001", b"four", mode={"e_tag": first["e_tag"]})
    assert bytes(obstore.get(store, "log/0001").bytes()) == b"three"
    assert bytes(obstore.get_range(store, "log/0001", start=1, end=3)) == b"hr"
    body = os.urandom(12 * MIB)
    obstore.put(store, "big", io.BytesIO(body), chunk_size=5 * MIB)
    assert bytes(obstore.get(store, "big").bytes()) == body
    obstore.copy(store, "big", "big2")
    obstore.rename(store, "big2", "big3")
    found = obstore.list_with_delimiter(store)
    assert [m["path"] for m in found["objects"]] == ["big", "big3"]
    assert list(found["common_prefixes"]) == ["log"]
    obstore.delete(store, ["big", "big3", "log/0001"])
    assert obstore.list_with_delimiter(store)["objects"] == []


def test_pyarrow_datasets(server: ServerProcess, alice: Key, bucket: str) -> None:
    import pyarrow as pa
    import pyarrow.dataset as ds
    from pyarrow import fs
    from pyarrow import parquet as pq

    s3 = fs.S3FileSystem(
        access_key=alice.access_key_id,
        secret_key=alice.secret_access_key,
        endpoint_override=f"127.0.0.1:{server.port}",
        scheme="http",
        region="us-east-1",
    )
    table = pa.table({"n": list(range(100_000)), "part": [n % 3 for n in range(100_000)]})
    ds.write_dataset(
        table,
        f"{bucket}/data",
        format="parquet",
        filesystem=s3,
        partitioning=ds.partitioning(pa.schema([("part", pa.int64())]), flavor="hive"),
    )
    read = ds.dataset(f"{bucket}/data", filesystem=s3, partitioning="hive").to_table()
    assert sorted(read["n"].to_pylist()) == list(range(100_000))
    s3.create_dir(f"{bucket}/made")
    assert s3.get_file_info(f"{bucket}/made").type == fs.FileType.Directory
    with s3.open_output_stream(f"{bucket}/stream") as stream:
        for _ in range(12):
            stream.write(b"z" * MIB)
    assert s3.get_file_info(f"{bucket}/stream").size == 12 * MIB
    pq.write_table(table, f"{bucket}/one.parquet", filesystem=s3)
    assert pq.read_table(f"{bucket}/one.parquet", filesystem=s3).num_rows == 100_000
    s3.delete_dir(f"{bucket}/data")
    s3.move(f"{bucket}/one.parquet", f"{bucket}/two.parquet")
    assert s3.get_file_info(f"{bucket}/one.parquet").type == fs.FileType.NotFound
