"""The generated rows agree with the installed botocore."""

from __future__ import annotations

import botocore.session

from z4tw.s3.operation_rows import ROWS


def test_rows_say_what_botocores_model_says() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    rows = {row[0]: row for row in ROWS}
    both = rows.keys() & set(model.operation_names)
    assert len(both) >= 90
    for name in both:
        _, method, level, marker, _, _ = rows[name]
        http = model.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        assert method == http["method"]
        assert marker == query.split("&")[0].partition("=")[0]
        if path != "/WriteGetObjectResponse":
            assert level == {"/": "service", "/{Bucket}": "bucket"}.get(path, "object")


def test_names_are_unique_and_sorted() -> None:
    names = [row[0] for row in ROWS]
    assert names == sorted(set(names))
