"""Random S3 requests on whole servers of operations answer as a naive model of S3 does.

Three worlds: stores in memory; SQLite and files; the same encrypted. ``--long`` or a number in
``Z4_TEST_EXAMPLES`` makes the runs longer.
"""

from __future__ import annotations

import os
from random import Random
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

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


def seldom(strategy: st.SearchStrategy[Any], times: int = 4) -> st.SearchStrategy[Any]:
    """None mostly, for what would refuse most requests."""
    return st.one_of(*[st.none()] * times, strategy)


picks = st.integers(0, 999)
buckets = st.sampled_from((*BUCKETS, BUCKETS[0]))
keys = st.sampled_from(KEYS)
bodies = st.builds(body_of, st.integers(0, 7), st.sampled_from(SIZES))
tag_sets = st.sampled_from([(), (), (("k", "v"),), (("é", "1"), ("a b", "x/y=z"), ("c", ""))])
attributes = st.builds(
    Attributes,
    st.sampled_from([(), (), (("n", "1"),), (("n", "2"), ("other", "a value"))]),
    st.sampled_from(["binary/octet-stream", "text/plain"]),
    tag_sets,
    st.sampled_from(["STANDARD", "STANDARD", "GLACIER_IR"]),
)


class Wish(NamedTuple):
    """Conditions to be: ETags are ``*``, ``current`` or ``other``; times are relative."""

    match: str | None = None
    none: str | None = None
    since: int | None = None
    unmodified: int | None = None


tags_to_match = st.sampled_from([None, "*", "current", "current", "other"])
seconds = seldom(st.sampled_from([-1, 0, 1]), 1)
no_wish = st.just(Wish())
reading = st.one_of(
    no_wish, no_wish, st.builds(Wish, tags_to_match, tags_to_match, seconds, seconds)
)
writing = st.one_of(
    no_wish, no_wish, no_wish, tags_to_match.map(Wish), st.just(Wish(None, "*"))
)
matching = st.one_of(no_wish, no_wish, no_wish, tags_to_match.map(Wish))
spans = seldom(
    st.tuples(
        seldom(st.sampled_from([0, 3, 16, 99, 65_536]), 1),
        seldom(st.sampled_from([0, 3, 50, 70_000]), 1),
    ),
    1,
)
prefixes = st.sampled_from(["", "", "a", "a/", "a//", "b", "é", "zz"])
delimiters = st.sampled_from(["", "/", "/", "//", "b", "é"])
markers = st.one_of(st.just(""), keys)
limits = st.sampled_from([0, 1, 1, 2, 3, 1000])


