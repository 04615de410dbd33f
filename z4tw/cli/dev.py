"""``z4 dev``: a node to try things with, ready in a second."""

from __future__ import annotations

import argparse
import json
import os

from z4tw.cli.parsing import Commands, add_settings, configuration
from z4tw.cli.server import describe, serve
from z4tw.node.started import DEV_NAME, Started


def register(commands: Commands) -> None:
    """Add the command."""
    parser = commands.bare("dev", run, "run a node with a key and a bucket to try")
    add_settings(parser)
    parser.add_argument("--json", action="store_true", help="announce endpoint and key as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Run until stopped; the exit status."""
    as_json = arguments.json

    def announce(started: Started) -> None:
        if as_json:
            print(json.dumps(describe(started) | (started.dev_key or {})), flush=True)
        else:
            print(welcome(started), flush=True)

    cwd = os.getcwd()
    return serve(lambda: configuration(arguments, os.environ, cwd, dev=True), announce, dev=True)


def welcome(started: Started) -> str:
    """What a person sees: the endpoint, the key, and lines to paste."""
    lines = [f"z4 serves {started.config.data} at {started.endpoint}", ""]
    key = started.dev_key
    if key is None:
        data = started.config.data
        lines += [
            f"The secret of the key {DEV_NAME} was shown at the first start, and only then.",
            "To get another key that may use the bucket:",
            f"  z4 key create NAME --data {data}",
            f"  z4 bucket allow {DEV_NAME} --key NAME --read --write --data {data}",
            "",
            "Stop with Ctrl-C.",
        ]
        return "\n".join(lines)
    region, endpoint = started.config.region, started.endpoint
    access, secret = key["access_key_id"], key["secret_access_key"]
    lines += [
        "Made a key and a bucket; the secret is not shown again.",
        f"  access key id      {access}",
        f"  secret access key  {secret}",
        f"  bucket             {DEV_NAME}",
        "",
        "aws-cli:",
        f"  export AWS_ACCESS_KEY_ID={access}",
        f"  export AWS_SECRET_ACCESS_KEY={secret}",
        f"  export AWS_DEFAULT_REGION={region}",
        f"  export AWS_ENDPOINT_URL={endpoint}",
    ]
    verify = ""
    if started.certificate is not None:
        lines.append(f"  export AWS_CA_BUNDLE={started.certificate}")
        verify = f', verify="{started.certificate}"'
    lines += [
        f"  aws s3 cp /etc/hostname s3://{DEV_NAME}/hello.txt",
        f"  aws s3 ls s3://{DEV_NAME}/",
        "",
        "boto3:",
        "  import boto3",
        f'  s3 = boto3.client("s3", endpoint_url="{endpoint}", region_name="{region}",',
        f'      aws_access_key_id="{access}", aws_secret_access_key="{secret}"{verify})',
        f'  s3.put_object(Bucket="{DEV_NAME}", Key="hello.txt", Body=b"hello")',
        f'  print(s3.get_object(Bucket="{DEV_NAME}", Key="hello.txt")["Body"].read())',
        "",
        "Stop with Ctrl-C.",
    ]
    return "\n".join(lines)
