"""Opens a page whose subscribers come back in Chromium, waits until all of them have received the text "end", and prints
what they have received as one line of JSON.

usage: resuming.py CHROMIUM CHROMEDRIVER DAEMON_ADDRESS FRONT_PORT CHANNEL TOKEN FRESH_TOKEN

The daemon allows the origin http://127.0.0.1:FRONT_PORT. The page gets FRESH_TOKEN when TOKEN expires.
"""

import json
import pathlib
import sys
import time
import urllib.parse

from front import Front
from webdriver import Browser

PATIENCE = 240


def main():
    chromium, chromedriver, daemon, front_port, channel, token, fresh = sys.argv[1:8]
    front = Front(pathlib.Path(__file__).parent, daemon, int(front_port))
    settings = {"daemon": f"http://{daemon}", "channel": channel, "token": token, "fresh": fresh}
    browser = Browser(chromium, chromedriver)
    try:
        browser.open(f"http://127.0.0.1:{front.port}/resuming.html?{urllib.parse.urlencode(settings)}")
        browser.evaluate("begin")
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            lists = browser.evaluate("lists")
            if all("end" in one["list"] for one in lists.values()):
                break
            time.sleep(0.2)
        print(json.dumps(lists), flush=True)
    finally:
        browser.quit()


main()