class S3Machine(RuleBasedStateMachine):
    """Each rule is one request, to the server and to the model."""

    make_world: type[MemoryWorld] = MemoryWorld

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make_world()
        self.model = Model()
        self.failed = False
        self.ended: list[tuple[str, str, str]] = []
        for name in BUCKETS:
            self.perform(s3.create_bucket(name))

    def teardown(self) -> None:
        try:
            if self.failed:
                return
            found = pages.observe(self.world.send)
            assert not pages.differences(self.model, found)
            pages.check_ids_unique(self.model)
            self.world.check(self.model)
            assert not pages.differences(self.model, pages.observe(self.world.send))
        finally:
            self.world.close()

    def perform(self, operation: s3.Operation, pieces: int = 0) -> Answer:
        try:
            answer = self.world.perform(operation, self.model, pieces)
        except AssertionError:
            self.failed = True
            raise
        note(f"{answer.status} {answer.error}: {operation.request[:3]}")
        return answer

    @initialize(status=st.sampled_from(["", "Enabled", "Suspended"]), seed=picks)
    def begin(self, status: str, seed: int) -> None:
        """Something of everything, so that the first requests find what they ask for."""
        rng = Random(seed)
        for number in range(10):
            if number == 5 and status:
                self.perform(s3.put_versioning("first", status))
            body = body_of(number, rng.choice(SIZES))
            key = rng.choice(KEYS[:4])
            self.perform(s3.put_object(rng.choice(BUCKETS), key, body))
        for key in ("a", "a/"):
            self.perform(s3.create_upload("first", key))
            id = next(id for id, one in self.model.buckets["first"].uploads.items()
                      if one.key == key) or ""
            for number in (1, 2, 4):
                body = body_of(number, rng.choice(SIZES[6:]))
                self.perform(s3.upload_part("first", key, id, number, body))

    # Choosing what there is

    def versions(self, bucket: str, key: str) -> list[Version]:
        place = self.model.buckets.get(bucket)
        return place.keys.get(key, []) if place else []

    def place(self, pick: int) -> tuple[str, str]:
        """A bucket and a key that has versions, mostly; else any."""
        if pick % 5 == 0:
            return BUCKETS[pick // 5 % len(BUCKETS)], KEYS[pick // 10 % len(KEYS)]
        found = [(name, key) for name, bucket in self.model.buckets.items() for key in bucket.keys]
        return found[pick % len(found)] if found else (BUCKETS[0], KEYS[0])

    def version_id(self, place: tuple[str, str], pick: int) -> str:
        """The id of a version of the key mostly, else none, null, or one that is nobody's."""
        ids = [one.id or "" for one in self.versions(*place)]
        choice = ["", *ids] if pick % 8 else ["null", FOREIGN_ID]
        return choice[pick // 8 % len(choice)]

    def named(self, pick: int) -> tuple[str, str, str]:
        """A place and a version in it."""
        place = self.place(pick)
        return *place, "" if pick % 2 else self.version_id(place, pick // 2)

    def tag(self, place: tuple[str, str, str], what: str | None) -> str | None:
        if what in (None, "*"):
            return what
        versions = [one for one in self.versions(*place[:2]) if place[2] in ("", one.id)]
        return versions[0].etag if what == "current" and versions else "f" * 32

    def condition(self, place: tuple[str, str, str], wish: Wish) -> Condition:
        versions = [one for one in self.versions(*place[:2]) if place[2] in ("", one.id)]
        base = versions[0].modified_s if versions else None
        base = self.world.clock.ms // 1000 if base is None else base
        return Condition(
            self.tag(place, wish.match),
            self.tag(place, wish.none),
            None if wish.since is None else base + wish.since,
            None if wish.unmodified is None else base + wish.unmodified,
        )

    def upload(self, pick: int) -> tuple[str, str, str, Upload | None]:
        """(bucket, key, id, upload) of an open upload mostly, else of one that has ended."""
        found: list[tuple[str, str, str, Upload | None]] = [
            (name, upload.key, id or "", upload)
            for name, bucket in self.model.buckets.items()
            for id, upload in bucket.uploads.items()
        ]
        choice = [one for one in found if one[3] and one[3].answer is None]
        if not choice or pick % 8 == 0:
            ended = [(*one, None) for one in self.ended[-2:]]
            choice = [*found, *ended, ("first", "a", FOREIGN_ID, None)]
        return choice[pick // 8 % len(choice)]

    # Rules

    @rule(bucket=buckets, delete=st.booleans())
    def create_or_delete_bucket(self, bucket: str, delete: bool) -> None:
        place = self.model.buckets.get(bucket)
        uploads = {} if place is None else place.uploads
        if delete:
            answer = self.perform(s3.delete_bucket(bucket))
            if not answer.error:
                self.ended += [(bucket, one.key, id or "") for id, one in uploads.items()]
        else:
            self.perform(s3.create_bucket(bucket))

    @rule(bucket=st.sampled_from((*BUCKETS[1:] * 4, BUCKETS[0])))
    def empty_and_delete_bucket(self, bucket: str) -> None:
        for key, versions in list(self.versions_of(bucket).items()):
            for version in list(versions):
                self.perform(s3.delete_object(bucket, key, version.id or ""))
        self.create_or_delete_bucket(bucket, True)
        self.create_or_delete_bucket(bucket, False)

    def versions_of(self, bucket: str) -> dict[str, list[Version]]:
        place = self.model.buckets.get(bucket)
        return place.keys if place else {}

    @rule(bucket=buckets, status=st.sampled_from(["Enabled", "Enabled", "Suspended"]))
    def set_versioning(self, bucket: str, status: str) -> None:
        self.perform(s3.put_versioning(bucket, status))

    @rule(passed=st.sampled_from([1, 5, 100]))
    def let_time_pass(self, passed: int) -> None:
        self.world.clock.advance(passed)

    @rule(
        bucket=buckets, key=keys, body=bodies, given=attributes, wish=writing,
        pieces=st.sampled_from([0, 0, 1, 3]),
    )  # fmt: skip
    def put(
        self, bucket: str, key: str, body: bytes, given: Attributes, wish: Wish, pieces: int
    ) -> None:
        condition = self.condition((bucket, key, ""), wish)
        self.perform(s3.put_object(bucket, key, body, given, condition), pieces)

    @rule(pick=picks, bodies=st.lists(bodies, min_size=1, max_size=5))
    def put_again(self, pick: int, bodies: list[bytes]) -> None:
        place = self.place(pick)
        for body in bodies:
            self.perform(s3.put_object(*place, body))

    @rule(
        method=st.sampled_from(["GET", "HEAD"]), pick=picks, wish=reading, span=spans,
        part=seldom(st.sampled_from([1, 2, 3])),
    )  # fmt: skip
    def read(
        self, method: str, pick: int, wish: Wish, span: tuple[int | None, int | None] | None,
        part: int | None,
    ) -> None:  # fmt: skip
        place = self.named(pick)
        condition = self.condition(place, wish)
        wanted = None if span == (None, None) or part else span
        self.perform(s3.read_object(method, *place, condition, wanted, part or 0))

    @rule(pick=picks, wish=matching)
    def delete(self, pick: int, wish: Wish) -> None:
        place = self.named(pick)
        condition = self.condition((*place[:2], ""), wish)
        self.perform(s3.delete_object(*place, condition))

    @rule(
        bucket=buckets, quiet=st.booleans(),
        chosen=st.lists(st.tuples(keys, picks, matching), min_size=1, max_size=4),
    )  # fmt: skip
    def delete_many(
        self, bucket: str, quiet: bool, chosen: list[tuple[str, int, Wish]]
    ) -> None:
        targets = [
            (key, self.version_id((bucket, key), pick), self.tag((bucket, key, ""), wish.match))
            for key, pick, wish in chosen
        ]
        place = self.model.buckets.get(bucket)
        # A quiet answer does not tell the ids of markers.
        silent = quiet and place is not None and place.versioning != "Enabled"
        self.perform(s3.delete_objects(bucket, targets, silent))

    @rule(
        pick=picks, goal=st.tuples(buckets, keys), onto_itself=st.booleans(), given=attributes,
        directives=st.tuples(st.booleans(), st.booleans()), wish=reading, goal_wish=writing,
    )  # fmt: skip
    def copy(
        self, pick: int, goal: tuple[str, str], onto_itself: bool, given: Attributes,
        directives: tuple[bool, bool], wish: Wish, goal_wish: Wish,
    ) -> None:  # fmt: skip
        source = self.named(pick)
        if onto_itself:
            goal = source[:2]
        there = self.condition(source, wish)
        here = self.condition((*goal, ""), goal_wish)
        self.perform(s3.copy_object(source, goal, given, directives, there, here))

    @rule(pick=picks, tags=seldom(tag_sets, 1))
    def set_tags(self, pick: int, tags: Any) -> None:
        place = self.named(pick)
        self.perform(s3.put_tags(*place, tags))
        self.perform(s3.get_tags(*place))

    @rule(bucket=buckets, key=keys, given=attributes)
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
        pick=picks, number=st.sampled_from([1, 2, 3]), source=picks,
        span=seldom(
            st.tuples(st.sampled_from([0, 1, 65_000]), st.sampled_from([0, 60, 70_000])), 1
        ),
    )  # fmt: skip
    def copy_part(
        self, pick: int, number: int, source: int, span: tuple[int, int] | None
    ) -> None:
        bucket, key, id, _ = self.upload(pick)
        named = self.named(source)
        self.perform(s3.upload_part_copy(bucket, key, id, number, named, span))

    @rule(
        pick=picks, chosen=st.sampled_from(["all", "all", "last", "odd"]),
        wrong=seldom(st.sampled_from(["etag", "order", "number", "none"])),
        wish=writing, repeat=st.booleans(),
    )  # fmt: skip
    def complete(
        self, pick: int, chosen: str, wrong: str | None, wish: Wish, repeat: bool
    ) -> None:
        bucket, key, id, upload = self.upload(pick)
        asked: list[tuple[int, str]] = []
        if upload is not None and upload.answer is not None and chosen == "all":
            asked = list(upload.answer[0])
        elif upload is not None:
            asked = [(number, part.etag) for number, part in sorted(upload.parts.items())]
            slices = {"last": slice(-1, None), "odd": slice(0, None, 2)}
            asked = asked[slices.get(chosen, slice(None))]
        if wrong == "etag" and asked:
            asked[-1] = (asked[-1][0], "0" * 32)
        elif wrong == "order":
            asked = asked[::-1]
        elif wrong == "number":
            asked.append((9_999 if not asked or asked[-1][0] < 9_999 else 10_000, "0" * 32))
        elif wrong == "none":
            asked = []
        condition = self.condition((bucket, key, ""), wish)
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
        after=markers, limit=limits, url=st.booleans(),
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
        bucket=buckets, prefix=prefixes, delimiter=delimiters, after=markers,
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
        bucket=buckets, prefix=prefixes, delimiter=delimiters, after=markers,
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


MACHINES = {
    "memory": (S3Machine, 200),
    "files": (FileMachine, 200),
    "encrypted": (EncryptedMachine, 60),
}


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
