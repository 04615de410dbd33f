"""A real browser for tests: headless Chromium, and a site of pages that report back.

with Pages({"/": "<script>...report({...})</script>"}) as pages:
    visit(chromium, pages.url + "/", tmp_path, pages)
    pages.reports
"""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

WAIT_S = 60.0
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
    "--no-first-run", "--no-proxy-server", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_SCRIPT = """<!doctype html><meta charset="utf-8"><script>
function report(what) {
  return fetch('/report', {method: 'POST', body: JSON.stringify(what)});
}
async function tried(request) {
  try {
    const answer = await request();
    return {status: answer.status, etag: answer.headers.get('ETag'),
            type: answer.headers.get('Content-Type'), text: await answer.text()};
  } catch (error) { return {error: error.name}; }
}
</script>
"""


def find_chromium() -> str:
    """The path of a Chromium, empty when there is none."""
    return next((path for name in _NAMES if (path := shutil.which(name))), "")


class Pages:
    """A web site on a port of its own: an origin. Pages have ``report(value)`` and
    ``tried(() => fetch(...))``; requests for what is no page are noted in ``visited``."""

    def __init__(self, pages: dict[str, str]) -> None:
        self.pages = pages
        self.reports: list[Any] = []
        self.visited: list[str] = []
        self.changed = threading.Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                page = site.pages.get(path)
                if page is None and path != "/favicon.ico":
                    site.visited.append(self.path)
                    site.changed.set()
                self._answer((_SCRIPT + (page or "")).encode())

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                site.reports.append(json.loads(data))
                site.changed.set()
                self._answer(b"")

            def _answer(self, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Pages:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def visit(chromium: str, url: str, folder: Path, pages: Pages) -> None:
    """Open a page and wait until something is reported, or a page that is none is visited."""
    pages.changed.clear()
    command = [chromium, *_OPTIONS, f"--user-data-dir={folder / 'profile'}", url]
    with (folder / "browser.log").open("ab") as log:
        # A debugging port keeps a headless browser open after the page has loaded.
        running = subprocess.Popen([*command, "--remote-debugging-port=0"], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + WAIT_S
            while not pages.changed.wait(0.1):
                said = (folder / "browser.log").read_text(errors="replace")[-2000:]
                assert running.poll() is None, said
                assert time.monotonic() < deadline, said
        finally:
            running.terminate()
            running.wait(20)


def dom_of(chromium: str, url: str, folder: Path) -> str:
    """The document that a browser shows for a URL, once its scripts have run."""
    done = subprocess.run(
        [
            chromium, *_OPTIONS, f"--user-data-dir={folder / 'profile'}",
            "--virtual-time-budget=5000", "--dump-dom", url,
        ],
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=True,
    )  # fmt: skip
    return done.stdout
