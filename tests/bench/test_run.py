"""A run makes its bucket, fills it, measures in turn, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.bench.support import make_target
from z4tw.bench import run as run_module
from z4tw.bench.job import Job, Operation
from z4tw.bench.measured import Measured
from z4tw.bench.recorder import Counted, Interval
from z4tw.bench.run import Run
from z4tw.bench.settings import Settings
from z4tw.bench.target import BenchError, Target

ONE, TWO = make_target(1), make_target(2)


class Stage:
    """What a run does, noted; ``breaks`` maps a step to an exception that it raises."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.breaks: dict[str, BaseException] = {}
        self.errors: dict[str, int] = {}
        self.jobs: list[Job] = []

    def note(self, step: str) -> None:
        self.steps.append(step)
        if step in self.breaks:
            raise self.breaks[step]


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()

    class Control:
        def __init__(self, target: Target) -> None:
            self.port = target.port

        def make_bucket(self, bucket: str) -> None:
            stage.note(f"{self.port} make {bucket}")

        def check_bucket(self, bucket: str) -> None:
            stage.note(f"{self.port} check {bucket}")

        def remove_objects(self, bucket: str, prefix: str) -> int:
            stage.note(f"{self.port} clean {bucket} {prefix}")
            return 0

        def remove_bucket(self, bucket: str) -> None:
            stage.note(f"{self.port} remove {bucket}")

    monkeypatch.setattr(run_module, "Control", Control)
    return stage


def crew(stage: Stage) -> Callable[..., Any]:
    class Crew:
        def __init__(self, show: Callable[[Measured], bool]) -> None:
            self.show, self.interrupted = show, False

        def run(self, jobs: Sequence[Job]) -> Measured:
            stage.jobs += jobs
            job = jobs[0]
            step = f"{job.target.port} {job.workload}"
            try:
                stage.note(step + (f" {job.keys}" if job.workload == "fill" else ""))
            except KeyboardInterrupt:
                self.interrupted = True
            measured = Measured([Operation("x", "GET")])
            errors = stage.errors if job.workload == "fill" else {}
            measured.take(Interval(1.0, [Counted({1: 1})], errors))
            self.show(measured)
            return measured

    return Crew


def make(stage: Stage, *targets: Target, **settings: Any) -> Run:
    return Run(Settings(**settings), targets or (ONE,), lambda line: None, "x", crew(stage))


def test_one_endpoint(stage: Stage) -> None:
    results = make(stage, workloads=("put", "get", "head", "delete")).perform()
    assert stage.steps == [
        "1 make z4-bench-x", "1 put", "1 fill objects", "1 get", "1 head",
        "1 fill delete", "1 delete", "1 clean z4-bench-x z4-bench-x/", "1 remove z4-bench-x",
    ]  # fmt: skip
    assert [result.workload for result in results] == ["put", "get", "head", "delete"]
    assert all(measured.requests == 1 for r in results for measured in r.measured if measured)


def test_two_endpoints_take_turns(stage: Stage) -> None:
    (result,) = make(stage, ONE, TWO, workloads=("get",), rounds=2).perform()
    assert [s for s in stage.steps if s.endswith("get")] == ["1 get", "2 get", "1 get", "2 get"]
    assert [m.requests for m in result.measured if m] == [2, 2]
    assert "2 remove z4-bench-x-1" in stage.steps


def test_a_bucket_that_was_given_stays(stage: Stage) -> None:
    make(stage, workloads=("put",), bucket="mine").perform()
    assert stage.steps == ["1 check mine", "1 put", "1 clean mine z4-bench-x/"]


def test_connections_are_shared_out(stage: Stage) -> None:
    make(stage, workloads=("put",), processes=3, concurrency=8).perform()
    assert [job.concurrency for job in stage.jobs] == [3, 3, 2]
    assert [job.index for job in stage.jobs] == [0, 1, 2]


def test_an_interrupt_ends_it_with_what_there_is(stage: Stage) -> None:
    stage.breaks["1 get"] = KeyboardInterrupt()
    run = make(stage, ONE, TWO, workloads=("get", "put"))
    (result,) = run.perform()
    assert run.interrupted
    assert result.measured[0] is not None
    assert result.measured[1] is None
    assert stage.steps[-4:] == [
        "1 clean z4-bench-x z4-bench-x/", "1 remove z4-bench-x",
        "2 clean z4-bench-x-1 z4-bench-x-1/", "2 remove z4-bench-x-1",
    ]  # fmt: skip


@pytest.mark.parametrize("step", ["1 make z4-bench-x", "1 fill objects"])
def test_an_interrupt_before_anything_was_measured(stage: Stage, step: str) -> None:
    stage.breaks[step] = KeyboardInterrupt()
    run = make(stage, workloads=("get",))
    run.perform()
    assert run.interrupted
    assert stage.steps[-1] == "1 remove z4-bench-x"


def test_a_bucket_that_could_not_be_made_is_not_removed(stage: Stage) -> None:
    stage.breaks["2 make z4-bench-x-1"] = BenchError("no")
    with pytest.raises(BenchError, match="no"):
        make(stage, ONE, TWO).perform()
    assert not any(step.startswith(("2 clean", "2 remove")) for step in stage.steps)
    assert stage.steps[-1] == "1 remove z4-bench-x"


def test_objects_that_cannot_be_put_end_it(stage: Stage) -> None:
    stage.errors = {"AccessDenied": 3}
    with pytest.raises(BenchError, match="AccessDenied"):
        make(stage, workloads=("get",)).perform()
    assert stage.steps[-1] == "1 remove z4-bench-x"


@pytest.mark.parametrize("error", [BenchError("cannot"), KeyboardInterrupt()])
def test_what_is_left_behind_is_told(stage: Stage, error: BaseException) -> None:
    stage.breaks["1 clean z4-bench-x z4-bench-x/"] = error
    run = make(stage, workloads=("put",))
    run.perform()
    assert len(run.leftovers) == 1


def test_cleaning_up_outlasts_one_interrupt(stage: Stage) -> None:
    step = "1 clean z4-bench-x z4-bench-x/"

    class Once(dict[str, BaseException]):
        def __getitem__(self, name: str) -> BaseException:
            return self.pop(name)

    stage.breaks = Once({step: KeyboardInterrupt()})
    run = make(stage, workloads=("put",))
    run.perform()
    assert run.interrupted
    assert run.leftovers == []
    assert stage.steps[-3:] == [step, step, "1 remove z4-bench-x"]
