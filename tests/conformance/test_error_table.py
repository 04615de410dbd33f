"""The table of errors over real HTTP: each answers what it should, and changes nothing."""

from __future__ import annotations

import os
import runpy
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.conformance.error_cases import GOOD, ROWS, Recipe, Row
from tests.conformance.raw import (
    EMPTY_SHA256,
    SIGNED_CHUNKS,
    UNSIGNED,
    Reply,
    Request,
    Secret,
    Wire,
    in_mode,
)
from tests.conformance.world import Client, World, altered, build_world
from tests.processes import Key, ServerProcess
from z4tw.s3.operations import SUPPORTED
from z4tw.secrets import SecretSeal
from z4tw.sts.sessions import SessionSeal

ROOT = Path(os.environ.get("Z4_SOURCE_TREE") or Path(__file__).parents[2])


@pytest.fixture(scope="module")
def world(server: ServerProcess, alice: Key, bob: Key) -> World:
    return build_world(server, alice, bob)


@pytest.fixture(scope="module")
def wires(server: ServerProcess) -> Iterator[list[Wire]]:
    """At most one connection, which the rows share while it is open."""
    held: list[Wire] = []
    yield held
    for wire in held:
        wire.close()


def signed(world: World, recipe: Recipe) -> Request:
    """The request of a recipe, signed as its ``how`` says."""
    client = world.client(recipe.who)
    signer = client.signer
    request = world.request(recipe.method, recipe.path, recipe.query, recipe.headers, recipe.body)
    how = recipe.how
    if how == "anonymous":
        return replace(request, headers={"Host": client.host, **request.headers})
    if how == "unknown-key":
        signer = replace(signer, key=Secret("Z4UNKNOWNUNKNOWNUNKN", "secret"))
    elif how.endswith("wrong-secret"):
        signer = replace(signer, key=Secret(client.key.access_key_id, "wrong"))
    elif how == "late":
        signer = replace(signer, offset_s=-16 * 60)
    elif how == "region":
        signer = replace(signer, region="eu-west-1")
    elif how == "token":
        signer = replace(signer, token="rubbish")
    elif how == "ended-session":
        secret, token = ended_session(
            world.server, client.key.access_key_id, client.key.secret_access_key
        )
        signer = replace(signer, key=secret, token=token)
    elif how == "expect":
        return altered(signer.sign(request, UNSIGNED).request, expect="100-continue")
    elif how == "transfer-encoding":
        return altered(signer.sign(request, UNSIGNED).request, transfer_encoding="chunked")
    elif how == "bad-mode":
        return signer.sign(request, "STREAMING-NOTHING").request
    elif how == "no-mode":
        return without(signer.sign(request).request, "x-amz-content-sha256")
    elif how == "version-2":
        return altered(signer.sign(request).request, authorization=f"AWS {'A' * 20}:c2ln")
    elif how == "unsigned-header":
        return altered(signer.sign(request).request, x_amz_meta_added="later")
    elif how == "both":
        other = signer.sign(request).request.headers["Authorization"]
        return altered(signer.presign(request).request, authorization=other)
    elif how == "expired":
        return replace(signer, offset_s=-3600).presign(request).request
    elif how == "long-lived":
        return signer.presign(request, expires_s=604_801).request
    elif how == "other-body":
        made = signer.sign(request).request
        return replace(made, body=bytes([made.body[0] ^ 1]) + made.body[1:])
    elif how in ("no-decoded-length", "bad-decoded-length"):
        headers = {} if how.startswith("no") else {"x-amz-decoded-content-length": "many"}
        request = replace(request, headers={**request.headers, **headers})
        return signer.sign(request, SIGNED_CHUNKS).request
    elif how == "other-trailer":
        request = in_mode(signer, request, recipe.mode)
        return replace(request, body=request.body.replace(b"checksum-crc32:", b"checksum-sha1:"))
    if how == "presigned-wrong-secret":
        return signer.presign(request).request
    return in_mode(
        signer,
        request,
        recipe.mode,
        bad=recipe.bad,
        declared_length=recipe.declared_length,
        trailers=recipe.trailers,
        chunks=recipe.chunks,
    )


