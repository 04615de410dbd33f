"""Random S3 requests on whole servers of operations answer as a naive model of S3 does.

Three worlds: stores in memory; SQLite and files; the same encrypted. ``--long`` or a number in
``Z4_TEST_EXAMPLES`` makes the runs longer.
"""

from __future__ import annotations

import os
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.ops.harness import Answer
from tests.proofs import listings as pages
from tests.proofs import operations as s3
from tests.proofs.model import (
    Attributes,
    Condition,
    Model,
    Upload,
    Version,
    common_prefix,
    order,
)
from tests.proofs.worlds import EncryptedWorld, FileWorld, MemoryWorld

EXAMPLES = int(os.environ.get("Z4_TEST_EXAMPLES") or 0)
BUCKETS = ("first", "second")
KEYS = ("a", "a/", "a/1", "a/b/c", "a//x", "ab", "b/1", "é/1", "\U0001f600/x", "a+b c&<é>.txt")
SIZES = (0, 1, 15, 16, 17, 39, 40, 41, 100, 1000, 65_535, 65_536, 65_537, 140_000)
FOREIGN_ID = "0" * 32


def body_of(seed: int, size: int) -> bytes:
    return Random(seed).randbytes(size)


buckets = st.sampled_from((*BUCKETS, BUCKETS[0], BUCKETS[0]))
keys = st.sampled_from(KEYS)
few_keys = st.sampled_from(KEYS[:3])
some_key = st.one_of(few_keys, few_keys, keys)
bodies = st.builds(body_of, st.integers(0, 7), st.sampled_from(SIZES))
picks = st.integers(0, 1000)
tag_sets = st.sampled_from([(), (), (("k", "v"),), (("é", "1"), ("a b", "x/y=z"), ("c", ""))])
attributes = st.builds(
    Attributes,
    st.sampled_from([(), (), (("n", "1"),), (("n", "2"), ("other", "a value"))]),
    st.sampled_from(["binary/octet-stream", "text/plain"]),
    tag_sets,
    st.sampled_from(["STANDARD", "STANDARD", "GLACIER_IR"]),
)
no_tag = st.none()
tags_to_match = st.one_of(no_tag, no_tag, no_tag, st.sampled_from(["*", "current", "other"]))
seconds = st.one_of(no_tag, no_tag, st.sampled_from([-1, 0, 1]))
prefixes = st.sampled_from(["", "", "a", "a/", "a//", "b", "é", "zz"])
delimiters = st.sampled_from(["", "/", "/", "//", "b", "é"])
limits = st.sampled_from([0, 1, 1, 2, 3, 1000])


