"""A whole run: bucket, objects, rounds, figures, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from z4tw.bench.control import Control
from z4tw.bench.crew import Crew
from z4tw.bench.job import FILL, Job
from z4tw.bench.measured import Measured
from z4tw.bench.settings import Settings
from z4tw.bench.target import BenchError, Target

_NEEDS_OBJECTS = {"get", "mixed", "list", "head"}
_ENDLESS_S = 1e6
CHANCES = 2
"""How often cleaning up begins again when it is interrupted."""


class Place:
    """A target with the bucket and the prefix that this run uses there."""

    def __init__(self, target: Target, bucket: str, made: bool, prefix: str) -> None:
        self.target, self.bucket, self.made, self.prefix = target, bucket, made, prefix
        self.control = Control(target)
        self.filled = False


class Result:
    """One workload: what was measured at each target, None where it did not come to that."""

    def __init__(self, workload: str, count: int) -> None:
        self.workload = workload
        self.measured: list[Measured | None] = [None] * count


class Run:
    """One or two targets and the workloads. ``show`` takes a line on how far it is; ``token`` is
    random text for names. ``leftovers`` says what could not be removed."""

    def __init__(
        self,
        settings: Settings,
        targets: Sequence[Target],
        show: Callable[[str], None],
        token: str,
        crew: Callable[..., Any] = Crew,
    ) -> None:
        self._settings, self._show, self._crew = settings, show, crew
        self._places = []
        for number, target in enumerate(targets):
            # Both targets may be one server.
            name = f"{token}-{number}" if number else token
            bucket = settings.bucket or f"z4-bench-{name}"
            prefix = f"z4-bench-{name}/"
            self._places.append(Place(target, bucket, not settings.bucket, prefix))
        self.interrupted = False
        self.leftovers: list[str] = []

    def perform(self) -> list[Result]:
        """Measure everything. An interrupt ends it early. Raises ``BenchError``."""
        results: list[Result] = []
        begun: list[Place] = []
        try:
            for place in self._places:
                self._begin(place, begun)
            for workload in self._settings.workloads:
                result = Result(workload, len(self._places))
                results.append(result)
                self._workload(result)
                if self.interrupted:
                    break
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            for place in begun:
                self._clean(place)
        return results

    def _begin(self, place: Place, begun: list[Place]) -> None:
        if not place.made:
            place.control.check_bucket(place.bucket)
            begun.append(place)
            return
        self._show(f"making the bucket {place.bucket} at {place.target.endpoint}")
        # Noted first: an interrupt may come between the request and its answer.
        begun.append(place)
        try:
            place.control.make_bucket(place.bucket)
        except BenchError:
            begun.remove(place)
            raise

    def _workload(self, result: Result) -> None:
        workload = result.workload
        for place in self._places:
            if workload in _NEEDS_OBJECTS and not place.filled:
                self._fill(place, "objects")
                place.filled = True
        for number in range(self._settings.rounds):
            for at, place in enumerate(self._places):
                if self.interrupted:
                    return
                if workload == "delete":
                    self._fill(place, "delete")
                measured = self._measure(place, workload, number)
                before = result.measured[at]
                if before is None:
                    result.measured[at] = measured
                else:
                    before.absorb(measured)

    def _fill(self, place: Place, keys: str) -> None:
        total = self._settings.objects

        def show(measured: Measured) -> bool:
            self._show(f"putting objects: {measured.requests:,} of {total:,}")
            return bool(measured.errors)

        crew = self._crew(show)
        measured = crew.run(self._jobs(place, FILL, _ENDLESS_S, keys))
        if measured.errors:
            code = measured.errors.most_common(1)[0][0]
            raise BenchError(f"cannot put objects at {place.target.endpoint}: {code}")
        if crew.interrupted:
            raise KeyboardInterrupt

    def _measure(self, place: Place, workload: str, number: int) -> Measured:
        settings = self._settings
        name = workload
        if len(self._places) > 1:
            name += f" at {place.target.endpoint}"
        if settings.rounds > 1:
            name += f", round {number + 1} of {settings.rounds}"

        def show(measured: Measured) -> bool:
            errors = sum(measured.errors.values())
            self._show(
                f"{name}: {measured.seconds:.0f} of {settings.duration_s:g} s, "
                f"{measured.requests:,} requests, {measured.rate:,.0f}/s, {errors:,} errors"
            )
            return False

        self._show(f"{name}: signing")
        crew = self._crew(show)
        measured: Measured = crew.run(self._jobs(place, workload, settings.duration_s))
        self.interrupted = self.interrupted or crew.interrupted
        return measured

    def _jobs(
        self, place: Place, workload: str, duration_s: float, keys: str = "objects"
    ) -> list[Job]:
        settings = self._settings
        count = settings.processes
        return [
            Job(
                place.target,
                place.bucket,
                place.prefix,
                workload,
                settings.objects,
                settings.size,
                settings.concurrency // count + (index < settings.concurrency % count),
                duration_s,
                index,
                count,
                settings.part_size,
                keys,
            )
            for index in range(count)
        ]

    def _clean(self, place: Place) -> None:
        where = f"{place.bucket}/{place.prefix} at {place.target.endpoint}"
        for _ in range(CHANCES):
            try:
                self._show(f"removing {where}")
                place.control.remove_objects(place.bucket, place.prefix)
                if place.made:
                    place.control.remove_bucket(place.bucket)
                return
            except BenchError as error:
                self.leftovers.append(str(error))
                return
            except KeyboardInterrupt:
                self.interrupted = True
        self.leftovers.append(f"interrupted: {where} is left behind")
