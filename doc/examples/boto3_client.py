"""boto3: put, get, list, presign, write only if absent."""

import os
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["AWS_ENDPOINT_URL"],
    region_name="us-east-1",
    config=Config(signature_version="s3v4"),
)
s3.create_bucket(Bucket="recipes-boto3")
s3.put_object(Bucket="recipes-boto3", Key="hello.txt", Body=b"hello")
print(s3.get_object(Bucket="recipes-boto3", Key="hello.txt")["Body"].read())

for page in s3.get_paginator("list_objects_v2").paginate(Bucket="recipes-boto3"):
    print([item["Key"] for item in page["Contents"]])

url = s3.generate_presigned_url(
    "get_object", Params={"Bucket": "recipes-boto3", "Key": "hello.txt"}, ExpiresIn=600
)
print(urllib.request.urlopen(url).read())

try:
    s3.put_object(Bucket="recipes-boto3", Key="hello.txt", Body=b"other", IfNoneMatch="*")
except ClientError as error:
    print(error.response["Error"]["Code"])  # PreconditionFailed
