"""The documents of public access blocks, ownership controls and policy statuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.ops.harness import NS
from z4tw.errors import MalformedXML, MissingRequestBodyError
from z4tw.s3.access_settings import (
    FLAGS,
    OWNERSHIPS,
    ownership_controls,
    parse_ownership_controls,
    parse_public_access_block,
    policy_status,
    public_access_block,
)

ROOT = "PublicAccessBlockConfiguration"


@pytest.mark.parametrize("on", [(), *[(flag,) for flag in FLAGS], FLAGS])
def test_a_block_is_read_and_written(on: tuple[str, ...]) -> None:
    flags = {flag: flag in on for flag in FLAGS}
    written = public_access_block(flags)
    assert parse_public_access_block(written) == flags
    for flag in on:
        assert f"<{flag}>true</{flag}>".encode() in written


def test_flags_that_are_not_named_are_off() -> None:
    body = f"<{ROOT}><BlockPublicPolicy> TRUE\n</BlockPublicPolicy></{ROOT}>".encode()
    flags = parse_public_access_block(body)
    assert [flag for flag in FLAGS if flags[flag]] == ["BlockPublicPolicy"]
    assert not any(parse_public_access_block(f'<{ROOT} xmlns="{NS[1:-1]}"/>'.encode()).values())


@pytest.mark.parametrize(
    "inside",
    [
        "<BlockPublicAcls/>",
        "<BlockPublicAcls>yes</BlockPublicAcls>",
        "<BlockPublicAcls>1</BlockPublicAcls>",
        "<BlockEverything>true</BlockEverything>",
        "<BlockPublicAcls>true</BlockPublicAcls><BlockPublicAcls>true</BlockPublicAcls>",
        "<BlockPublicAcls><A>true</A></BlockPublicAcls>",
    ],
)
def test_blocks_that_cannot_be_read(inside: str) -> None:
    with pytest.raises(MalformedXML):
        parse_public_access_block(f"<{ROOT}>{inside}</{ROOT}>".encode())


@pytest.mark.parametrize("ownership", sorted(OWNERSHIPS))
def test_ownership_is_read_and_written(ownership: str) -> None:
    assert parse_ownership_controls(ownership_controls(ownership)) == ownership


@pytest.mark.parametrize(
    "inside",
    [
        "",
        "<Rule/>",
        "<Rule><ObjectOwnership>Nobody</ObjectOwnership></Rule>",
        "<Rule><ObjectOwnership/></Rule>",
        "<Rule><Owner>ObjectWriter</Owner></Rule>",
        "<Role><ObjectOwnership>ObjectWriter</ObjectOwnership></Role>",
        "<Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>" * 2,
        "<Rule>" + "<ObjectOwnership>ObjectWriter</ObjectOwnership>" * 2 + "</Rule>",
        "<Rule><ObjectOwnership><A>ObjectWriter</A></ObjectOwnership></Rule>",
    ],
)
def test_ownership_that_cannot_be_read(inside: str) -> None:
    with pytest.raises(MalformedXML):
        parse_ownership_controls(f"<OwnershipControls>{inside}</OwnershipControls>".encode())


@pytest.mark.parametrize("parse", [parse_public_access_block, parse_ownership_controls])
def test_an_empty_body_and_other_documents(parse: Callable[[bytes], Any]) -> None:
    with pytest.raises(MissingRequestBodyError):
        parse(b"")
    for body in (b"<Other/>", b"{}", b"<!DOCTYPE a []><a/>"):
        with pytest.raises(MalformedXML):
            parse(body)


def test_the_status_of_a_policy() -> None:
    assert b"<IsPublic>true</IsPublic>" in policy_status(True)
    assert b"<IsPublic>false</IsPublic>" in policy_status(False)
