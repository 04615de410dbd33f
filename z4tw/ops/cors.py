"""CORS: a bucket's rules, preflight requests, and the headers of answers to other origins.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html
"""

from __future__ import annotations

from z4tw.errors import AccessForbidden, BadRequest, NoSuchCORSConfiguration
from z4tw.interfaces.http import RequestHead, S3Response
from z4tw.model.control import Bucket
from z4tw.ops.bucket_settings import change_configuration
from z4tw.ops.context import Context, Operation
from z4tw.ops.documents import read_document
from z4tw.s3.cors import (
    METHODS,
    VARY,
    CorsRule,
    answer_headers,
    cors_document,
    find_rule,
    parse_cors,
    requested_headers,
    stored_rules,
)
from z4tw.s3.xml_in import SETTING_BYTES

XML = ("Content-Type", "application/xml")
NAME = "cors"
PREFLIGHT = "Preflight"
"""The name of preflight requests in the access log and the metrics."""

_NOT_ENABLED = "CORSResponse: CORS is not enabled for this bucket."
_NOT_ALLOWED = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of "
    "Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are "
    "not whitelisted by the resource's CORS spec."
)


async def get_bucket_cors(context: Context) -> S3Response:
    """The bucket's CORS rules. Raises ``NoSuchCORSConfiguration``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html
    """
    bucket = context.require_bucket()
    stored = bucket.configurations.get(NAME)
    if stored is None:
        raise NoSuchCORSConfiguration(BucketName=bucket.name)
    return S3Response(200, [XML], stored)


async def put_bucket_cors(context: Context) -> S3Response:
    """Replace the bucket's CORS rules.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html
    """
    rules = parse_cors(await read_document(context, SETTING_BYTES))
    context.blobs.admit(0)
    await change_configuration(context, NAME, cors_document(rules))
    return S3Response(200)


async def delete_bucket_cors(context: Context) -> S3Response:
    """Remove the bucket's CORS rules; repeating it is no error.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketCors.html
    """
    await change_configuration(context, NAME, None)
    return S3Response(204)


def _rules_of(bucket: Bucket | None) -> tuple[CorsRule, ...] | None:
    stored = None if bucket is None else bucket.configurations.get(NAME)
    return None if stored is None else stored_rules(stored)


def cross_origin_headers(bucket: Bucket | None, head: RequestHead) -> tuple[tuple[str, str], ...]:
    """What an answer to a request with an Origin header carries, whatever else it says: nothing
    where the bucket has no rules or is not there, ``Vary`` alone where none of them allows the
    request."""
    rules = _rules_of(bucket)
    if rules is None:
        return ()
    granted = find_rule(rules, head.headers["origin"], head.method)
    return (VARY,) if granted is None else tuple(answer_headers(granted))


def preflight(bucket: Bucket | None, key: str, head: RequestHead) -> S3Response:
    """Answer an OPTIONS request, which nobody signs.

    A bucket that is not there (None) is answered as one without rules. Raises ``BadRequest`` for
    what is no preflight, ``AccessForbidden`` for what no rule allows.
    https://docs.aws.amazon.com/AmazonS3/latest/API/RESTOPTIONSobject.html
    """
    headers = head.headers
    origin = headers.get("origin")
    if not origin:
        raise BadRequest("Insufficient information. Origin request header needed.")
    method = headers.get("access-control-request-method", "")
    if method not in METHODS:
        raise BadRequest(f"Invalid Access-Control-Request-Method: {method[:32] or 'null'}")
    rules = _rules_of(bucket)
    resource = "OBJECT" if key else "BUCKET"
    if rules is None:
        raise AccessForbidden(_NOT_ENABLED, Method=method, ResourceType=resource)
    asked = requested_headers(headers.get("access-control-request-headers", ""))
    granted = None if asked is None else find_rule(rules, origin, method, asked)
    if granted is None:
        refused = AccessForbidden(_NOT_ALLOWED, Method=method, ResourceType=resource)
        refused.headers.append(VARY)
        raise refused
    return S3Response(200, answer_headers(granted, asked or ()))


OPERATIONS: dict[str, Operation] = {
    "DeleteBucketCors": delete_bucket_cors,
    "GetBucketCors": get_bucket_cors,
    "PutBucketCors": put_bucket_cors,
}
