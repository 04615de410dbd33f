"""What bucket policies cost a GET: in one process, without sockets, everything in memory.

Usage: python benchmarks/policy.py [--seconds S] [--rounds N]

Prints microseconds per signed GET of 1 KiB by an owner and by another account with a grant, for
the evaluators that there may be; rounds of all cases take turns, and the best round of each counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from tests.ops.harness import REGION, Harness, Key, PieceBody, run  # noqa: E402
from z4tw.interfaces import Exchange, RequestHead  # noqa: E402
from z4tw.policy.bucket_policy import BucketPolicyEvaluator  # noqa: E402
from z4tw.policy.grants import GrantsEvaluator  # noqa: E402

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"],
            "Condition": {"NotIpAddress": {"aws:SourceIp": ["127.0.0.0/8", "10.0.0.0/8"]}},
        },
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": "arn:aws:s3:::bucket/*",
        },
    ],
}


class Case:
    """One way to ask, ready to be repeated."""

    def __init__(self, name: str, evaluators: list[Any], policy: bool, role: str) -> None:
        self.name = name
        self.best_us = float("inf")
        harness = Harness(evaluators=evaluators)
        harness.bucket()
        harness.put("/bucket/key", b"x" * 1024)
        key: Key | None = harness.user
        if role == "granted":
            key = harness.key("reader")
            run(harness.admin.bucket_allow("bucket", "reader", read=True))
        elif role == "anonymous":
            key = None
        if policy:
            document = json.dumps(POLICY).encode()
            assert harness.request("PUT", "/bucket?policy", body=document).status == 204
        self._head: RequestHead = harness.head_of(
            "GET", "/bucket/key", {}, b"", key, None, REGION, False, False
        )
        self._respond = harness.service.respond

    def measure(self, seconds: float) -> None:
        """Repeat it for a while."""
        count = 0
        started = time.perf_counter()
        while time.perf_counter() - started < seconds:
            for _ in range(200):
                answer = run(self._respond(Exchange(self._head, PieceBody([]))))
                assert answer.status == 200
            count += 200
        self.best_us = min(self.best_us, (time.perf_counter() - started) / count * 1e6)


def cases() -> list[Case]:
    """The cases; the first one of a role is what the others of it are compared with."""

    def all_of_them() -> list[Any]:
        return [GrantsEvaluator(), BucketPolicyEvaluator()]

    return [
        Case("owner, no evaluators", [], False, "owner"),
        Case("owner, grants and bucket-policy, no policy", all_of_them(), False, "owner"),
        Case("owner, a policy of two statements", all_of_them(), True, "owner"),
        Case("granted, grants alone", [GrantsEvaluator()], False, "granted"),
        Case("granted, grants and bucket-policy, no policy", all_of_them(), False, "granted"),
        Case("granted, a policy of two statements", all_of_them(), True, "granted"),
        Case("anonymous, a policy of two statements", all_of_them(), True, "anonymous"),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=0.5)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    measured = cases()
    for _ in range(options.rounds):
        for case in measured:
            case.measure(options.seconds)
    bases = {case.name.split(",")[0]: case.best_us for case in reversed(measured)}
    for case in measured:
        base = bases[case.name.split(",")[0]]
        print(f"{case.name:48} {case.best_us:7.1f} us  {(case.best_us / base - 1) * 100:+5.1f} %")


if __name__ == "__main__":
    main()
