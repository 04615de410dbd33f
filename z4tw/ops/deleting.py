"""DeleteObject and DeleteObjects.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html
https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
"""

from __future__ import annotations

from collections.abc import Awaitable

from z4tw.errors import InvalidArgument, NoSuchVersion, S3Error
from z4tw.interfaces.http import S3Response
from z4tw.model.control import Bucket
from z4tw.model.registers import Outcome
from z4tw.objects.commands import Condition, DeleteObject, DeleteVersion
from z4tw.ops.context import Context, Operation, done
from z4tw.ops.documents import read_document
from z4tw.ops.events import notice_of
from z4tw.ops.locking import may_bypass
from z4tw.ops.lookup import is_versioned, owner_of, requested_version
from z4tw.ops.started import outcomes
from z4tw.s3.conditional import delete_condition
from z4tw.s3.names import check_key, check_version_id
from z4tw.s3.notification import Event
from z4tw.s3.xml_in import DELETE_BYTES, DeleteTarget, parse_delete
from z4tw.s3.xml_out import Deleted, DeleteFailure, delete_result


async def delete_object(context: Context) -> S3Response:
    """Remove a version for good, or the current one as the bucket's versioning says."""
    bucket = context.require_bucket()
    version_id = requested_version(context.call.query)
    condition = delete_condition(context.call.headers)
    outcome = await _delete(context, bucket, context.call.key, version_id, condition)
    deleted = done(outcome)
    answer = []
    if deleted.delete_marker:
        answer.append(("x-amz-delete-marker", "true"))
    if deleted.version_id:
        context.exchange.version_id = deleted.version_id
        answer.append(("x-amz-version-id", deleted.version_id))
    return S3Response(204, answer)


def _delete(
    context: Context,
    bucket: Bucket,
    key: str,
    version_id: str,
    condition: Condition | None,
) -> Awaitable[Outcome]:
    register = context.object_register(key)
    bypass = may_bypass(context, key)
    command: DeleteObject | DeleteVersion
    if version_id:
        notice = notice_of(context, Event.REMOVED_DELETE, key)
        command = DeleteVersion(context.stamp(), version_id, condition, notice, bypass)
    else:
        owner = owner_of(context, bucket)
        event = Event.REMOVED_MARKER if is_versioned(bucket) else Event.REMOVED_DELETE
        notice = notice_of(context, event, key)
        command = DeleteObject(context.stamp(), owner, bucket.versioning, condition, notice, bypass)
    changed: Awaitable[Outcome] = context.store.change(register, command)
    return changed


async def delete_objects(context: Context) -> S3Response:
    """Delete up to 1,000 keys, each on its own: what fails is listed in the answer.

    All commands are on their way before the first one is waited for, so that they share commits.
    """
    bucket = context.require_bucket()
    request = parse_delete(await read_document(context, DELETE_BYTES))
    refused: dict[int, Exception] = {}
    begun: list[tuple[int, Awaitable[Outcome]]] = []
    for index, target in enumerate(request.objects):
        try:
            _check_target(context, bucket, target)
        except S3Error as error:
            refused[index] = error
            continue
        condition = None
        if (target.etag, target.modified_s, target.size) != (None, None, None):
            condition = Condition(target.etag, modified_s=target.modified_s, size=target.size)
        change = _delete(context, bucket, target.key, target.version_id, condition)
        begun.append((index, change))
    ends: dict[int, Outcome | Exception] = dict(refused)
    results = await outcomes([change for _, change in begun])
    ends.update(zip([index for index, _ in begun], results, strict=True))
    deleted: list[Deleted] = []
    failed: list[DeleteFailure] = []
    for index, target in enumerate(request.objects):
        try:
            deleted.append(_deleted(target, ends[index]))
        except S3Error as error:
            failed.append(DeleteFailure(target.key, target.version_id, error.code, error.message))
    document = delete_result([] if request.quiet else deleted, failed)
    return S3Response(200, [("Content-Type", "application/xml")], document)


def _check_target(context: Context, bucket: Bucket, target: DeleteTarget) -> None:
    check_key(target.key)
    action = "s3:DeleteObjectVersion" if target.version_id else "s3:DeleteObject"
    context.further_keys = {"s3:VersionId": target.version_id} if target.version_id else {}
    context.authorize(action, bucket, target.key)
    if target.version_id:
        try:
            check_version_id(target.version_id)
        except InvalidArgument:
            # In this document AWS takes such an id for one that does not exist.
            raise NoSuchVersion() from None


def _deleted(target: DeleteTarget, end: Outcome | Exception) -> Deleted:
    """The success that an outcome is; raises the failure that it is."""
    if isinstance(end, Exception):
        raise end
    outcome = done(end)
    if not outcome.delete_marker:
        return Deleted(target.key, target.version_id)
    return Deleted(target.key, target.version_id, True, outcome.version_id)


OPERATIONS: dict[str, Operation] = {
    "DeleteObject": delete_object,
    "DeleteObjects": delete_objects,
}
