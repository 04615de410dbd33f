"""AWS's published examples of Signature Version 4 for S3, as data.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

from typing import NamedTuple

from z4tw.interfaces.http import RequestHead

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
REGION = "us-east-1"
NOW = 1369353600.0  # 20130524T000000Z
SCOPE = "20130524/us-east-1/s3/aws4_request"
HOST = "examplebucket.s3.amazonaws.com"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class Example(NamedTuple):
    """One example: the request without its Authorization header, and the signature."""

    name: str
    method: str
    target: bytes
    headers: dict[str, str]
    signature: str

    def head(self, signature: str = "", now: float = NOW) -> RequestHead:
        """The request as it arrives, signed."""
        names = ";".join(sorted(self.headers))
        authorization = (
            f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{SCOPE},SignedHeaders={names},"
            f"Signature={signature or self.signature}"
        )
        headers = {**self.headers, "authorization": authorization, "user-agent": "not signed"}
        return make_head(self.method, self.target, headers, now)


def make_head(
    method: str,
    target: bytes,
    headers: dict[str, str],
    now: float = NOW,
    content_length: int | None = 0,
    chunked: bool = False,
) -> RequestHead:
    """A request's head."""
    return RequestHead(
        method, target, headers, content_length, chunked, "192.0.2.1", False, now, "0" * 16
    )


GET_OBJECT = Example(
    "get object with a range",
    "GET",
    b"/test.txt",
    {
        "host": HOST,
        "range": "bytes=0-9",
        "x-amz-content-sha256": EMPTY,
        "x-amz-date": "20130524T000000Z",
    },
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
)
PUT_OBJECT = Example(
    "put object with a key to be encoded",
    "PUT",
    b"/test$file.text",
    {
        "host": HOST,
        "date": "Fri, 24 May 2013 00:00:00 GMT",
        "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    },
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
)
GET_LIFECYCLE = Example(
    "get bucket lifecycle",
    "GET",
    b"/?lifecycle",
    {"host": HOST, "x-amz-content-sha256": EMPTY, "x-amz-date": "20130524T000000Z"},
    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
)
LIST_OBJECTS = Example(
    "list objects",
    "GET",
    b"/?max-keys=2&prefix=J",
    {"host": HOST, "x-amz-content-sha256": EMPTY, "x-amz-date": "20130524T000000Z"},
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
)
CHUNKED = Example(
    "chunked upload",
    "PUT",
    b"/examplebucket/chunkObject.txt",
    {
        "host": "s3.amazonaws.com",
        "content-encoding": "aws-chunked",
        "content-length": "66824",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-date": "20130524T000000Z",
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
    },
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
)
CHUNK_SIGNATURES = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)
TRAILER = Example(
    "chunked upload with a trailer",
    "PUT",
    b"/examplebucket/chunkObject.txt",
    {
        "host": "s3.amazonaws.com",
        "content-encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "x-amz-date": "20130524T000000Z",
        "x-amz-decoded-content-length": "66560",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-trailer": "x-amz-checksum-crc32c",
    },
    "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e",
)
TRAILER_CHUNK_SIGNATURES = (
    "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
)
TRAILER_CRC32C = "sOO8/Q=="
TRAILER_SIGNATURE = "d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435"
EXAMPLES = (GET_OBJECT, PUT_OBJECT, GET_LIFECYCLE, LIST_OBJECTS, CHUNKED, TRAILER)

PRESIGNED_SIGNATURE = "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"


def presigned_target(signature: str = PRESIGNED_SIGNATURE, **changes: str | None) -> bytes:
    """The raw target of the presigned GET example; ``changes`` replace parameters by the part of
    their name after ``X-Amz-`` (None removes one), as raw text."""
    parameters: dict[str, str | None] = {
        "Algorithm": "AWS4-HMAC-SHA256",
        "Credential": f"{ACCESS_KEY}%2F{SCOPE.replace('/', '%2F')}",
        "Date": "20130524T000000Z",
        "Expires": "86400",
        "SignedHeaders": "host",
        "Signature": signature,
    }
    parameters.update(changes)
    query = "&".join(f"X-Amz-{name}={v}" for name, v in parameters.items() if v is not None)
    return f"/test.txt?{query}".encode()