@cache
def ended_session(
    server: ServerProcess, access_key_id: str, secret_access_key: str
) -> tuple[Secret, str]:
    """Temporary credentials as the server makes them, but for the time at which they end."""
    client = Client(server.port, Key("", access_key_id, secret_access_key))
    form = Request(
        "POST",
        "/",
        headers={"content-type": "application/x-www-form-urlencoded"},
        body=b"Action=GetSessionToken&Version=2011-06-15",
    )
    reply = client.send(replace(client.signer, service="sts").sign(form).request)
    client.drop()
    control_key = bytes.fromhex((server.data / "_z4meta" / "control.key").read_text().strip())
    seal = SessionSeal(SecretSeal(control_key, os.urandom).derive, os.urandom)
    session = msgspec.structs.replace(seal.open(reply.field("SessionToken")), expires_s=1)
    secret = Secret(reply.field("AccessKeyId"), reply.field("SecretAccessKey"))
    return secret, seal.seal(session)


def without(request: Request, name: str) -> Request:
    kept = {key: value for key, value in request.headers.items() if key.lower() != name}
    return replace(request, headers=kept)


def test_the_table_has_every_supported_operation() -> None:
    assert set(GOOD) | {"PostObject"} == SUPPORTED  # a form is not signed as the others are
    assert "PostObject" in {row.operation for row in ROWS}
    assert len(ROWS) >= 150
    seen = [(row.operation, row.code, row.trigger) for row in ROWS]
    assert sorted({row for row in seen if seen.count(row) > 1}) == []


def test_the_documentation_is_made_of_this_table() -> None:
    """Written anew by ``python tools/error_coverage.py``."""
    made = runpy.run_path(str(ROOT / "tools" / "error_coverage.py"))["page"]()
    assert (ROOT / "doc" / "errors.rst").read_text(encoding="utf-8") == made


class Unchanged:
    """What the world looked like when it was last looked at."""

    def __init__(self) -> None:
        self.seen: Any = None


@pytest.fixture(scope="module")
def unchanged() -> Unchanged:
    return Unchanged()


def show(row: Row) -> str:
    return f"{row.operation or 'none'}-{row.code}-{row.trigger}"


@pytest.mark.parametrize("row", ROWS, ids=show)
def test_an_error(row: Row, world: World, wires: list[Wire], unchanged: Unchanged) -> None:
    request = signed(world, row.recipe)
    if unchanged.seen is None:
        unchanged.seen = world.snapshot()
    if not wires:
        wires.append(Wire(world.server.port))
    if row.recipe.how == "expect":
        wires[0].send(request.head())
        reply = wires[0].reply(request.method)
        assert reply.interim == ()
        assert reply.closes
    elif row.recipe.how == "no-length":
        reply = wires[0].ask(request.head().replace(b"Content-Length: 0\r\n", b""))
    else:
        reply = wires[0].ask(request)
    assert (reply.status, reply.code or row.code) == (row.status, row.code), reply.body
    check_form(request, row, reply)

    if row.recipe.how == "expect":
        assert wires[0].ended()
        wires.pop().close()
    else:
        assert not reply.closes
        again = wires[0].ask(world.alice.signer.sign(Request()).request)
        assert (again.status, again.field("ListAllMyBucketsResult")) == (200, "")

    if request.method not in ("GET", "HEAD"):
        before, unchanged.seen = unchanged.seen, world.snapshot()
        assert unchanged.seen == before


def check_form(request: Request, row: Row, reply: Reply) -> None:
    """An error document is complete, and a response without a body has none."""
    assert len(reply.headers["x-amz-request-id"]) == 16
    assert reply.headers["x-amz-id-2"]
    if row.status == 304 or request.method == "HEAD":
        assert reply.body == b""
        assert reply.headers.get("content-length") in (None, "0")
        return
    assert reply.headers["content-type"] == "application/xml"
    if row.inside:
        return
    assert reply.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>')
    assert reply.field("Message")
    assert reply.field("Resource").startswith("/")
    assert reply.field("RequestId") == reply.headers["x-amz-request-id"]
    assert reply.field("HostId") == reply.headers["x-amz-id-2"]
    if row.trigger.startswith("the operation"):
        assert row.operation in reply.field("Message")


def test_the_empty_hash_is_that_of_nothing(world: World) -> None:
    """The signer of these tests is right where it should be."""
    request = world.alice.signer.sign(Request("GET", f"/{world.names['bucket']}/object"))
    assert request.request.headers["x-amz-content-sha256"] == EMPTY_SHA256
    reply = world.alice.send(request.request)
    assert (reply.status, reply.body) == (200, b"0123456789")
