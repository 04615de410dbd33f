"""Random S3 requests on whole servers of operations answer as a naive model of S3 does.

Three worlds: stores in memory; SQLite and files; the same encrypted. ``--long`` or a number in
``Z4_TEST_EXAMPLES`` makes the runs longer.
"""

from __future__ import annotations

import os
from random import Random

import pytest
from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from tests.ops.harness import Answer
from tests.proofs.actor import Actor
from tests.proofs.listings import check_ids_unique, differences, observe
from tests.proofs.model import Model, Refused
from tests.proofs.operations import Operation
from tests.proofs.worlds import EncryptedWorld, FileWorld, MemoryWorld

EXAMPLES = int(os.environ.get("Z4_TEST_EXAMPLES") or 0)
seeds = st.integers(0, (1 << 64) - 1)


class S3Machine(RuleBasedStateMachine):
    """Every request goes to the server and to the model.

    What a step does follows from its seed: with a strategy per argument most requests would be
    refused for one argument or another. A failing run is still shortened to the steps it needs.
    """

    make_world: type[MemoryWorld] = MemoryWorld

    def __init__(self) -> None:
        super().__init__()
        self.world = self.make_world()
        self.model = Model(self.make_world.encrypts)
        self.failed = False
        self.actor = Actor(self.model, self.perform)

    def teardown(self) -> None:
        try:
            if self.failed:
                return
            found = observe(self.world.send)
            assert differences(self.model, found) == []
            check_ids_unique(found)
            self.world.check(self.model)
            assert differences(self.model, observe(self.world.send)) == []
        finally:
            self.world.close()

    def perform(self, operation: Operation, pieces: int) -> Answer:
        note(f"{operation.request[:3]}, body of {len(operation.request.body)} bytes")
        try:
            answer = self.world.perform(operation, self.model, pieces)
        except BaseException:
            self.failed = True
            raise
        note(f"    {answer.status} {answer.error}")
        return answer

    @initialize(status=st.sampled_from(["", "Enabled", "Suspended"]))
    def begin(self, status: str) -> None:
        self.actor.begin(status)

    @rule(first=seeds, second=seeds, third=seeds)
    def act(self, first: int, second: int, third: int) -> None:
        for seed in (first, second, third):
            self.world.clock.advance(seed % 8 // 7 * (seed % 100))
            self.actor.now_s = self.world.clock.ms // 1000
            if seed % 40 == 0:
                note("reap")
                self.world.reap()
            if seed % 12 == 0:
                self.move(seed)
            self.actor.act(seed)

    def move(self, seed: int) -> None:
        """A version gets another class, as by a lifecycle rule, between two requests."""
        self.actor.rng = Random(seed)
        place = self.actor.named()
        storage_class = ("ZSTD", "ZSTD", "GLACIER")[seed // 12 % 3]
        try:
            self.model.move(*place, storage_class)
        except Refused:
            return
        note(f"move {place} to {storage_class}")
        self.world.move(*place, storage_class)


class FileMachine(S3Machine):
    make_world = FileWorld


class EncryptedMachine(S3Machine):
    make_world = EncryptedWorld


MACHINES = {
    "memory": (S3Machine, 80),
    "files": (FileMachine, 80),
    "encrypted": (EncryptedMachine, 30),
}


def play(machine: type[S3Machine], examples: int, steps: int, fixed: bool) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=fixed,
            database=None,
            print_blob=not fixed,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(900)  # a failing run is shortened for up to five minutes
@pytest.mark.parametrize("name", MACHINES)
def test_random_requests_answer_as_the_model_does(name: str) -> None:
    machine, examples = MACHINES[name]
    play(machine, EXAMPLES or examples, 50, fixed=not EXAMPLES)


@pytest.mark.long
@pytest.mark.timeout(36_000)
@pytest.mark.parametrize("name", MACHINES)
def test_many_random_requests_answer_as_the_model_does(name: str) -> None:
    play(MACHINES[name][0], EXAMPLES or 3000, 150, fixed=False)
