"""``z4 bucket``: made, listed, shown, deleted; keys allowed and denied."""

from __future__ import annotations

import pytest

from tests.cli.support import Z4


@pytest.fixture
def keys(z4: Z4) -> None:
    for name in ("alice", "bob"):
        z4("key", "create", name)


def test_a_bucket_belongs_to_root_or_to_a_key(z4: Z4, keys: None) -> None:
    assert z4("bucket", "create", "common") == "made bucket common, owned by root\n"
    assert z4.json("bucket", "create", "photos", "--key", "alice")["owner"] == "alice"
    heading, *rows = z4("bucket", "list").splitlines()
    assert heading.split() == ["NAME", "OWNER", "VERSIONING", "CREATED"]
    assert [row.split()[:3] for row in rows] == [
        ["common", "root", "off"],
        ["photos", "alice", "off"],
    ]


def test_a_first_bucket_makes_the_store(z4: Z4) -> None:
    assert z4("bucket", "create", "common").startswith("made bucket")


def test_rights_are_given_and_taken(z4: Z4, keys: None) -> None:
    z4("bucket", "create", "photos", "--key", "alice")
    shown = z4("bucket", "allow", "photos", "--key", "bob", "--read", "--write")
    assert "bob (read, write)" in shown
    assert z4.json("key", "info", "bob")["granted_buckets"] == {"photos": ["read", "write"]}
    assert "photos (read, write)" in z4("key", "info", "bob")
    denied = z4.json("bucket", "deny", "photos", "--key", "bob", "--write")
    assert denied["grants"] == {"bob": ["read"]}
    z4("bucket", "allow", "photos", "--key", "bob", "--owner")
    assert z4.json("bucket", "deny", "photos", "--key", "bob")["grants"] == {}


def test_a_bucket_is_deleted(z4: Z4, keys: None) -> None:
    z4("bucket", "create", "photos")
    assert z4("bucket", "delete", "photos") == "deleted bucket photos\n"
    assert z4("bucket", "list") == "There is no bucket.\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("bucket", "create", "No_Good"), "bucket name 'No_Good': "),
        (("bucket", "create", "photos", "--key", "carol"), "there is no key named carol"),
        (("bucket", "info", "photos"), "there is no bucket named photos"),
        (("bucket", "delete", "photos"), "there is no bucket named photos"),
        (("bucket", "allow", "photos", "--key", "bob", "--read"), "there is no bucket named"),
        (("bucket", "allow", "photos", "--key", "bob"), "name what to allow: read, write or owner"),
        (("bucket", "deny", "photos", "--key", "carol"), "there is no key named carol"),
        (("bucket", "quota", "photos"), "there is no bucket named photos"),
        (("bucket", "alias", "add", "photos", "pictures"), "there is no bucket named photos"),
        (("bucket", "alias", "remove", "pictures"), "there is no alias named pictures"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(
    z4: Z4, keys: None, arguments: tuple[str, ...], line: str
) -> None:
    assert z4.refused(*arguments).startswith(f"z4: {line}")


def test_a_name_twice_is_refused(z4: Z4) -> None:
    z4("bucket", "create", "photos")
    assert z4.refused("bucket", "create", "photos") == (
        "z4: there is a bucket named photos already"
    )


def test_a_quota_is_set_shown_and_removed(z4: Z4, keys: None) -> None:
    z4("bucket", "create", "photos")
    assert "0 of 1024" in z4("bucket", "quota", "photos", "--bytes", "1KiB")
    shown = z4.json("bucket", "quota", "photos", "--objects", "7")
    assert shown["quota"] == {"bytes": 1024, "objects": 7}
    assert "0 of 7" in z4("bucket", "info", "photos")
    assert "0 of any" in z4("bucket", "quota", "photos", "--remove")


def test_aliases_are_given_listed_and_taken(z4: Z4, keys: None) -> None:
    z4("bucket", "create", "photos")
    made = z4("bucket", "alias", "add", "photos", "pictures")
    assert made == "pictures is another name of photos\n"
    assert z4.json("bucket", "alias", "list") == [{"alias": "pictures", "bucket": "photos"}]
    assert z4("bucket", "alias", "list", "photos").splitlines()[1].split() == ["pictures", "photos"]
    assert "pictures" in z4("bucket", "info", "photos")
    gone = z4("bucket", "alias", "remove", "pictures")
    assert gone == "pictures is no name of photos any more\n"
    assert z4("bucket", "alias", "list") == "There is no alias.\n"


@pytest.mark.parametrize(("option", "text"), [("--bytes", "lots"), ("--objects", "1.5")])
def test_a_limit_is_a_number(z4: Z4, keys: None, option: str, text: str) -> None:
    z4("bucket", "create", "photos")
    line = z4.refused("bucket", "quota", "photos", option, text, status=2)
    assert line.startswith(f"z4 bucket quota: {option}: a ")
