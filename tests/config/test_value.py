"""What a configuration says of itself."""

from __future__ import annotations

import msgspec

from z4tw.config import Config, load


def make(**flags: str) -> Config:
    return load({name.replace("_", "-"): value for name, value in flags.items()}, {}, "/srv")


def test_the_access_log_lies_in_the_data_directory_unless_it_is_told_otherwise() -> None:
    assert make().access_log_path == "/srv/data/_z4meta/log/access.jsonl"
    assert make(access_log="off").access_log_path is None
    assert make(access_log="-").access_log_path == "-"
    assert make(access_log="log/a").access_log_path == "/srv/log/a"


def test_tls_is_on_with_a_certificate_or_a_self_signed_one() -> None:
    assert not make().secure
    assert make(tls="self-signed").secure
    assert make(tls_cert="c", tls_key="k").secure


def test_auto_means_one_worker_per_cpu() -> None:
    assert make().worker_count(4) == 4
    assert make(workers="auto").worker_count(0) == 1
    assert make(workers="3").worker_count(8) == 3


def test_a_configuration_survives_the_way_to_a_worker() -> None:
    config = make(domain="s3.local", port="0")
    assert msgspec.json.decode(msgspec.json.encode(config), type=Config) == config
