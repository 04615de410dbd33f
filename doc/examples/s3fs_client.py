"""s3fs (fsspec), as pandas, Dask and others use it."""

import os

import s3fs

files = s3fs.S3FileSystem(
    endpoint_url=os.environ["AWS_ENDPOINT_URL"],
    key=os.environ["AWS_ACCESS_KEY_ID"],
    secret=os.environ["AWS_SECRET_ACCESS_KEY"],
)
files.mkdir("recipes-s3fs")
with files.open("recipes-s3fs/hello.txt", "w") as file:
    file.write("hello")
print(files.cat("recipes-s3fs/hello.txt"), files.ls("recipes-s3fs"))
