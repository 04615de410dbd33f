"""What a real browser makes of CORS, upload forms and websites.

Skipped where no Chromium is installed; Debian and Ubuntu have it as the package ``chromium``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.browser import Pages, dom_of, find_chromium, visit
from tests.processes import ServerProcess

CHROMIUM = find_chromium()
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="no Chromium is installed")


def allow(s3: Any, bucket: str, origin: str) -> None:
    """CORS for one origin, of GET, PUT and POST, with the ETag to be read."""
    rule = {
        "AllowedOrigins": [origin],
        "AllowedMethods": ["GET", "PUT", "POST"],
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],
    }
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})


def script(text: str, **values: Any) -> str:
    """A page that runs a script with some values and reports what it gives."""
    made = "".join(f"const {name} = {json.dumps(value)};" for name, value in values.items())
    return f"<script>(async () => {{ {made} {text} }})();</script>"


FETCHES = """
const put = await tried(() => fetch(putUrl, {
  method: 'PUT', body: 'from a page', headers: {'x-amz-meta-a': 'b', 'Content-Type': 'text/x-a'}}));
const got = await tried(() => fetch(getUrl));
const absent = await tried(() => fetch(absentUrl));
const denied = await tried(() => fetch(plainUrl));
const removed = await tried(() => fetch(deleteUrl, {method: 'DELETE'}));
await report({put, got, absent, denied, removed});
"""


def test_a_page_of_another_origin_reads_and_writes_as_the_rules_say(
    s3: Any, server: ServerProcess, bucket: str, tmp_path: Path
) -> None:
    def url(operation: str, key: str, **more: Any) -> str:
        made: str = s3.generate_presigned_url(operation, {"Bucket": bucket, "Key": key, **more})
        return made

    page = script(
        FETCHES,
        putUrl=url("put_object", "k", Metadata={"a": "b"}, ContentType="text/x-a"),
        getUrl=url("get_object", "k"),
        absentUrl=url("get_object", "absent"),
        plainUrl=f"{server.endpoint}/{bucket}/k",
        deleteUrl=url("delete_object", "k"),
    )
    with Pages({"/": page}) as home, Pages({"/": page}) as elsewhere:
        allow(s3, bucket, home.url)
        visit(CHROMIUM, elsewhere.url, tmp_path, elsewhere)
        [seen] = elsewhere.reports
        assert len(seen) == 5
        assert all(answer == {"error": "TypeError"} for answer in seen.values())
        assert "Contents" not in s3.list_objects_v2(Bucket=bucket)

        visit(CHROMIUM, home.url, tmp_path, home)
        [seen] = home.reports
    stored = s3.get_object(Bucket=bucket, Key="k")
    assert (stored["Body"].read(), stored["Metadata"]) == (b"from a page", {"a": "b"})
    assert (seen["put"]["status"], seen["put"]["etag"]) == (200, stored["ETag"])
    assert seen["got"] == {
        "status": 200, "etag": stored["ETag"], "type": "text/x-a", "text": "from a page",
    }  # fmt: skip
    assert (seen["absent"]["status"], "NoSuchKey" in seen["absent"]["text"]) == (404, True)
    assert (seen["denied"]["status"], "AccessDenied" in seen["denied"]["text"]) == (403, True)
    assert seen["removed"] == {"error": "TypeError"}


POSTS = """
const form = new FormData();
for (const [name, value] of Object.entries(fields)) form.append(name, value);
form.append('file', new Blob([new Uint8Array(300000).fill(65)]), 'a b.bin');
const posted = await tried(() => fetch(url, {method: 'POST', body: form}));
form.set('key', 'elsewhere');
const refused = await tried(() => fetch(url, {method: 'POST', body: form}));
await report({posted, refused});
"""


def test_a_script_posts_a_form(s3: Any, bucket: str, tmp_path: Path) -> None:
    made = s3.generate_presigned_post(
        bucket,
        "up/${filename}",
        Fields={"success_action_status": "201"},
        Conditions=[{"success_action_status": "201"}, ["content-length-range", 1, 400_000]],
    )
    with Pages({"/": script(POSTS, url=made["url"], fields=made["fields"])}) as home:
        allow(s3, bucket, home.url)
        visit(CHROMIUM, home.url, tmp_path, home)
        [seen] = home.reports
    stored = s3.get_object(Bucket=bucket, Key="up/a b.bin")
    assert stored["Body"].read() == b"A" * 300_000
    assert (seen["posted"]["status"], seen["posted"]["etag"]) == (201, stored["ETag"])
    assert "<PostResponse>" in seen["posted"]["text"]
    assert (seen["refused"]["status"], "AccessDenied" in seen["refused"]["text"]) == (403, True)


SUBMITS = """
const form = document.createElement('form');
form.method = 'POST'; form.enctype = 'multipart/form-data'; form.action = url;
for (const [name, value] of Object.entries(fields)) {
  const input = document.createElement('input');
  input.name = name; input.value = value;
  form.append(input);
}
const file = document.createElement('input');
file.type = 'file'; file.name = 'file';
const chosen = new DataTransfer();
chosen.items.add(new File(['hello from a form'], 'h\u00e9 "llo.txt'));
file.files = chosen.files;
form.append(file);
document.documentElement.append(form);
form.submit();
"""


def test_a_form_is_submitted_and_the_browser_sent_on(s3: Any, bucket: str, tmp_path: Path) -> None:
    """Without any CORS rule: forms need none."""
    with Pages({}) as home:
        done = f"{home.url}/done?a=b"
        made = s3.generate_presigned_post(
            bucket,
            "form/${filename}",
            Fields={"success_action_redirect": done, "Content-Type": "text/plain"},
            Conditions=[{"success_action_redirect": done}, {"Content-Type": "text/plain"}],
        )
        home.pages["/"] = script(SUBMITS, url=made["url"], fields=made["fields"])
        visit(CHROMIUM, home.url, tmp_path, home)
        [place] = home.visited
    [item] = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert item["Key"] == "form/hé %22llo.txt"
    stored = s3.get_object(Bucket=bucket, Key=item["Key"])
    assert stored["Body"].read() == b"hello from a form"
    etag = stored["ETag"].replace('"', "%22")
    assert place == f"/done?a=b&bucket={bucket}&key=form%2Fh%C3%A9%20%2522llo.txt&etag={etag}"


def test_a_browser_shows_a_website(
    s3: Any, server: ServerProcess, bucket: str, tmp_path: Path
) -> None:
    public = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [public]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    index = {"IndexDocument": {"Suffix": "index.html"}}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=index)
    page = '<p id=p>before</p><script src="../a.js"></script>'
    s3.put_object(Bucket=bucket, Key="docs/index.html", Body=page, ContentType="text/html")
    code = "document.getElementById('p').textContent = 'after ' + location.pathname;"
    s3.put_object(Bucket=bucket, Key="a.js", Body=code, ContentType="text/javascript")
    site = f"http://{bucket}.web.localhost:{server.port}"
    assert '<p id="p">after /docs/</p>' in dom_of(CHROMIUM, f"{site}/docs", tmp_path)
    shown = dom_of(CHROMIUM, f"{site}/<script>document.title='broken'</script>", tmp_path)
    assert "<title>403 Forbidden</title>" in shown
    assert "broken" not in shown.partition("</head>")[0]
