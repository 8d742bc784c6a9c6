"""Opens the page of the tests in Chromium and prints one line per promise. Exit status 1: one is not kept.

usage: run.py CHROMIUM CHROMEDRIVER DAEMON_ADDRESS FRONT_PORT CHANNEL TOKEN [NAME]

The daemon runs packaging/push-stream.toml and allows the origin http://127.0.0.1:FRONT_PORT. TOKEN allows to
subscribe to CHANNEL. With NAME only promises whose name begins so are looked at.
"""

import pathlib
import sys
import time
import urllib.parse

from front import Front
from webdriver import Browser


def main():
    chromium, chromedriver, daemon, front_port, channel, token = sys.argv[1:7]
    wanted = sys.argv[7] if len(sys.argv) > 7 else ""
    front = Front(pathlib.Path(__file__).parent, daemon, int(front_port))
    settings = {"daemon": f"http://{daemon}", "channel": channel, "token": token}
    query = urllib.parse.urlencode(settings)
    browser = Browser(chromium, chromedriver)
    broken = 0
    try:
        page = f"http://127.0.0.1:{front.port}/index.html?{query}"
        browser.open(page)
        names = [name for name in browser.evaluate("() => Object.keys(promises)") if name.startswith(wanted)]
        for name in names:
            # The same page by another name is another origin.
            foreign = name.endswith("not allowed")
            browser.open(page.replace("127.0.0.1", "localhost", 1) if foreign else page)
            began = time.monotonic()
            failure = browser.evaluate("check", name)
            took = time.monotonic() - began
            print(f"{'FAILED' if failure else 'ok'} {took:5.1f} s  {name}", flush=True)
            if failure:
                print(failure, flush=True)
                broken += 1
    finally:
        browser.quit()
    print(f"{len(names)} promises, {broken} not kept")
    sys.exit(1 if broken or not names else 0)


main()
