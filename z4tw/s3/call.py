"""One S3 request as a value: what routing finds and everything after it works on."""

from __future__ import annotations

import msgspec


class S3Call(msgspec.Struct, frozen=True):
    """A request that has been read once: which operation, on what, with which parameters.

    ``operation`` is botocore's name (``PutObject``); ``bucket`` and ``key`` are decoded, empty when
    the request names none. ``query`` holds the decoded parameters without those of a presigned
    URL's signature; a parameter without a value has the value ``""``. ``headers`` are the
    request's, and over them ``x-amz-*`` query parameters, which S3 reads as headers (presigning
    SDKs move headers there); checksums stay in ``query`` only, since one that was presigned
    is not checked. ``virtual_host`` says that the Host header named the bucket.
    """

    operation: str
    bucket: str
    key: str
    query: dict[str, str]
    headers: dict[str, str]
    virtual_host: bool
