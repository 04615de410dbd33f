"""Event notifications from boto3's request to a receiver, over kills of the whole server."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.processes import ServerProcess, boto3_client, make_key

WAIT_S = 30.0


class Receiver:
    """A webhook's receiver: keeps what it is sent, answers ``status``."""

    def __init__(self) -> None:
        self.status = 200
        self.messages: list[dict[str, Any]] = []
        self.authorizations: set[str | None] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.status < 300:
                    receiver.messages.append(json.loads(body))
                    receiver.authorizations.add(self.headers["Authorization"])
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def records(self) -> list[dict[str, Any]]:
        return [one for message in self.messages for one in message.get("Records", ())]

    @property
    def keys(self) -> set[str]:
        return {one["s3"]["object"]["key"] for one in self.records}

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def config_file(folder: Path, receiver: Receiver) -> Path:
    (folder / "token").write_text("Bearer secret-token\n")
    path = folder / "z4.toml"
    path.write_text(
        f'[plugins.events.hook]\nkind = "webhook"\nurl = "{receiver.url}"\n'
        f'authorization-file = "{folder / "token"}"\n'
        f'[plugins.events.file]\nkind = "jsonlines"\npath = "{folder / "events.jsonl"}"\n'
    )
    return path


QUEUE = "arn:aws:sqs:us-east-1:123456789012:"


def queue(sink: str, *events: str, **filters: str) -> dict[str, Any]:
    rules = [{"Name": name, "Value": value} for name, value in filters.items()]
    made: dict[str, Any] = {"QueueArn": QUEUE + sink, "Events": list(events)}
    if rules:
        made["Filter"] = {"Key": {"FilterRules": rules}}
    return made


@pytest.mark.parametrize("workers", ["1", "2"])
def test_events_reach_a_webhook_and_a_file(
    tmp_path: Path, receiver: Receiver, workers: str
) -> None:
    data = tmp_path / "data"
    options = ("--config", str(config_file(tmp_path, receiver)), "--workers", workers)
    with ServerProcess(data, *options) as server:
        s3 = boto3_client(server, make_key(data, "alice"))
        s3.create_bucket(Bucket="events")
        asked = {
            "QueueConfigurations": [queue("hook", "s3:ObjectCreated:*", prefix="a/")],
            "TopicConfigurations": [
                {
                    "Id": "removals",
                    "TopicArn": "arn:aws:sns:us-east-1:123456789012:file",
                    "Events": ["s3:ObjectRemoved:*"],
                }
            ],
        }
        s3.put_bucket_notification_configuration(Bucket="events", NotificationConfiguration=asked)
        got = s3.get_bucket_notification_configuration(Bucket="events")
        assert got["TopicConfigurations"] == asked["TopicConfigurations"]
        assert got["QueueConfigurations"][0].pop("Id")
        assert got["QueueConfigurations"] == asked["QueueConfigurations"]
        until(lambda: len(receiver.messages) == 1)
        assert receiver.messages[0]["Event"] == "s3:TestEvent"
        put = s3.put_object(Bucket="events", Key="a/ü b", Body=b"12345")
        s3.put_object(Bucket="events", Key="b", Body=b"")
        s3.delete_object(Bucket="events", Key="b")
        until(lambda: len(receiver.records) == 1)
        record = receiver.records[0]
        assert record["eventName"] == "ObjectCreated:Put"
        assert record["s3"]["bucket"]["name"] == "events"
        assert record["s3"]["object"]["key"] == "a/%C3%BC+b"
        assert (record["s3"]["object"]["size"], record["s3"]["object"]["eTag"]) == (
            5,
            put["ETag"].strip('"'),
        )
        answered = put["ResponseMetadata"]["HTTPHeaders"]
        assert record["responseElements"] == {
            "x-amz-request-id": answered["x-amz-request-id"],
            "x-amz-id-2": answered["x-amz-id-2"],
        }
        assert receiver.authorizations == {"Bearer secret-token"}
        path = tmp_path / "events.jsonl"
        until(lambda: path.exists() and path.read_text().count("\n") == 2)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert lines[0]["Event"] == "s3:TestEvent"
        assert lines[1]["Records"][0]["eventName"] == "ObjectRemoved:Delete"
        assert lines[1]["Records"][0]["s3"]["configurationId"] == "removals"
        with pytest.raises(ClientError, match="Unable to validate the following destination"):
            s3.put_bucket_notification_configuration(
                Bucket="events",
                NotificationConfiguration={
                    "QueueConfigurations": [queue("no", "s3:ObjectAcl:Put")]
                },
            )


