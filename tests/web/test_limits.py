"""The defaults fit each other."""

from __future__ import annotations

from z4tw.web.limits import HttpLimits


def test_a_head_has_room_for_its_headers_and_a_long_presigned_url() -> None:
    limits = HttpLimits()
    assert limits.max_head_bytes == 16 * 1024
    assert limits.max_headers == 100


def test_a_body_pauses_long_before_a_refused_one_is_cut_off() -> None:
    limits = HttpLimits()
    assert limits.body_high_water < limits.discard_limit


def test_a_head_must_come_sooner_than_an_idle_connection_ends() -> None:
    limits = HttpLimits()
    assert limits.header_timeout_s < limits.idle_timeout_s
