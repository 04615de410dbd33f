"""minio-py: the endpoint is given without http://, and secure says whether it is https."""

import io
import os
from urllib.parse import urlsplit

from minio import Minio

client = Minio(
    endpoint=urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc,  # 127.0.0.1:9670
    access_key=os.environ["AWS_ACCESS_KEY_ID"],
    secret_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    secure=False,
)
client.make_bucket(bucket_name="recipes-minio")
client.put_object(
    bucket_name="recipes-minio", object_name="hello.txt", data=io.BytesIO(b"hello"), length=5
)
with client.get_object(bucket_name="recipes-minio", object_name="hello.txt") as response:
    print(response.read())
print([item.object_name for item in client.list_objects(bucket_name="recipes-minio")])
