"""ListObjects, ListObjectsV2 and ListObjectVersions."""

from __future__ import annotations

from collections.abc import Iterable

from z4tw.errors import InvalidArgument
from z4tw.interfaces.http import S3Response
from z4tw.model.registers import Kind, ListPage, ListQuery, VersionPage, VersionQuery
from z4tw.ops.context import Context, Operation
from z4tw.ops.parameters import count_parameter, url_encoded
from z4tw.ops.tokens import pack_token, unpack_token
from z4tw.s3.names import check_version_id
from z4tw.s3.xml_out import list_objects_v1, list_objects_v2, list_versions

MOST_KEYS = 1000
"""Keys and common prefixes of one page."""


async def list_objects(context: Context) -> S3Response:
    """A page of the bucket's current objects, paged by ``marker``.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html
    """
    query = context.call.query
    url = url_encoded(query)
    most = count_parameter(query, "max-keys", MOST_KEYS)
    marker = query.get("marker", "")
    page = await _live_page(context, marker.encode("utf-8"), most)
    document = list_objects_v1(
        context.call.bucket,
        page,
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        marker=marker,
        max_keys=most,
        url=url,
        owners=await _names(context, [row.owner for row in page.rows]),
    )
    return _answer(context, document)


async def list_objects_2(context: Context) -> S3Response:
    """A page of the bucket's current objects, paged by an opaque token.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
    """
    query = context.call.query
    url = url_encoded(query)
    most = count_parameter(query, "max-keys", MOST_KEYS)
    start_after = query.get("start-after", "")
    scope = context.require_bucket().incarnation.to_bytes(8, "big")
    token = query.get("continuation-token")
    if token is None:
        position = start_after.encode("utf-8")
    else:
        position = unpack_token("objects", scope, token)
    page = await _live_page(context, position, most)
    owners = None
    if query.get("fetch-owner") == "true":
        owners = await _names(context, [row.owner for row in page.rows])
    document = list_objects_v2(
        context.call.bucket,
        page,
        prefix=query.get("prefix", ""),
        delimiter=query.get("delimiter", ""),
        max_keys=most,
        url=url,
        start_after=start_after,
        token=token or "",
        next_token=pack_token("objects", scope, page.last) if page.truncated else "",
        owners=owners,
    )
    return _answer(context, document)


async def list_object_versions(context: Context) -> S3Response:
    """A page of the bucket's versions and delete markers, newest first within a key.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
    """
    query = context.call.query
    url = url_encoded(query)
    most = count_parameter(query, "max-keys", MOST_KEYS)
    key_marker = query.get("key-marker", "")
    version_marker = query.get("version-id-marker", "")
    if version_marker:
        if not key_marker:
            raise InvalidArgument(
                "A version-id marker cannot be specified without a key marker.",
                ArgumentName="version-id-marker",
                ArgumentValue=version_marker,
            )
        check_version_id(version_marker)
    prefix = query.get("prefix", "")
    delimiter = query.get("delimiter", "")
    page: VersionPage = await context.store.list_versions(
        context.require_bucket().incarnation,
        VersionQuery(
            prefix=prefix.encode("utf-8"),
            delimiter=delimiter.encode("utf-8"),
            key_marker=key_marker.encode("utf-8"),
            version_marker=version_marker,
            limit=most,
        ),
    )
    document = list_versions(
        context.call.bucket,
        page,
        prefix=prefix,
        delimiter=delimiter,
        key_marker=key_marker,
        version_marker=version_marker,
        max_keys=most,
        url=url,
        owners=await _names(context, [version.owner for _, version, _ in page.versions]),
    )
    return _answer(context, document)


async def _live_page(context: Context, start_after: bytes, limit: int) -> ListPage:
    query = context.call.query
    page: ListPage = await context.store.list_live(
        Kind.OBJECT,
        context.require_bucket().incarnation,
        ListQuery(
            prefix=query.get("prefix", "").encode("utf-8"),
            delimiter=query.get("delimiter", "").encode("utf-8"),
            start_after=start_after,
            limit=limit,
        ),
    )
    return page


async def _names(context: Context, ids: Iterable[str]) -> dict[str, str]:
    return {id: await context.owner_name(id) for id in dict.fromkeys(ids)}


def _answer(context: Context, document: bytes) -> S3Response:
    region = ("x-amz-bucket-region", context.require_bucket().region)
    return S3Response(200, [("Content-Type", "application/xml"), region], document)


OPERATIONS: dict[str, Operation] = {
    "ListObjectVersions": list_object_versions,
    "ListObjects": list_objects,
    "ListObjectsV2": list_objects_2,
}
