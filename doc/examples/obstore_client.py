"""obstore (the Rust crate object_store): atomic creation and replacement."""

import os

import obstore
from obstore.exceptions import AlreadyExistsError
from obstore.store import S3Store

store = S3Store(
    "recipes-obstore",  # the bucket, which has to be there
    endpoint=os.environ["AWS_ENDPOINT_URL"],
    access_key_id=os.environ["AWS_ACCESS_KEY_ID"],
    secret_access_key=os.environ["AWS_SECRET_ACCESS_KEY"],
    region="us-east-1",
    client_options={"allow_http": True},
)
first = obstore.put(store, "log/0001", b"one", mode="create")
try:
    obstore.put(store, "log/0001", b"two", mode="create")
except AlreadyExistsError:
    print("only one of them can create it")
obstore.put(store, "log/0001", b"three", mode={"e_tag": first["e_tag"]})
print(bytes(obstore.get(store, "log/0001").bytes()))
