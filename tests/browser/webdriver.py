"""As much of the WebDriver protocol (W3C) as the tests need, over chromedriver."""

import json
import re
import subprocess
import tempfile
import urllib.request

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Browser:
    def __init__(self, chromium, chromedriver):
        self.profile = tempfile.TemporaryDirectory(prefix="rpushd-browser-", ignore_cleanup_errors=True)
        self.process = subprocess.Popen(
            [chromedriver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        for line in self.process.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                self.address = f"http://127.0.0.1:{found.group(1)}"
                break
        else:
            raise SystemExit("chromedriver did not start")
        options = {"binary": chromium, "args": FLAGS + [f"--user-data-dir={self.profile.name}"]}
        capabilities = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}
        session = self.call("POST", "/session", {"capabilities": capabilities})
        self.session = f"/session/{session['sessionId']}"
        self.call("POST", f"{self.session}/timeouts", {"script": 60_000, "pageLoad": 60_000})

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.address + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=90) as answer:
            return json.load(answer)["value"]

    def open(self, url):
        self.call("POST", f"{self.session}/url", {"url": url})

    def evaluate(self, expression, *arguments):
        """What a script returns; a promise is awaited."""
        body = {"script": f"return ({expression})(...arguments)", "args": list(arguments)}
        return self.call("POST", f"{self.session}/execute/sync", body)

    def quit(self):
        try:
            self.call("DELETE", self.session)
        finally:
            self.process.terminate()
            self.process.wait(20)
            self.profile.cleanup()
