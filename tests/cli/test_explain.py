"""``z4 explain``: decisions and signatures, for people and for scripts."""

from __future__ import annotations

from pathlib import Path

from tests.cli.support import Z4
from tests.sigv4.test_dump import CURL, LOG


def prepared(z4: Z4) -> None:
    z4("key", "create", "acme")
    z4("key", "create", "other")
    z4("bucket", "create", "box", "--key", "acme")


def test_a_decision_is_told_with_its_reason(z4: Z4) -> None:
    prepared(z4)
    upon = ("--action", "s3:GetObject", "--bucket", "box", "--object", "key")
    shown = z4("explain", "--key", "acme", *upon)
    assert "decision    allowed" in shown
    assert "the root user of the account that owns the bucket" in shown
    ran = z4.run("explain", "--key", "other", *upon, "--data", str(z4.data))
    assert ran.status == 1
    assert "decision    denied" in ran.out
    assert "nothing allows it" in ran.out
    assert z4.run("explain", "--anonymous", *upon, "--data", str(z4.data)).status == 1
    found = z4.json("explain", "--user", "acme", *upon, "--condition", "aws:SourceIp=10.0.0.1")
    assert found["allowed"] is True
    assert found["conditions"]["aws:SourceIp"] == "10.0.0.1"


def test_what_is_missing_is_said(z4: Z4) -> None:
    prepared(z4)
    assert "say who asks" in z4.refused("explain", "--action", "s3:GetObject")
    assert "a condition is KEY=VALUE" in z4.refused(
        "explain", "--anonymous", "--action", "s3:GetObject", "--condition", "nonsense"
    )
    assert "--action" in z4.refused("explain", "--key", "acme", status=2)


def test_both_sides_of_a_signature_are_compared(z4: Z4, tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_text(LOG)
    ran = z4.run("explain", "--request", str(file), "--data", str(z4.data))
    assert ran.status == 1
    assert "The two sides differ first in the header host." in ran.out
    assert "  - host:localhost:9670\n  + host:proxy&co\n" in ran.out
    file.write_text(LOG.replace("proxy&amp;co", "localhost:9670").replace("xyz", "abc"))
    ran = z4.run("explain", "--request", str(file), "--data", str(z4.data))
    assert "Both sides signed the same text: the secret keys differ." in ran.out
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text(LOG.partition("botocore.parsers")[0])
    other.write_text(LOG.partition("botocore.parsers")[2])
    ran = z4.run("explain", "--request", str(one), "--request", str(other), "--data", str(z4.data))
    assert "The two sides differ first in the header host." in ran.out


def test_a_request_head_is_judged_by_the_store(z4: Z4, tmp_path: Path) -> None:
    prepared(z4)
    file = tmp_path / "head"
    file.write_text(CURL)
    ran = z4.run("explain", "--request", str(file), "--data", str(z4.data), "--json")
    assert ran.status == 1
    assert '"error": "AuthorizationHeaderMalformed"' in ran.out
    file.write_text("nothing")
    assert "no request head" in z4.refused("explain", "--request", str(file))
    missing = str(tmp_path / "missing")
    assert "cannot read" in z4.refused("explain", "--request", missing)
