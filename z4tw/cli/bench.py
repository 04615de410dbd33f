"""``z4 bench``: load on any S3 endpoint, and how it stands it."""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from z4tw.cli.output import show
from z4tw.cli.parsing import USAGE_ERROR, Commands
from z4tw.config import parsers
from z4tw.node.failures import CommandError, StoreError

if TYPE_CHECKING:
    from z4tw.bench.settings import Settings
    from z4tw.bench.target import Target

INTERRUPTED = 130


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add("bench", run, "measure an S3 endpoint under load")
    parser.epilog = (
        "Without an endpoint, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL is measured; with --data "
        "alone, the node that runs on that directory, with a key that is made for the run."
    )
    add = parser.add_argument
    add("target", nargs="?", metavar="ENDPOINT", help="as http://127.0.0.1:9670")
    add("--endpoint", metavar="URL", help="the same as an option")
    add("--access-key", metavar="ID", help="else: AWS_ACCESS_KEY_ID")
    add("--secret-key", metavar="SECRET", help="else: AWS_SECRET_ACCESS_KEY (others see options)")
    add("--region", metavar="NAME", help="else: AWS_REGION, AWS_DEFAULT_REGION [us-east-1]")
    add("--ca-bundle", metavar="FILE", help="certificates to trust; else: AWS_CA_BUNDLE")
    add("--insecure", action="store_true", help="accept any certificate")
    add("--bucket", metavar="NAME", help="one that exists [a new one, removed at the end]")
    add(
        "--workload", metavar="NAMES", default="put,get",
        help="of put, get, mixed, list, delete, multipart, head, with commas [put,get]",
    )  # fmt: skip
    _number(add, "--size", parsers.size, "SIZE", 1024, "of an object, as 1KiB or 64MiB [1KiB]")
    _number(add, "--part-size", parsers.size, "SIZE", 8 << 20, "of a multipart upload [8MiB]")
    _number(add, "--objects", int, "N", None, "how many keys [1000, at most 1 GiB in all]")
    _number(add, "--concurrency", int, "N", 16, "connections, each with one request at a time [16]")
    _number(add, "--duration", float, "S", 10.0, "seconds of each workload and round [10]")
    _number(add, "--processes", int, "N", 1, "that share the connections [1]")
    add("--compare", metavar="URL", help="measure this endpoint too, in turn")
    add("--compare-access-key", metavar="ID", help="else: COMPARE_AWS_ACCESS_KEY_ID [the same]")
    add("--compare-secret-key", metavar="SECRET", help="else: COMPARE_AWS_SECRET_ACCESS_KEY")
    _number(add, "--rounds", int, "N", None, "of each workload [1; 3 with --compare]")
    add("--report", metavar="FILE", help="draw throughput and latency: FILE.svg or FILE.png")


