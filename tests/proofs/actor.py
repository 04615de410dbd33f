"""Someone who uses all of S3 at random: requests that mostly find what they ask for."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TypeVar

from tests.ops.harness import Answer
from tests.proofs import listings as pages
from tests.proofs import operations as s3
from tests.proofs.model import (
    ALWAYS,
    FREE,
    Attributes,
    Condition,
    Lock,
    Model,
    Upload,
    Version,
    common_prefix,
    order,
)

BUCKETS = ("first", "second", "locked")
KEYS = ("a", "a/", "a/1", "a/b/c", "a//x", "ab", "b/1", "é/1", "\U0001f600/x", "a+b c&<é>.txt")
SIZES = (0, 1, 15, 16, 17, 39, 40, 41, 100, 1000, 65_535, 65_536, 65_537, 140_000)
SIZE_WEIGHTS = (3, 3, 3, 4, 4, 2, 3, 3, 6, 4, 1, 2, 2, 1)
TAG_SETS: tuple[s3.Tags, ...] = (
    (), (), (("k", "v"),), (("é", "1"), ("a b", "x/y=z"), ("c", "")),
)  # fmt: skip
METADATA = ((), (), (("n", "1"),), (("n", "2"), ("other", "a value")))
PREFIXES = ("", "", "", "a", "a/", "a//", "b", "é", "zz")
DELIMITERS = ("", "", "/", "/", "//", "b", "é")
LIMITS = (0, 1, 1, 2, 3, 4, 1000)
FOREIGN_ID = "0" * 32
T = TypeVar("T")


class Actor:
    """Chooses by ``rng`` and sends with ``perform``; ``model`` is what it knows."""

    def __init__(self, model: Model, perform: Callable[[s3.Operation, int], Answer]) -> None:
        self.model = model
        self.now_s = 0
        self.rng = Random(0)
        self.ended: list[tuple[str, str, str]] = []
        self._perform = perform

    def perform(self, operation: s3.Operation, pieces: int = 0) -> Answer:
        return self._perform(operation, pieces)

    def act(self, seed: int) -> None:
        """One action; the seed says which."""
        self.rng = Random(seed)
        weights = [weight for weight, _ in ACTIONS]
        _, action = self.rng.choices(ACTIONS, weights)[0]
        action(self)

    def begin(self, status: str) -> None:
        """Something of everything, so that the first requests find what they ask for."""
        for name in BUCKETS:
            self.perform(s3.create_bucket(name, locked=name == "locked"))
        for number in range(10):
            if number == 5 and status:
                self.perform(s3.put_versioning("first", status))
            self.perform(s3.put_object(self.bucket(), self.rng.choice(KEYS[:4]), self.body()))
        for key in ("a", "a/"):
            answer = self.perform(s3.create_upload("first", key))
            for number in (1, 2, 4):
                id = answer.text("UploadId") or ""
                self.perform(s3.upload_part("first", key, id, number, self.body(40)))

    # Choosing what there is

    def seldom(self, value: T, one_in: int = 4) -> T | None:
        return value if self.rng.randrange(one_in) == 0 else None

    def body(self, least: int = 0) -> bytes:
        size = self.rng.choices(SIZES, SIZE_WEIGHTS)[0]
        return Random(self.rng.randrange(8)).randbytes(max(size, least))

    def bucket(self) -> str:
        return self.rng.choice((*BUCKETS, BUCKETS[0], BUCKETS[0]))

    def attributes(self) -> Attributes:
        choice = self.rng.choice
        kind, storage = ("binary/octet-stream", "text/plain"), ("STANDARD", "STANDARD", "GLACIER")
        return Attributes(choice(METADATA), choice(kind), choice(TAG_SETS), choice(storage))

    def versions(self, bucket: str, key: str) -> list[Version]:
        place = self.model.buckets.get(bucket)
        return place.keys.get(key, []) if place else []

    def any_place(self) -> tuple[str, str]:
        return self.bucket(), self.rng.choice(KEYS)

    def place(self) -> tuple[str, str]:
        """A bucket and a key that has versions, mostly; else any."""
        found = [(name, key) for name, bucket in self.model.buckets.items() for key in bucket.keys]
        return self.rng.choice(found) if found and self.rng.random() < 0.85 else self.any_place()

    def version_id(self, place: tuple[str, str]) -> str:
        """None, or the id of a version of the key mostly; else null, or one that is nobody's."""
        if self.rng.random() < 0.4:
            return ""
        ids = [one.id or "" for one in self.versions(*place)]
        if not ids or self.rng.random() < 0.15:
            return self.rng.choice(("null", FOREIGN_ID))
        return self.rng.choice(ids)

    def named(self) -> tuple[str, str, str]:
        """A place and a version in it."""
        place = self.place()
        return *place, self.version_id(place)

    def tag(self, place: tuple[str, str, str]) -> str:
        """An ETag to match, the right one mostly."""
        versions = [one for one in self.versions(*place[:2]) if place[2] in ("", one.id)]
        right = versions[0].etag if versions else "f" * 32
        return self.rng.choice(("*", right, right, "f" * 32))

    def reading(self, place: tuple[str, str, str]) -> Condition:
        """Conditions of a read, seldom any."""
        if self.rng.random() < 0.7:
            return ALWAYS
        versions = [one for one in self.versions(*place[:2]) if place[2] in ("", one.id)]
        base = (versions[0].modified_s if versions else None) or self.now_s
        rng = self.rng
        return Condition(
            self.seldom(self.tag(place), 2),
            self.seldom(self.tag(place), 2),
            self.seldom(base + rng.choice((-1, 0, 1)), 2),
            self.seldom(base + rng.choice((-1, 0, 1)), 2),
        )

    def writing(self, place: tuple[str, str]) -> Condition:
        """Conditions of a write, seldom any."""
        chance = self.rng.random()
        if chance < 0.12:
            return Condition(None, "*")
        return Condition(self.tag((*place, ""))) if chance < 0.3 else ALWAYS

    def matching(self, place: tuple[str, str]) -> Condition:
        """A condition of a delete, seldom any."""
        return Condition(self.seldom(self.tag((*place, "")), 5))

    def upload(self) -> tuple[str, str, str, Upload | None]:
        """(bucket, key, id, upload) of an open upload mostly, else of one that has ended."""
        found: list[tuple[str, str, str, Upload | None]] = [
            (name, upload.key, id or "", upload)
            for name, bucket in self.model.buckets.items()
            for id, upload in bucket.uploads.items()
        ]
        opened = [one for one in found if one[3] and one[3].answer is None]
        if opened and self.rng.random() < 0.85:
            return self.rng.choice(opened)
        ended = [(*one, None) for one in self.ended[-2:]]
        return self.rng.choice([*found, *ended, ("first", "a", FOREIGN_ID, None)])

    # Buckets and objects

    def create_bucket(self) -> None:
        name = self.bucket()
        self.perform(s3.create_bucket(name, locked=name == "locked"))

    def delete_bucket(self) -> None:
        """Most are not empty."""
        name = self.rng.choice(BUCKETS)
        place = self.model.buckets.get(name)
        keys = dict(place.keys) if place else {}
        if self.rng.random() < 0.3 and len(keys) < 6:
            for key, versions in keys.items():
                for version in list(versions):
                    self.perform(s3.delete_object(name, key, version.id or ""))
        uploads = dict(place.uploads) if place else {}
        if not self.perform(s3.delete_bucket(name)).error:
            self.ended += [(name, one.key, id or "") for id, one in uploads.items()]

    def set_versioning(self) -> None:
        status = self.rng.choice(("Enabled", "Enabled", "Suspended"))
        self.perform(s3.put_versioning(self.bucket(), status))

    def put(self) -> None:
        place = self.rng.choice((self.place, self.any_place))()
        lock = self.lock(place[0]) if self.rng.random() < 0.3 else FREE
        condition = self.writing(place)
        operation = s3.put_object(*place, self.body(), self.attributes(), condition, lock)
        self.perform(operation, self.rng.choice((0, 0, 1, 3)))

    def post(self) -> None:
        place = self.rng.choice((self.place, self.any_place))()
        operation = s3.post_object(*place, self.body(), self.attributes())
        self.perform(operation, self.rng.choice((0, 1)))

    def read(self) -> None:
        rng, place = self.rng, self.named()
        span: tuple[int | None, int | None] | None = None
        part = self.seldom(rng.choice((1, 2, 3)), 5) or 0
        if not part and rng.random() < 0.5:
            versions = self.versions(*place[:2])
            size = len(versions[0].body) if versions else 9
            ends = (None, 0, 3, size // 2, size - 1, size, 65_536)
            first, last = rng.choice(ends), rng.choice(ends)
            span = None if first is last is None else (first, last)
            if span is not None and min(one or 0 for one in span) < 0:
                span = None
        method = rng.choice(("GET", "GET", "HEAD"))
        unchanged = self.seldom(self.tag(place).replace("*", "e" * 32)) or ""
        condition = self.reading(place)
        self.perform(s3.read_object(method, *place, condition, span, part, unchanged))

    def delete(self) -> None:
        place = self.named()
        bypass = self.rng.random() < 0.2
        self.perform(s3.delete_object(*place, self.matching(place[:2]), bypass))

    def delete_many(self) -> None:
        bucket = self.bucket()
        keys = [self.rng.choice(KEYS) for _ in range(self.rng.randrange(1, 5))]
        chosen = [
            (key, self.version_id((bucket, key)), self.matching((bucket, key)).if_match)
            for key in keys
        ]
        place = self.model.buckets.get(bucket)
        # A quiet answer does not tell the ids of markers.
        quiet = place is not None and place.versioning != "Enabled" and self.rng.random() < 0.5
        self.perform(s3.delete_objects(bucket, chosen, quiet, self.rng.random() < 0.2))

    def copy(self) -> None:
        source, rng = self.named(), self.rng
        goal = source[:2] if rng.random() < 0.3 else self.any_place()
        directives = rng.random() < 0.5, rng.random() < 0.5
        conditions = self.reading(source), self.writing(goal)
        self.perform(s3.copy_object(source, goal, self.attributes(), directives, *conditions))

    def append(self) -> None:
        place = self.rng.choice((self.place, self.place, self.any_place))()
        versions = self.versions(*place)
        size = len(versions[0].body) if versions and not versions[0].marker else 0
        offset = self.rng.choice((size, size, size, size, 0, size + 1))
        body = self.body()[:1000]
        condition = self.writing(place)
        operation = s3.append_object(*place, offset, body, condition)
        self.perform(operation, self.rng.choice((0, 0, 1, 3)))

    def rename(self) -> None:
        bucket, source = self.place()
        target = self.rng.choice(KEYS)
        reading = self.reading((bucket, source, ""))
        operation = s3.rename_object(
            bucket, source, target, reading, self.writing((bucket, target))
        )
        if not self.perform(operation).error:
            self.perform(s3.see_renamed(bucket, source, target))

    def set_tags(self) -> None:
        place = self.named()
        self.perform(s3.put_tags(*place, self.rng.choice((None, *TAG_SETS))))
        self.perform(s3.get_tags(*place))

    def name_key(self) -> None:
        place = self.named()
        self.perform(s3.name_key(*place))
        self.perform(s3.read_object("GET", *place))

    # Object lock

    def lock(self, bucket: str) -> Lock:
        """A lock to ask for, mostly none where the bucket has no object lock."""
        place = self.model.buckets.get(bucket)
        if (place is None or not place.locked) and self.rng.random() < 0.9:
            return FREE
        choice = self.rng.choice
        if self.rng.random() < 0.3:
            return Lock("", 0, choice(("ON", "OFF")))
        # The server's clock may go on to the next second meanwhile.
        until_s = self.now_s + choice((2, 5, 30, 100, 1000))
        return Lock(choice(("GOVERNANCE", "COMPLIANCE")), until_s, choice(("", "", "ON")))

    def lockable(self) -> tuple[str, str, str]:
        """A version to lock, mostly in a bucket that has object lock."""
        found = [
            (name, key, version.id or "")
            for name, bucket in self.model.buckets.items()
            for key, versions in bucket.keys.items()
            for version in versions
            if bucket.locked and not version.marker
        ]
        return self.rng.choice(found) if found and self.rng.random() < 0.9 else self.named()

    def lock_bucket(self) -> None:
        self.perform(s3.lock_bucket(self.bucket()))

    def retain(self) -> None:
        choice = self.rng.choice
        until_s = self.now_s + choice((-5, 2, 5, 30, 100, 1000))
        mode = choice(("GOVERNANCE", "COMPLIANCE", "GOVERNANCE", "COMPLIANCE", ""))
        self.perform(s3.put_retention(self.lockable(), mode, until_s, choice((True, False))))

    def hold(self) -> None:
        self.perform(s3.put_hold(self.lockable(), self.rng.choice(("ON", "OFF", "OFF"))))

    # Multipart uploads

    def create_upload(self) -> None:
        self.perform(s3.create_upload(*self.any_place(), self.attributes()))

    def put_part(self) -> None:
        bucket, key, id, _ = self.upload()
        number = self.rng.choice((1, 2, 3, 10_000))
        operation = s3.upload_part(bucket, key, id, number, self.body())
        self.perform(operation, self.rng.choice((0, 0, 3)))

    def copy_part(self) -> None:
        bucket, key, id, _ = self.upload()
        source = self.named()
        span = None
        if self.rng.random() < 0.5:
            versions = self.versions(*source[:2])
            size = len(versions[0].body) if versions else 0
            span = self.rng.choice((0, size // 3)), max(size - self.rng.choice((0, 1, 1, 30)), 0)
        self.perform(s3.upload_part_copy(bucket, key, id, self.rng.choice((1, 2, 3)), source, span))

    def complete(self) -> None:
        bucket, key, id, upload = self.upload()
        rng = self.rng
        asked: list[tuple[int, str]] = []
        if upload is not None:
            asked = [(number, part.etag) for number, part in sorted(upload.parts.items())]
            # Parts that are too small may only come last.
            large = [one for one in asked if len(upload.parts[one[0]].body) >= 40]
            asked = rng.choice((asked, asked[-1:], large, large, large[::2]))
            if upload.answer is not None and rng.random() < 0.7:
                asked = list(upload.answer[0])
        wrong = rng.choice((None, None, None, None, "etag", "order", "number", "none"))
        if wrong == "etag" and asked:
            asked[-1] = (asked[-1][0], "0" * 32)
        elif wrong == "order":
            asked = asked[::-1]
        elif wrong == "number":
            asked.append((9_999 if not asked or asked[-1][0] < 9_999 else 10_000, "0" * 32))
        elif wrong == "none":
            asked = []
        operation = s3.complete_upload(bucket, key, id, asked, self.writing((bucket, key)))
        self.perform(operation)
        if rng.random() < 0.4:
            self.perform(operation)

    def abort(self) -> None:
        bucket, key, id, upload = self.upload()
        if upload is not None and upload.answer is None:
            self.ended.append((bucket, key, id))
        self.perform(s3.abort_upload(bucket, key, id))

    # Listings, page after page

    def list_parts(self) -> None:
        bucket, key, id, _ = self.upload()
        limit, after = self.rng.choice(LIMITS), self.rng.choice((0, 0, 1, 2, 9_999))
        while True:
            answer = self.perform(s3.list_parts(bucket, key, id, after, limit))
            if last_page(answer):
                return
            after = int(answer.text("NextPartNumberMarker") or "")

    def shape(self) -> tuple[str, str, int, bool]:
        """Prefix, delimiter, limit, and whether keys come URL-encoded."""
        choice = self.rng.choice
        return choice(PREFIXES), choice(DELIMITERS), choice(LIMITS), choice((True, False))

    def marker(self) -> str:
        return self.rng.choice(("", "", self.rng.choice(KEYS)))

    def list_objects(self) -> None:
        bucket, after = self.bucket(), self.marker()
        prefix, delimiter, limit, url = self.shape()
        second = self.rng.random() < 0.5
        token: str | None = "" if second else None
        while True:
            page = pages.list_objects(bucket, prefix, delimiter, after, limit, url, token)
            answer = self.perform(page)
            if last_page(answer):
                return
            keys, groups, _ = self.model.list_live(bucket, prefix, delimiter, after, limit)
            after = max(keys + groups, key=order)
            if second:
                token = answer.text("NextContinuationToken") or "(lacking)"

    def list_versions(self) -> None:
        bucket, key = self.bucket(), self.marker()
        prefix, delimiter, limit, url = self.shape()
        marker = key, ""
        # A version marker inside a common prefix names nothing that the listing shows.
        if key.startswith(prefix) and not common_prefix(key, prefix, delimiter):
            ids = [one.id or "" for one in self.versions(bucket, key)]
            marker = key, self.rng.choice(["", *ids])
        while True:
            page = pages.list_versions(bucket, prefix, delimiter, marker, limit, url)
            if last_page(self.perform(page)):
                return
            found, groups, _ = self.model.list_versions(bucket, prefix, delimiter, marker, limit)
            marker = pages.following_version(found, groups)

    def list_uploads(self) -> None:
        bucket, marker = self.bucket(), (self.marker(), "")
        prefix, delimiter, limit, url = self.shape()
        while True:
            page = pages.list_uploads(bucket, prefix, delimiter, marker, limit, url)
            if last_page(self.perform(page)):
                return
            found, groups, _ = self.model.list_uploads(bucket, prefix, delimiter, marker, limit)
            marker = pages.following_upload(found, groups)


def last_page(answer: Answer) -> bool:
    return bool(answer.error) or answer.text("IsTruncated") == "false"


ACTIONS: list[tuple[int, Callable[[Actor], None]]] = [
    (2, Actor.create_bucket), (2, Actor.delete_bucket), (4, Actor.set_versioning),
    (20, Actor.put), (5, Actor.post), (16, Actor.read), (6, Actor.delete), (4, Actor.delete_many),
    (14, Actor.copy), (5, Actor.set_tags), (4, Actor.name_key),
    (4, Actor.create_upload), (9, Actor.put_part), (6, Actor.copy_part), (8, Actor.complete),
    (1, Actor.abort), (4, Actor.list_parts),
    (9, Actor.list_objects), (7, Actor.list_versions), (4, Actor.list_uploads),
    (1, Actor.lock_bucket), (6, Actor.retain), (4, Actor.hold),
    (6, Actor.append), (5, Actor.rename),
]  # fmt: skip