class S3Machine(RuleBasedStateMachine):
    """Each rule is one request, to the server and to the model."""

    make_world: type[MemoryWorld] = MemoryWorld

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make_world()
        self.model = Model()
        self.ended: list[tuple[str, str, str]] = []
        for name in BUCKETS:
            self.perform(s3.create_bucket(name))

    def teardown(self) -> None:
        try:
            found = pages.observe(self.world.send)
            assert not pages.differences(self.model, found)
            pages.check_ids_unique(self.model)
            self.world.check(self.model)
            assert not pages.differences(self.model, pages.observe(self.world.send))
        finally:
            self.world.close()

    def perform(self, operation: s3.Operation, pieces: int = 0) -> Answer:
        answer = self.world.perform(operation, self.model, pieces)
        note(f"{answer.status} {answer.error}: {operation.request[:3]}")
        return answer

    # Choosing what there is

    def versions(self, bucket: str, key: str) -> list[Version]:
        place = self.model.buckets.get(bucket)
        return place.keys.get(key, []) if place else []

    def version_id(self, bucket: str, key: str, pick: int) -> str:
        """The id of a version of the key mostly, else none, null, or one that is nobody's."""
        ids = [one.id or "" for one in self.versions(bucket, key)]
        choice = ["", "", *ids, *ids, "null", FOREIGN_ID]
        return choice[pick % len(choice)]

    def tag(self, bucket: str, key: str, version_id: str, what: str | None) -> str | None:
        if what in (None, "*"):
            return what
        versions = [
            one for one in self.versions(bucket, key) if not version_id or one.id == version_id
        ]
        return versions[0].etag if what == "current" and versions else "f" * 32

    def condition(
        self, place: tuple[str, str, str], match: str | None, none: str | None,
        since: int | None = None, unmodified: int | None = None,
    ) -> Condition:  # fmt: skip
        versions = [one for one in self.versions(*place[:2]) if place[2] in ("", one.id)]
        base = versions[0].modified_s if versions else None
        base = self.world.clock.ms // 1000 if base is None else base
        return Condition(
            self.tag(*place, match),
            self.tag(*place, none),
            None if since is None else base + since,
            None if unmodified is None else base + unmodified,
        )

    def upload(self, pick: int) -> tuple[str, str, str, Upload | None]:
        """(bucket, key, id, upload) of an open upload mostly, else of one that has ended."""
        found: list[tuple[str, str, str, Upload | None]] = [
            (name, upload.key, id or "", upload)
            for name, bucket in self.model.buckets.items()
            for id, upload in bucket.uploads.items()
        ]
        opened = [one for one in found if one[3] and one[3].answer is None]
        ended = [(*one, None) for one in self.ended[-2:]]
        choice = [*opened, *opened, *opened, *found, *ended, ("first", "a", FOREIGN_ID, None)]
        return choice[pick % len(choice)]

    # Rules

    @rule(bucket=buckets, delete=st.booleans())
    def create_or_delete_bucket(self, bucket: str, delete: bool) -> None:
        place = self.model.buckets.get(bucket)
        uploads = [] if place is None else [(one.key, id or "") for id, one in place.uploads.items()]
        if delete:
            answer = self.perform(s3.delete_bucket(bucket))
            if not answer.error:
                self.ended += [(bucket, key, id) for key, id in uploads]
        else:
            self.perform(s3.create_bucket(bucket))

    @rule(bucket=buckets, status=st.sampled_from(["Enabled", "Enabled", "Suspended"]))
    def set_versioning(self, bucket: str, status: str) -> None:
        self.perform(s3.put_versioning(bucket, status))

    @rule(passed=st.sampled_from([1, 5, 100]))
    def let_time_pass(self, passed: int) -> None:
        self.world.clock.advance(passed)

    @rule(
        bucket=buckets, key=some_key, body=bodies, given=attributes, match=tags_to_match,
        absent=st.integers(0, 5), pieces=st.sampled_from([0, 0, 1, 3]),
    )  # fmt: skip
    def put(
        self, bucket: str, key: str, body: bytes, given: Attributes, match: str | None,
        absent: int, pieces: int,
    ) -> None:  # fmt: skip
        none = "*" if absent == 0 else None
        condition = self.condition((bucket, key, ""), None if none else match, none)
        self.perform(s3.put_object(bucket, key, body, given, condition), pieces)

    @rule(
        method=st.sampled_from(["GET", "HEAD"]), bucket=buckets, key=some_key, pick=picks,
        match=tags_to_match, none=tags_to_match, since=seconds, unmodified=seconds,
        span=st.one_of(
            st.none(),
            st.tuples(st.none() | st.sampled_from([0, 3, 16, 99, 65_536]),
                      st.none() | st.sampled_from([0, 3, 50, 70_000]))
        ),
        part=st.sampled_from([0, 0, 0, 1, 2, 3]),
    )  # fmt: skip
    def read(
        self, method: str, bucket: str, key: str, pick: int, match: str | None,
        none: str | None, since: int | None, unmodified: int | None,
        span: tuple[int | None, int | None] | None, part: int,
    ) -> None:  # fmt: skip
        version_id = self.version_id(bucket, key, pick)
        place = (bucket, key, version_id)
        condition = self.condition(place, match, none, since, unmodified)
        wanted = None if span == (None, None) else span
        if wanted is not None:
            part = 0
        self.perform(s3.read_object(method, *place, condition, wanted, part))

    @rule(bucket=buckets, key=some_key, pick=picks, match=tags_to_match)
    def delete(self, bucket: str, key: str, pick: int, match: str | None) -> None:
        version_id = self.version_id(bucket, key, pick)
        condition = self.condition((bucket, key, ""), match, None)
        self.perform(s3.delete_object(bucket, key, version_id, condition))

    @rule(
        bucket=buckets, quiet=st.booleans(),
        keyed=st.lists(st.tuples(some_key, picks, tags_to_match), min_size=1, max_size=4),
    )  # fmt: skip
    def delete_many(
        self, bucket: str, quiet: bool, keyed: list[tuple[str, int, str | None]]
    ) -> None:
        chosen = [
            (key, self.version_id(bucket, key, pick), self.tag(bucket, key, "", match))
            for key, pick, match in keyed
        ]
        place = self.model.buckets.get(bucket)
        # A quiet answer does not tell the ids of markers.
        silent = quiet and place is not None and place.versioning != "Enabled"
        self.perform(s3.delete_objects(bucket, chosen, silent))

    @rule(
        source=st.tuples(buckets, some_key), pick=picks, goal=st.tuples(buckets, some_key),
        onto_itself=st.integers(0, 3), given=attributes,
        directives=st.tuples(st.booleans(), st.booleans()), match=tags_to_match,
        none=tags_to_match, since=seconds, unmodified=seconds, goal_match=tags_to_match,
        absent=st.integers(0, 5),
    )  # fmt: skip
    def copy(
        self, source: tuple[str, str], pick: int, goal: tuple[str, str], onto_itself: int,
        given: Attributes, directives: tuple[bool, bool], match: str | None, none: str | None,
        since: int | None, unmodified: int | None, goal_match: str | None, absent: int,
    ) -> None:  # fmt: skip
        if onto_itself == 0:
            goal = source
        place = (*source, self.version_id(*source, pick))
        there = self.condition(place, match, none, since, unmodified)
        creating = "*" if absent == 0 else None
        here = self.condition((*goal, ""), None if creating else goal_match, creating)
        self.perform(s3.copy_object(place, goal, given, directives, there, here))

    @rule(bucket=buckets, key=some_key, pick=picks, tags=st.one_of(st.none(), tag_sets))
    def set_tags(self, bucket: str, key: str, pick: int, tags: Any) -> None:
        version_id = self.version_id(bucket, key, pick)
        self.perform(s3.put_tags(bucket, key, version_id, tags))
        self.perform(s3.get_tags(bucket, key, version_id))

    @rule(bucket=buckets, key=some_key, given=attributes)
    def create_upload(self, bucket: str, key: str, given: Attributes) -> None:
        self.perform(s3.create_upload(bucket, key, given))

    @rule(
        pick=picks, pieces=st.sampled_from([0, 0, 3]),
        parts=st.lists(st.tuples(st.sampled_from([1, 2, 3, 10_000]), bodies),
                       min_size=1, max_size=3),
    )  # fmt: skip
    def put_parts(self, pick: int, parts: list[tuple[int, bytes]], pieces: int) -> None:
        bucket, key, id, _ = self.upload(pick)
        for number, body in parts:
            self.perform(s3.upload_part(bucket, key, id, number, body), pieces)

    @rule(
        pick=picks, number=st.sampled_from([1, 2, 3]), source=st.tuples(buckets, some_key),
        version=picks,
        span=st.one_of(
            st.none(),
            st.tuples(st.sampled_from([0, 1, 65_000]), st.sampled_from([0, 60, 70_000])),
        ),
    )  # fmt: skip
    def copy_part(
        self, pick: int, number: int, source: tuple[str, str], version: int,
        span: tuple[int, int] | None,
    ) -> None:  # fmt: skip
        bucket, key, id, _ = self.upload(pick)
        place = (*source, self.version_id(*source, version))
        self.perform(s3.upload_part_copy(bucket, key, id, number, place, span))

    @rule(
        pick=picks, chosen=st.sampled_from(["all", "all", "last", "odd", "none"]),
        wrong=st.sampled_from(["", "", "", "etag", "order", "number"]),
        match=tags_to_match, absent=st.integers(0, 5), repeat=st.booleans(),
    )  # fmt: skip
    def complete(
        self, pick: int, chosen: str, wrong: str, match: str | None, absent: int, repeat: bool
    ) -> None:
        bucket, key, id, upload = self.upload(pick)
        asked: list[tuple[int, str]] = []
        if upload is not None and upload.answer is not None and chosen == "all":
            asked = list(upload.answer[0])
        elif upload is not None:
            asked = [(number, part.etag) for number, part in sorted(upload.parts.items())]
            slices = {"last": slice(-1, None), "odd": slice(0, None, 2), "none": slice(0, 0)}
            asked = asked[slices.get(chosen, slice(None))]
        if wrong == "etag" and asked:
            asked[-1] = (asked[-1][0], "0" * 32)
        elif wrong == "order":
            asked = asked[::-1]
        elif wrong == "number":
            asked.append((9_999 if not asked or asked[-1][0] < 9_999 else 10_000, "0" * 32))
        creating = "*" if absent == 0 else None
        condition = self.condition((bucket, key, ""), None if creating else match, creating)
        operation = s3.complete_upload(bucket, key, id, asked, condition)
        self.perform(operation)
        if repeat:
            self.perform(operation)

    @rule(pick=picks)
    def abort(self, pick: int) -> None:
        bucket, key, id, upload = self.upload(pick)
        if upload is not None and upload.answer is None:
            self.ended.append((bucket, key, id))
        self.perform(s3.abort_upload(bucket, key, id))

    @rule(pick=picks, limit=limits, after=st.sampled_from([0, 0, 1, 2, 9_999]))
    def list_parts(self, pick: int, limit: int, after: int) -> None:
        bucket, key, id, _ = self.upload(pick)
        for _ in range(5):
            answer = self.perform(s3.list_parts(bucket, key, id, after, limit))
            if answer.error or answer.text("IsTruncated") == "false":
                return
            after = int(answer.text("NextPartNumberMarker") or "")

    @rule(
        second=st.booleans(), bucket=buckets, prefix=prefixes, delimiter=delimiters,
        after=st.one_of(st.just(""), keys), limit=limits, url=st.booleans(),
    )  # fmt: skip
    def list_objects(
        self, second: bool, bucket: str, prefix: str, delimiter: str, after: str, limit: int,
        url: bool,
    ) -> None:  # fmt: skip
        token: str | None = "" if second else None
        while True:
            page = pages.list_objects(bucket, prefix, delimiter, after, limit, url, token)
            answer = self.perform(page)
            if answer.error or answer.text("IsTruncated") == "false":
                return
            keys, groups, _ = self.model.list_live(bucket, prefix, delimiter, after, limit)
            after = max(keys + groups, key=order)
            if second:
                token = answer.text("NextContinuationToken") or "(lacking)"

    @rule(
        bucket=buckets, prefix=prefixes, delimiter=delimiters, after=st.one_of(st.just(""), keys),
        pick=picks, limit=limits, url=st.booleans(),
    )  # fmt: skip
    def list_versions(
        self, bucket: str, prefix: str, delimiter: str, after: str, pick: int, limit: int,
        url: bool,
    ) -> None:  # fmt: skip
        ids = [one.id or "" for one in self.versions(bucket, after)]
        marker = (after, ["", *ids][pick % (len(ids) + 1)] if after else "")
        # A version marker inside a common prefix names nothing that the listing shows.
        if common_prefix(after, prefix, delimiter) or not after.startswith(prefix):
            marker = (after, "")
        while True:
            answer = self.perform(
                pages.list_versions(bucket, prefix, delimiter, marker, limit, url)
            )
            if answer.error or answer.text("IsTruncated") == "false":
                return
            found, groups, _ = self.model.list_versions(bucket, prefix, delimiter, marker, limit)
            marker = pages.following_version(found, groups)

    @rule(
        bucket=buckets, prefix=prefixes, delimiter=delimiters, after=st.one_of(st.just(""), keys),
        limit=limits, url=st.booleans(),
    )  # fmt: skip
    def list_uploads(
        self, bucket: str, prefix: str, delimiter: str, after: str, limit: int, url: bool
    ) -> None:
        marker = (after, "")
        while True:
            answer = self.perform(pages.list_uploads(bucket, prefix, delimiter, marker, limit, url))
            if answer.error or answer.text("IsTruncated") == "false":
                return
            found, groups, _ = self.model.list_uploads(bucket, prefix, delimiter, marker, limit)
            marker = pages.following_upload(found, groups)

    @rule(bucket=buckets)
    def list_everything(self, bucket: str) -> None:
        self.perform(pages.list_objects(bucket))
        self.perform(pages.list_versions(bucket))
        self.perform(pages.list_uploads(bucket))

    @rule()
    def reap(self) -> None:
        self.world.reap()


class FileMachine(S3Machine):
    make_world = FileWorld


class EncryptedMachine(S3Machine):
    make_world = EncryptedWorld


MACHINES = {"memory": (S3Machine, 60), "files": (FileMachine, 60), "encrypted": (EncryptedMachine, 20)}


def play(machine: type[S3Machine], examples: int, steps: int, fixed: bool) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=fixed,
            database=None,
            print_blob=not fixed,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("name", MACHINES)
def test_random_requests_answer_as_the_model_does(name: str) -> None:
    machine, examples = MACHINES[name]
    play(machine, EXAMPLES or examples, 50, fixed=not EXAMPLES)


@pytest.mark.long
@pytest.mark.timeout(36_000)
@pytest.mark.parametrize("name", MACHINES)
def test_many_random_requests_answer_as_the_model_does(name: str) -> None:
    play(MACHINES[name][0], EXAMPLES or 3000, 150, fixed=False)
