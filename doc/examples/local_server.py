"""A server without pytest."""

import boto3

from z4tw.testing.server import LocalServer

with LocalServer() as server:
    bucket = server.make_bucket()
    s3 = boto3.client(
        "s3",
        endpoint_url=server.endpoint_url,
        region_name=server.region,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"v")
    print(s3.list_objects_v2(Bucket=bucket)["KeyCount"])