def write(s3: Any, prefix: str, acknowledged: set[str], stop: threading.Event) -> None:
    """Put objects, small ones and files, until told to stop or the server is gone."""
    number = 0
    while not stop.is_set():
        name = f"{prefix}-{number}"
        try:
            s3.put_object(Bucket="events", Key=name, Body=b"x" * (10_000 if number % 3 else 10))
        except (BotoCoreError, ClientError):
            return
        acknowledged.add(name)
        number += 1


def test_no_event_of_an_acknowledged_put_is_lost(tmp_path: Path, receiver: Receiver) -> None:
    """The receiver fails now and then, and the server is killed in the middle of writes."""
    data = tmp_path / "data"
    options = ("--config", str(config_file(tmp_path, receiver)), "--workers", "2")
    key = make_key(data, "alice")
    acknowledged: set[str] = set()
    for round_number in range(4):
        server = ServerProcess(data, *options).start()
        if not round_number:
            s3 = boto3_client(server, key)
            s3.create_bucket(Bucket="events")
            s3.put_bucket_notification_configuration(
                Bucket="events",
                NotificationConfiguration={
                    "QueueConfigurations": [queue("hook", "s3:ObjectCreated:*")]
                },
            )
        before = len(acknowledged)
        stop = threading.Event()
        writers = [
            threading.Thread(
                target=write,
                args=(boto3_client(server, key), f"{round_number}-{n}", acknowledged, stop),
            )
            for n in range(3)
        ]
        for writer in writers:
            writer.start()
        for step in range(1, 5):
            receiver.status = 503 if (step + round_number) % 2 else 200
            wanted = before + 15 * step
            until(lambda wanted=wanted: len(acknowledged) >= wanted)  # type: ignore[misc]
        server.kill()
        stop.set()
        for writer in writers:
            writer.join()
    receiver.status = 200
    with ServerProcess(data, *options):
        until(lambda: acknowledged <= receiver.keys)
    assert len(acknowledged) >= 240


def test_a_dead_webhook_keeps_no_other_sink_waiting(tmp_path: Path, receiver: Receiver) -> None:
    receiver.status = 500
    data = tmp_path / "data"
    options = ("--config", str(config_file(tmp_path, receiver)), "--workers", "1")
    with ServerProcess(data, *options) as server:
        s3 = boto3_client(server, make_key(data, "alice"))
        s3.create_bucket(Bucket="events")
        s3.put_bucket_notification_configuration(
            Bucket="events",
            NotificationConfiguration={
                "QueueConfigurations": [
                    queue("hook", "s3:ObjectCreated:*"),
                    queue("file", "s3:ObjectRemoved:*"),
                ]
            },
        )
        s3.put_object(Bucket="events", Key="k", Body=b"")
        s3.delete_object(Bucket="events", Key="k")
        path = tmp_path / "events.jsonl"
        until(lambda: path.exists() and path.read_text().count("\n") == 2)
        assert receiver.messages == []


def test_a_sink_without_a_kind_keeps_the_server_from_starting(tmp_path: Path) -> None:
    path = tmp_path / "z4.toml"
    for text, said in (
        ("", "kind is needed, one of jsonlines, webhook"),
        ('kind = "pigeon"', "there is no events plugin 'pigeon'"),
        ('kind = "webhook"', "the option url is needed"),
    ):
        path.write_text(f"[plugins.events.hook]\n{text}\n")
        server = ServerProcess(tmp_path / "data", "--config", str(path))
        with pytest.raises(RuntimeError, match=said):
            server.start()
