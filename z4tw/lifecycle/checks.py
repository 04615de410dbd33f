"""What one rule may not say, with AWS's errors for it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
"""

from __future__ import annotations

from z4tw.errors import InvalidArgument, InvalidRequest
from z4tw.lifecycle.rules import Filter, Rule

MAX_NEWER = 100
LEAST_DAYS = {"ONEZONE_IA": 30, "STANDARD_IA": 30}
"""Days that an object stays in STANDARD before it may move to a class."""


def check_rule(rule: Rule) -> None:
    """Raise ``InvalidRequest`` or ``InvalidArgument`` for a rule that contradicts itself."""
    _check_actions(rule)
    _check_filter(rule)
    _check_newer(rule)
    _check_transitions(rule)
    _check_order(rule)


def _check_actions(rule: Rule) -> None:
    if not (
        rule.expiration
        or rule.transitions
        or rule.noncurrent_expiration
        or rule.noncurrent_transitions
        or rule.abort_days
    ):
        raise InvalidRequest("At least one action needs to be specified in a rule")


def _check_filter(rule: Rule) -> None:
    filter = rule.filter
    if filter.greater is not None and filter.greater < 0:
        raise _wrong_size("ObjectSizeGreaterThan", filter.greater)
    if filter.less is not None and filter.less < 0:
        raise _wrong_size("ObjectSizeLessThan", filter.less)
    if None not in (filter.greater, filter.less) and (filter.less or 0) <= (filter.greater or 0):
        raise InvalidRequest(
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'."
        )
    about_markers = rule.expiration is not None and rule.expiration.markers is not None
    for named, there in (
        ("AbortIncompleteMultipartUpload", bool(rule.abort_days)),
        ("ExpiredObjectDeleteMarker", about_markers),
    ):
        if there and filter.tags:
            raise InvalidRequest(f"{named} cannot be specified with Tags.")
        if there and filter.sized:
            raise InvalidRequest(f"{named} cannot be specified with Object Size.")


def _wrong_size(name: str, size: int) -> InvalidArgument:
    return InvalidArgument(
        f"'{name}' should be a nonnegative integer", ArgumentName=name, ArgumentValue=str(size)
    )


def _check_newer(rule: Rule) -> None:
    counts = [one.newer for one in rule.noncurrent_transitions]
    if rule.noncurrent_expiration is not None:
        counts.append(rule.noncurrent_expiration.newer)
    if max(counts, default=0) > MAX_NEWER:
        raise InvalidArgument(
            f"'NewerNoncurrentVersions' must be a positive integer of at most {MAX_NEWER}",
            ArgumentName="NewerNoncurrentVersions",
            ArgumentValue=str(max(counts)),
        )
    if rule.filter.old and any(counts):
        raise InvalidRequest("NewerNoncurrentVersions needs a Filter in place of the rule's Prefix")


def _check_transitions(rule: Rule) -> None:
    where = described(rule.filter)
    for action, moves in (
        ("Transition", rule.transitions),
        ("NoncurrentVersionTransition", rule.noncurrent_transitions),
    ):
        classes = [move.storage_class for move in moves]
        if len(set(classes)) < len(classes):
            raise InvalidRequest(
                f"'StorageClass' must be different for '{action}' actions in same 'Rule' with "
                f"filter '{where}'"
            )
        for move in moves:
            least = LEAST_DAYS.get(move.storage_class, 0)
            if move.days is not None and move.days < least:
                name = "Days" if action == "Transition" else "NoncurrentDays"
                raise InvalidArgument(
                    f"'{name}' in {action} action must be greater than or equal to {least} for "
                    f"storageClass '{move.storage_class}'",
                    ArgumentName=name,
                    ArgumentValue=str(move.days),
                )


def _check_order(rule: Rule) -> None:
    where = described(rule.filter)
    by_days = [move.days for move in rule.transitions if move.days is not None]
    by_date = [move.date_ms for move in rule.transitions if move.date_ms is not None]
    expiration = rule.expiration
    days = 0 if expiration is None else expiration.days
    date_ms = None if expiration is None else expiration.date_ms
    if (by_days or days) and (by_date or date_ms is not None):
        raise InvalidRequest(
            "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle "
            f"rule for filter '{where}'"
        )
    if days and max(by_days, default=-1) >= days:
        raise InvalidArgument(
            f"'Days' in the Expiration action for filter '{where}' must be greater than 'Days' in "
            "the Transition action"
        )
    if date_ms is not None and max(by_date, default=-1) >= date_ms:
        raise InvalidArgument(
            f"'Date' in the Expiration action for filter '{where}' must be later than 'Date' in "
            "the Transition action"
        )
    older = rule.noncurrent_expiration
    moves = rule.noncurrent_transitions
    if older is not None and max([move.days for move in moves], default=-1) >= older.days:
        raise InvalidArgument(
            "'NoncurrentDays' in the NoncurrentVersionExpiration action for filter "
            f"'{where}' must be greater than 'NoncurrentDays' in the NoncurrentVersionTransition "
            "action"
        )


def described(filter: Filter) -> str:
    """A filter in an error's text."""
    pieces = [f"prefix={filter.prefix or ''}"]
    pieces += [f"tag={name}:{value}" for name, value in filter.tags]
    return f"({', '.join(pieces)})"[:512]
