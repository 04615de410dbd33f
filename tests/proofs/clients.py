"""Clients of a machine that loses power: what they ask for, and what they must find afterwards."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from tests.ops.harness import Key
from tests.proofs import operations as s3
from tests.proofs.listings import adopt, differences
from tests.proofs.model import Attributes, Condition, Model, Upload
from tests.proofs.power import Life

SIZES = (0, 1, 16, 17, 60, 300, 300, 5_000, 66_000, 140_000)
KEYS = ("a", "a/1", "b")
SHARED = "shared"
LOG = "log"
ONCE = "once"
SHARED_KEYS = ("x", "y")


class Client:
    """One client with two buckets of its own; ``model`` has what it was told.

    Nobody else touches its buckets, so after a loss of power they must be as they were, with the
    effect of the one request in flight or without it.
    """

    def __init__(self, number: int, rng: Random) -> None:
        self.rng = rng
        self.names = f"client{number}-a", f"client{number}-b"
        self.model = Model()
        self.flying: s3.Operation | None = None
        self.served = 0

    async def run(self, life: Life, requests: int) -> None:
        """Send requests one after the other. Raises ``PowerLost``."""
        for _ in range(requests):
            operation = self.flying = self.choose()
            answer = await life.serve(operation.request, life.machine.user)
            operation.settle(self.model, answer)
            self.flying = None
            self.served += 1

    def check(self, life: Life, found: Model) -> None:
        """After a start: what is there is what was acknowledged, and the request in flight wholly
        or not at all. A completion in flight is repeated, as clients do."""
        seen = Model()
        seen.buckets = {name: one for name, one in found.buckets.items() if name in self.names}
        operation, self.flying = self.flying, None
        states = [self.model] if operation is None else operation.outcomes(self.model)
        wrong = [differences(state, seen) for state in states]
        request = None if operation is None else operation.request[:3]
        assert [] in wrong, f"in flight: {request}; {wrong}"
        self.model = states[wrong.index([])]
        adopt(self.model, seen)
        if operation is not None and is_completion(operation.request):
            operation.settle(self.model, life.send(operation.request))

    # Choosing

    def choose(self) -> s3.Operation:
        rng = self.rng
        missing = [name for name in self.names if name not in self.model.buckets]
        if len(missing) == len(self.names) or (missing and rng.random() < 0.5):
            return s3.create_bucket(rng.choice(missing))
        present = [name for name in self.names if name not in missing]
        weights = [weight for weight, _ in CHOICES]
        _, choice = rng.choices(CHOICES, weights)[0]
        return choice(self, rng.choice(present), rng.choice(KEYS))

    def body(self) -> bytes:
        return self.rng.randbytes(self.rng.choice(SIZES))

    def attributes(self) -> Attributes:
        tags = (("k", str(self.rng.randrange(9))),) if self.rng.random() < 0.3 else ()
        return Attributes((("n", str(self.rng.randrange(9))),), "text/plain", tags)

    def named(self, bucket: str, key: str) -> tuple[str, str, str]:
        """A version that is there, if there is one."""
        place = self.model.buckets[bucket]
        if key not in place.keys and place.keys:
            key = self.rng.choice(sorted(place.keys))
        versions = place.keys.get(key, [])
        version = self.rng.choice(versions).id if versions and self.rng.random() < 0.5 else ""
        return bucket, key, version or ""

    def put(self, bucket: str, key: str) -> s3.Operation:
        return s3.put_object(bucket, key, self.body(), self.attributes())

    def get(self, bucket: str, key: str) -> s3.Operation:
        return s3.read_object("GET", *self.named(bucket, key))

    def delete(self, bucket: str, key: str) -> s3.Operation:
        return s3.delete_object(*self.named(bucket, key))

    def delete_many(self, bucket: str, key: str) -> s3.Operation:
        chosen = KEYS[: self.rng.choice((1, 3))]
        return s3.delete_objects(bucket, [(one, "", None) for one in chosen])

    def delete_bucket(self, bucket: str, key: str) -> s3.Operation:
        """Empty it a little more each time."""
        place = self.model.buckets[bucket]
        for name, versions in place.keys.items():
            return s3.delete_object(bucket, name, versions[0].id or "")
        return s3.delete_bucket(bucket)

    def copy(self, bucket: str, key: str) -> s3.Operation:
        source = self.named(self.rng.choice(sorted(self.model.buckets)), self.rng.choice(KEYS))
        return s3.copy_object(source, (bucket, key), self.attributes(), (True, False))

    def tag(self, bucket: str, key: str) -> s3.Operation:
        return s3.put_tags(*self.named(bucket, key), (("t", str(self.rng.randrange(99))),))

    def version(self, bucket: str, key: str) -> s3.Operation:
        return s3.put_versioning(bucket, self.rng.choice(("Enabled", "Enabled", "Suspended")))

    def begin(self, bucket: str, key: str) -> s3.Operation:
        return s3.create_upload(bucket, key, self.attributes())

    def upload(self, bucket: str) -> tuple[str, Upload] | None:
        uploads = self.model.buckets[bucket].uploads
        opened = [(id, one) for id, one in uploads.items() if one.answer is None and id]
        return self.rng.choice(opened) if opened else None

    def part(self, bucket: str, key: str) -> s3.Operation:
        chosen = self.upload(bucket)
        if chosen is None:
            return self.begin(bucket, key)
        id, upload = chosen
        number = self.rng.choice((1, 2, 3))
        if self.rng.random() < 0.3:
            return s3.upload_part_copy(bucket, upload.key, id, number, self.named(bucket, key))
        return s3.upload_part(bucket, upload.key, id, number, self.body())

    def complete(self, bucket: str, key: str) -> s3.Operation:
        chosen = self.upload(bucket)
        if chosen is None or not chosen[1].parts:
            return self.part(bucket, key)
        id, upload = chosen
        listed = [(number, part.etag) for number, part in sorted(upload.parts.items())]
        return s3.complete_upload(bucket, upload.key, id, listed)

    def abort(self, bucket: str, key: str) -> s3.Operation:
        chosen = self.upload(bucket)
        if chosen is None:
            return self.get(bucket, key)
        return s3.abort_upload(bucket, chosen[1].key, chosen[0])


CHOICES: list[tuple[int, Callable[[Client, str, str], s3.Operation]]] = [
    (30, Client.put), (8, Client.get), (8, Client.delete), (4, Client.delete_many),
    (4, Client.delete_bucket), (10, Client.copy), (6, Client.tag), (4, Client.version),
    (5, Client.begin), (14, Client.part), (9, Client.complete), (2, Client.abort),
]  # fmt: skip


def is_completion(request: s3.Request) -> bool:
    return request.method == "POST" and "?uploadId=" in request.target


class Write(NamedTuple):
    """A write of a key that several clients write: when it began, and ended (None: unknown)."""

    body: bytes | None
    began: int
    ended: int | None


class Contenders:
    """Clients that write the same keys: of ``shared`` the value is looked at, of the versioned
    ``log`` every version; in ``once`` only the first may create a key."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.time = 0
        self.count = 0
        self.writes: dict[str, list[Write]] = {key: [Write(None, 0, 0)] for key in SHARED_KEYS}
        self.logged: dict[str, bytes] = {}
        self.sent: set[bytes] = set()
        self.tried: dict[str, set[bytes]] = {}
        self.won: dict[str, bytes] = {}

    def setup(self, life: Life) -> None:
        """Make the buckets."""
        model = Model()
        made = [s3.create_bucket(name) for name in (SHARED, LOG, ONCE)]
        for operation in (*made, s3.put_versioning(LOG, "Enabled")):
            operation.settle(model, life.send(operation.request))

    async def run(self, life: Life, requests: int) -> None:
        """Write and delete. Raises ``PowerLost``."""
        for _ in range(requests):
            self.count += 1
            body = b"%d:" % self.count + self.rng.randbytes(self.rng.choice((3, 40, 300)))
            chance = self.rng.random()
            if chance < 0.2:
                await self.create(life, f"{self.count // 3}", body)
            elif chance < 0.5:
                self.sent.add(body)
                request = s3.put_object(LOG, "key", body).request
                answer = await life.serve(request, life.machine.user)
                assert not answer.error, answer
                self.logged[answer.headers[s3.VERSION]] = body
            else:
                await self.write(life, None if self.rng.random() < 0.3 else body)

    async def create(self, life: Life, key: str, body: bytes) -> None:
        self.tried.setdefault(key, set()).add(body)
        request = s3.put_object(ONCE, key, body, condition=Condition(None, "*")).request
        answer = await life.serve(request, life.machine.user)
        assert answer.error in ("", "PreconditionFailed"), answer
        if not answer.error:
            assert key not in self.won, f"{key} was created twice"
            self.won[key] = body

    async def write(self, life: Life, body: bytes | None) -> None:
        key = self.rng.choice(SHARED_KEYS)
        deleting = s3.delete_object(SHARED, key)
        operation = deleting if body is None else s3.put_object(SHARED, key, body)
        self.time += 1
        began, writes = self.time, self.writes[key]
        writes.append(Write(body, began, None))
        answer = await life.serve(operation.request, life.machine.user)
        assert not answer.error, answer
        self.time += 1
        writes[writes.index(Write(body, began, None))] = Write(body, began, self.time)

    def check(self, found: Model) -> None:
        """Each key has the value of a write that none that was acknowledged came wholly after;
        the log has every acknowledged version, and nothing that was not sent; a key that was
        created once has the value of its creator."""
        for key, tried in self.tried.items():
            versions = found.buckets[ONCE].keys.get(key, [])
            value = versions[0].body if versions else None
            assert value == self.won[key] if key in self.won else value in {None, *tried}
            if value is not None:
                self.won[key] = value
        for key, writes in self.writes.items():
            versions = found.buckets[SHARED].keys.get(key, [])
            value = versions[0].body if versions else None
            last = max(write.began for write in writes if write.ended is not None)
            possible = [write for write in writes if write.ended is None or write.ended >= last]
            assert value in [write.body for write in possible], (key, value, possible)
            self.time += 1
            writes[:] = [Write(value, self.time, self.time)]
        log = found.buckets[LOG].keys.get("key", [])
        bodies = {version.id: version.body for version in log}
        lost = {id: body for id, body in self.logged.items() if bodies.get(id) != body}
        assert not lost, f"lost of the log: {sorted(lost)}"
        assert {version.body for version in log} <= self.sent
        assert len(set(bodies.values())) == len(log)
        self.logged = {id or "": body for id, body in bodies.items()}


class KeyMaker:
    """Makes access keys, one after the other."""

    def __init__(self) -> None:
        self.count = 0
        self.made: list[Key] = []
        self.flying = ""

    async def run(self, life: Life, keys: int) -> None:
        """Raises ``PowerLost``."""
        for _ in range(keys):
            self.count += 1
            name = self.flying = f"key{self.count}"
            made: dict[str, Any] = await life.admin.key_create(name)
            life.power.step("reply.before")
            key = Key(name, made["access_key_id"], made["secret_access_key"])
            self.made.append(key)
            self.flying = ""

    def check(self, life: Life) -> None:
        """Every key that was shown works; one in flight is there wholly or not at all."""
        for key in self.made:
            answer = life.now(life.serve(s3.Request("GET", "/"), key))
            assert not answer.error, (key.name, answer)
        name, self.flying = self.flying, ""
        if name:
            listed = {one["name"]: one for one in life.now(life.admin.key_list())}
            if name in listed:
                assert listed[name]["account_id"], f"half a key: {listed[name]}"
            else:
                life.now(life.admin.key_create(name))
        del self.made[:-3]
