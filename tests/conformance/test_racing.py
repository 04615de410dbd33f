"""Racing conditional writers on connections of both workers: exactly one wins.

All requests of a round are under way before any may end: their last byte is held back, and where a
body is expected, ``100 Continue`` has come for all, so every check that precedes the body has
passed. Then the last bytes go out together.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.raw import Reply, Request, Wire
from tests.conformance.world import Client, part_list, part_of, upload_of
from tests.processes import Key, ServerProcess

WRITERS = 32
LEAST_PER_WORKER = 8
ROUNDS = 200
FEWER_ROUNDS = 25
LOST = (409, 412)

pytestmark = pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux's /proc")


@pytest.fixture(scope="module")
def client(server: ServerProcess, alice: Key) -> Client:
    return Client(server.port, alice)


@pytest.fixture(scope="module")
def wires(server: ServerProcess) -> Iterator[list[Wire]]:
    """Open connections, of which each worker holds some."""
    workers = server.workers()
    assert len(workers) == 2
    held: list[Wire] = []
    chosen: list[Wire] = []
    try:
        while len(chosen) < WRITERS:
            assert len(held) < 1000, "the workers do not share the connections"
            held += [Wire(server.port) for _ in range(WRITERS)]
            for wire in held[-WRITERS:]:
                wire.ask(f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode())
            by_worker = [holding(pid, server.port, held) for pid in workers]
            if min(map(len, by_worker)) >= LEAST_PER_WORKER:
                least = min(min(map(len, by_worker)), WRITERS // 2)
                chosen = [wire for owned in by_worker for wire in owned[:least]]
                rest = [wire for wire in held if wire not in chosen]
                chosen += rest[: WRITERS - len(chosen)]
        yield chosen
    finally:
        for wire in held:
            wire.close()


def holding(pid: int, port: int, wires: list[Wire]) -> list[Wire]:
    """The connections whose other end a process holds."""
    sockets = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(entry))
        except FileNotFoundError:
            continue
    peers = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        here, there = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
        if here == port and f"socket:[{fields[9]}]" in sockets:
            peers.add(there)
    return [wire for wire in wires if wire.local_port in peers]


def race(wires: list[Wire], requests: list[Request]) -> list[Reply]:
    """Hold back the last byte of every request, and release all of them together."""
    for wire, request in zip(wires, requests, strict=True):
        wire.send(request.head() if request.body else request.head()[:-1])
    for wire, request in zip(wires, requests, strict=True):
        if request.body:
            assert wire.head() == (100, {})
            wire.send(request.body[:-1])
    last = [request.wire()[-1:] for request in requests]
    for wire, byte in zip(wires, last, strict=True):
        wire.send(byte)
    return [wire.reply(request.method) for wire, request in zip(wires, requests, strict=True)]


def expecting(client: Client, request: Request) -> Request:
    return client.signer.sign(request.with_headers(Expect="100-continue")).request


def the_winner(replies: list[Reply], lost: tuple[int, ...] = LOST) -> int:
    """The number of the one that succeeded."""
    counts = Counter(reply.status for reply in replies)
    won = [number for number, reply in enumerate(replies) if reply.status in (200, 204)]
    assert len(won) == 1, counts
    assert set(counts) <= {200, 204, *lost}, counts
    for reply in replies:
        if reply.status >= 400:
            assert reply.code in ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey")
    return won[0]


def test_the_connections_are_spread_over_both_workers(
    server: ServerProcess, wires: list[Wire]
) -> None:
    counts = [len(holding(pid, server.port, wires)) for pid in server.workers()]
    assert sum(counts) == WRITERS
    assert min(counts) >= LEAST_PER_WORKER


def test_of_32_puts_of_a_new_key_one_wins(client: Client, bucket: str, wires: list[Wire]) -> None:
    """PutObject with If-None-Match: *, 200 rounds; small bodies and, now and then, large ones."""
    for number in range(ROUNDS):
        size = 100 if number % 20 else 6000
        path = f"/{bucket}/round{number}"
        bodies = [f"{number}-{writer};".encode().ljust(size, b".") for writer in range(WRITERS)]
        requests = [
            expecting(client, Request("PUT", path, headers={"If-None-Match": "*"}, body=body))
            for body in bodies
        ]
        winner = the_winner(race(wires, requests))
        stored = client.do("GET", path)
        assert stored.body == bodies[winner]
        assert stored.headers["etag"] == f'"{hashlib.md5(bodies[winner]).hexdigest()}"'


def test_of_32_versions_of_a_new_key_one_wins(
    client: Client, versioned: str, wires: list[Wire]
) -> None:
    """The same in a bucket with versioning: there is one version afterwards."""
    for number in range(FEWER_ROUNDS):
        path = f"/{versioned}/round{number}"
        bodies = [f"{number}-{writer};".encode() for writer in range(WRITERS)]
        requests = [
            expecting(client, Request("PUT", path, headers={"If-None-Match": "*"}, body=body))
            for body in bodies
        ]
        winner = the_winner(race(wires, requests))
        assert client.do("GET", path).body == bodies[winner]
        listed = client.do("GET", f"/{versioned}", f"versions&prefix=round{number}&max-keys=2")
        assert listed.fields("Key").count(f"round{number}") == 1


def test_of_32_puts_upon_one_etag_one_wins(client: Client, bucket: str, wires: list[Wire]) -> None:
    """PutObject with If-Match: a compare-and-set, again and again on one key."""
    path = f"/{bucket}/register"
    etag = client.do("PUT", path, body=b"first").headers["etag"]
    for number in range(FEWER_ROUNDS):
        bodies = [f"{number}-{writer};".encode() for writer in range(WRITERS)]
        requests = [
            expecting(client, Request("PUT", path, headers={"If-Match": etag}, body=body))
            for body in bodies
        ]
        replies = race(wires, requests)
        winner = the_winner(replies)
        etag = replies[winner].headers["etag"]
        stored = client.do("GET", path)
        assert (stored.body, stored.headers["etag"]) == (bodies[winner], etag)


def test_of_deletes_and_puts_upon_one_etag_one_wins(
    client: Client, bucket: str, wires: list[Wire]
) -> None:
    """DeleteObject with If-Match against PutObject with If-Match. Who comes after a deletion finds
    no object."""
    path = f"/{bucket}/contended"
    for number in range(FEWER_ROUNDS):
        etag = client.do("PUT", path, body=f"{number}".encode()).headers["etag"]
        bodies = [f"{number}-{writer}".encode() for writer in range(WRITERS)]
        requests = [
            expecting(client, Request("PUT", path, headers={"If-Match": etag}, body=bodies[writer]))
            if writer % 2
            else client.signer.sign(Request("DELETE", path, headers={"If-Match": etag})).request
            for writer in range(WRITERS)
        ]
        # The deletions are not to come first always.
        turn = number % 2
        order = wires[turn:] + wires[:turn]
        winner = the_winner(race(order, requests), (*LOST, 404))
        stored = client.ask("GET", path)
        if winner % 2:
            assert stored.body == bodies[winner]
        else:
            assert stored.status == 404


def test_of_32_copies_to_a_new_key_one_wins(client: Client, bucket: str, wires: list[Wire]) -> None:
    """CopyObject with If-None-Match: *, of sources that lie inline and in files."""
    bodies = [f"source{writer}".encode() * (1 + 800 * (writer % 2)) for writer in range(WRITERS)]
    for writer, body in enumerate(bodies):
        client.do("PUT", f"/{bucket}/source{writer}", body=body)
    for number in range(FEWER_ROUNDS):
        path = f"/{bucket}/copy{number}"
        requests = [
            client.signer.sign(
                Request(
                    "PUT",
                    path,
                    headers={
                        "If-None-Match": "*",
                        "x-amz-copy-source": f"/{bucket}/source{writer}",
                    },
                )
            ).request
            for writer in range(WRITERS)
        ]
        winner = the_winner(race(wires, requests))
        assert client.do("GET", path).body == bodies[winner]


def test_of_32_completions_of_a_new_key_one_wins(
    client: Client, bucket: str, wires: list[Wire]
) -> None:
    """CompleteMultipartUpload with If-None-Match: * of different uploads of one key. The uploads
    that lose stay open, and race again in the next round."""
    path = f"/{bucket}/completed"
    uploads: list[tuple[str, bytes, str]] = []

    def another(writer: str) -> tuple[str, bytes, str]:
        body = f"part of {writer}".encode()
        upload = upload_of(client, path)
        return upload, body, part_of(client, path, upload, 1, body)

    uploads = [another(f"upload {writer}") for writer in range(WRITERS)]
    for number in range(FEWER_ROUNDS):
        requests = [
            expecting(
                client,
                Request(
                    "POST",
                    path,
                    f"uploadId={upload}",
                    {"If-None-Match": "*"},
                    part_list((1, etag)).encode(),
                ),
            )
            for upload, _, etag in uploads
        ]
        winner = the_winner(race(wires, requests))
        assert client.do("GET", path).body == uploads[winner][1]
        client.do("DELETE", path)
        uploads[winner] = another(f"upload {winner} of round {number}")
    listed = client.do("GET", f"/{bucket}", "uploads").fields("UploadId")
    assert sorted(listed) == sorted(upload for upload, _, _ in uploads)


def test_one_upload_completed_32_times_at_once_gives_one_object(
    client: Client, versioned: str, wires: list[Wire]
) -> None:
    """The same completion on many connections: all succeed with the same answer, and there is one
    version."""
    for number in range(FEWER_ROUNDS):
        path = f"/{versioned}/twice{number}"
        upload = upload_of(client, path)
        etag = part_of(client, path, upload, 1, f"{number}".encode())
        request = expecting(
            client, Request("POST", path, f"uploadId={upload}", body=part_list((1, etag)).encode())
        )
        replies = race(wires, [request] * WRITERS)
        assert {reply.status for reply in replies} == {200}
        assert len({reply.headers["x-amz-version-id"] for reply in replies}) == 1
        listed = client.do("GET", f"/{versioned}", f"versions&prefix=twice{number}&max-keys=9")
        assert listed.fields("Key").count(f"twice{number}") == 1


def test_a_part_is_never_half_of_two(client: Client, bucket: str, wires: list[Wire]) -> None:
    """32 uploads of the same part: the last to be stored stays, whole."""
    path = f"/{bucket}/part"
    for number in range(5):
        upload = upload_of(client, path)
        bodies = [f"{number}-{writer}-".encode() * 1000 for writer in range(WRITERS)]
        query = f"partNumber=1&uploadId={upload}"
        replies = race(
            wires, [expecting(client, Request("PUT", path, query, body=body)) for body in bodies]
        )
        assert {reply.status for reply in replies} == {200}
        etag = client.do("GET", path, f"uploadId={upload}").field("ETag").strip('"')
        client.do("POST", path, f"uploadId={upload}", part_list((1, etag)))
        stored = client.do("GET", path).body
        assert stored in bodies
        assert hashlib.md5(stored).hexdigest() == etag
