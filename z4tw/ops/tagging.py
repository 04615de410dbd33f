"""Tags of objects and of buckets."""

from __future__ import annotations

from z4tw.errors import NoSuchTagSet
from z4tw.interfaces.http import S3Response
from z4tw.model.objects import Version
from z4tw.objects.commands import SetTags
from z4tw.ops.bucket_settings import change_bucket
from z4tw.ops.condition_keys import tag_keys
from z4tw.ops.context import Context, Operation, done
from z4tw.ops.documents import read_document
from z4tw.ops.events import notice_of
from z4tw.ops.lookup import is_versioned, readable_version, requested_version
from z4tw.s3.notification import Event
from z4tw.s3.tagging import BUCKET_TAGS, OBJECT_TAGS
from z4tw.s3.xml_in import SETTING_BYTES, parse_tagging
from z4tw.s3.xml_out import tagging as tagging_document

XML = ("Content-Type", "application/xml")


async def get_object_tagging(context: Context) -> S3Response:
    """The tags of a version (an empty set when it has none).

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html
    """
    version = await readable_version(
        context, context.object_register(), requested_version(context.call.query)
    )
    return S3Response(
        200, [XML, *_version_header(context, version)], tagging_document(version.tags)
    )


async def put_object_tagging(context: Context) -> S3Response:
    """Replace the tags of a version.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html
    """
    tags = parse_tagging(await read_document(context, SETTING_BYTES), OBJECT_TAGS)
    context.further_keys = tag_keys(tags)
    await context.access.demand_with_document(context)
    context.blobs.admit(0)
    version = await _change(context, tags, Event.TAGGING_PUT)
    return S3Response(200, _version_header(context, version))


async def delete_object_tagging(context: Context) -> S3Response:
    """Remove all tags of a version.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectTagging.html
    """
    version = await _change(context, {}, Event.TAGGING_DELETE)
    return S3Response(204, _version_header(context, version))


async def get_bucket_tagging(context: Context) -> S3Response:
    """The bucket's tags. Raises ``NoSuchTagSet`` when it has none.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketTagging.html
    """
    bucket = context.require_bucket()
    if not bucket.tags:
        raise NoSuchTagSet(BucketName=bucket.name)
    return S3Response(200, [XML], tagging_document(bucket.tags))


async def put_bucket_tagging(context: Context) -> S3Response:
    """Replace the bucket's tags.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html
    """
    tags = parse_tagging(await read_document(context, SETTING_BYTES), BUCKET_TAGS)
    context.blobs.admit(0)
    await change_bucket(context, tags=tags)
    return S3Response(204)


async def delete_bucket_tagging(context: Context) -> S3Response:
    """Remove the bucket's tags; repeating it is no error.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketTagging.html
    """
    await change_bucket(context, tags={})
    return S3Response(204)


async def _change(context: Context, tags: dict[str, str], event: Event) -> Version:
    register = context.object_register()
    version_id = requested_version(context.call.query)
    version = await readable_version(context, register, version_id)
    command = SetTags(context.stamp(), version_id, tags, notice_of(context, event))
    done(await context.store.change(register, command))
    return version


def _version_header(context: Context, version: Version) -> list[tuple[str, str]]:
    if not is_versioned(context.require_bucket()):
        return []
    return [("x-amz-version-id", version.version_id)]


OPERATIONS: dict[str, Operation] = {
    "DeleteBucketTagging": delete_bucket_tagging,
    "DeleteObjectTagging": delete_object_tagging,
    "GetBucketTagging": get_bucket_tagging,
    "GetObjectTagging": get_object_tagging,
    "PutBucketTagging": put_bucket_tagging,
    "PutObjectTagging": put_object_tagging,
}