def _number(
    add: Callable[..., Any], name: str, kind: Callable[[str], Any], metavar: str, default: Any,
    help: str,
) -> None:  # fmt: skip
    def parse(text: str) -> Any:
        try:
            return kind(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not a value for it") from None

    add(name, type=parse, metavar=metavar, default=default, help=help)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print, and leave nothing behind; 1 when a request failed, 130 when interrupted."""
    from z4tw.bench.target import BenchError, UsageError

    try:
        settings = _settings(arguments)
        if arguments.report:
            _check_report(arguments.report)
        given = _endpoint(arguments, os.environ)
        if not given and _names_store(arguments, os.environ):
            return _measure_node(arguments, settings)
        return _measure(arguments, settings, _targets(arguments, os.environ, given))
    except UsageError as error:
        print(f"z4 bench: {error}", file=sys.stderr)
        return USAGE_ERROR
    except BenchError as error:
        raise CommandError(str(error)) from None


def _settings(arguments: argparse.Namespace) -> Settings:
    from z4tw.bench.settings import make_settings

    rounds = arguments.rounds
    if rounds is None:
        rounds = 3 if arguments.compare else 1
    return make_settings(
        arguments.workload, arguments.size, arguments.objects, arguments.concurrency,
        arguments.duration, arguments.processes, rounds, arguments.bucket or "",
        arguments.part_size,
    )  # fmt: skip


def _check_report(path: str) -> None:
    """What would keep the report from being written, before any load is made."""
    from z4tw.bench import png
    from z4tw.bench.target import UsageError

    kind = os.path.splitext(path)[1].lower()
    if kind not in (".svg", ".png"):
        raise UsageError(f"--report {path} must end in .svg or .png")
    if kind == ".png":
        png.demand()
    folder = os.path.dirname(os.path.abspath(path))
    if not os.access(folder, os.W_OK | os.X_OK) or os.path.isdir(path):
        raise UsageError(f"--report {path} cannot be written")


def _endpoint(arguments: argparse.Namespace, environ: Mapping[str, str]) -> str:
    from z4tw.bench.target import UsageError

    if arguments.target and arguments.endpoint:
        raise UsageError("the endpoint is given twice")
    named = arguments.target or arguments.endpoint
    if named or arguments.setting_data:
        return named or ""
    return environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""


def _names_store(arguments: argparse.Namespace, environ: Mapping[str, str]) -> bool:
    return bool(arguments.setting_data or environ.get("Z4_DATA"))


def _more(arguments: argparse.Namespace, environ: Mapping[str, str]) -> dict[str, Any]:
    region = arguments.region or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    bundle = arguments.ca_bundle or environ.get("AWS_CA_BUNDLE") or ""
    return {
        "region": region or "us-east-1",
        "ca_bundle": bundle,
        "verify": not arguments.insecure,
    }


def _targets(
    arguments: argparse.Namespace, environ: Mapping[str, str], endpoint: str
) -> list[Target]:
    from z4tw.bench.target import UsageError, parse_target

    if not endpoint:
        raise UsageError("an endpoint is needed, as http://127.0.0.1:9670, or --data of a node")
    access_key_id = arguments.access_key or environ.get("AWS_ACCESS_KEY_ID") or ""
    secret = arguments.secret_key or environ.get("AWS_SECRET_ACCESS_KEY") or ""
    if not access_key_id or not secret:
        raise UsageError(
            "a key is needed: --access-key and --secret-key, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )
    # A session token belongs to the environment's own key.
    token = "" if arguments.access_key else environ.get("AWS_SESSION_TOKEN") or ""
    more = _more(arguments, environ)
    targets = [parse_target(endpoint, access_key_id, secret, token=token, **more)]
    if arguments.compare:
        targets.append(_compared(arguments, environ, targets[0], more))
    return targets


def _compared(
    arguments: argparse.Namespace, environ: Mapping[str, str], first: Target, more: dict[str, Any]
) -> Target:
    from z4tw.bench.target import UsageError, parse_target

    named = arguments.compare_access_key or environ.get("COMPARE_AWS_ACCESS_KEY_ID")
    secret = arguments.compare_secret_key or environ.get("COMPARE_AWS_SECRET_ACCESS_KEY")
    if bool(named) != bool(secret):
        raise UsageError("--compare-access-key and --compare-secret-key belong together")
    token = "" if named else first.token
    return parse_target(
        arguments.compare, named or first.access_key_id, secret or first.secret, token=token, **more
    )


def _measure_node(arguments: argparse.Namespace, settings: Settings) -> int:
    """Measure the node that runs on ``--data``, with a key that lives as long as the run."""
    from z4tw.bench.target import UsageError, parse_target
    from z4tw.cli.parsing import configuration
    from z4tw.cli.reach import ask, perform
    from z4tw.node.sockets import connect_admin

    config = configuration(arguments, os.environ, os.getcwd())
    connection = connect_admin(config.meta)
    if connection is None:
        raise UsageError(f"no node runs on {config.data}; start it, or name an endpoint")
    with connection:
        endpoint = ask(connection, "status", {})["endpoint"]
    more = {**_more(arguments, os.environ), "region": config.region}
    name = f"z4-bench-{secrets.token_hex(4)}"
    key = perform(arguments, "key_create", name=name, admin=True, may_create_buckets=True)
    try:
        first = parse_target(endpoint, key["access_key_id"], key["secret_access_key"], **more)
        targets = [first]
        if arguments.compare:
            targets.append(_compared(arguments, os.environ, first, more))
        return _measure(arguments, settings, targets)
    finally:
        try:
            perform(arguments, "key_delete", name=name)
        except (CommandError, StoreError) as error:
            print(f"z4 bench: the key {name} is left behind: {error}", file=sys.stderr)


def _measure(arguments: argparse.Namespace, settings: Settings, targets: list[Target]) -> int:
    from z4tw.bench import figures, png, svg
    from z4tw.bench.console import StatusLine
    from z4tw.bench.run import Run

    line = StatusLine(sys.stderr, not arguments.json, shutil.get_terminal_size().columns)
    made = Run(settings, targets, line, secrets.token_hex(4))
    # Whoever stops it kindly finds nothing left behind either.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        results = made.perform()
    finally:
        signal.signal(signal.SIGTERM, before)
        line.clear()
        for left in made.leftovers:
            print(f"z4 bench: {left}", file=sys.stderr)
    whole = figures.report(settings, targets, results, made.interrupted)
    show(whole, arguments.json, figures.text(whole))
    if arguments.report:
        try:
            if arguments.report.lower().endswith(".png"):
                png.write(whole, arguments.report)
            else:
                with open(arguments.report, "w", encoding="utf-8") as file:
                    file.write(svg.render(whole))
        except OSError as error:
            raise CommandError(f"cannot write {arguments.report}: {error.strerror}") from None
    if made.interrupted:
        return INTERRUPTED
    return 1 if figures.errors_of(results) or made.leftovers else 0
