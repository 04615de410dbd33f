"""pyarrow: Parquet files and datasets."""

import os
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import fs
from pyarrow import parquet as pq

s3 = fs.S3FileSystem(
    endpoint_override=urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc,  # 127.0.0.1:9670
    scheme="http",
    region="us-east-1",
    access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    allow_bucket_creation=True,
)
s3.create_dir("recipes-pyarrow")
table = pa.table({"n": list(range(1000))})
pq.write_table(table, "recipes-pyarrow/table.parquet", filesystem=s3)
print(pq.read_table("recipes-pyarrow/table.parquet", filesystem=s3).num_rows)
