"""Subscribes with a library of PyPI, connects again whenever it is cut off, and prints each control object and each
envelope as one line of JSON. It goes on until it is killed.

usage: subscriber.py LIBRARY ADDRESS CHANNELS TOKEN

LIBRARY is httpx_sse or websockets.
"""

import json
import sys
import time

LIBRARY, ADDRESS, CHANNELS, TOKEN = sys.argv[1:5]
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def show(one):
    print(json.dumps(one), flush=True)


def with_httpx_sse():
    import httpx
    from httpx_sse import connect_sse

    cursor = ""
    with httpx.Client(timeout=60, trust_env=False) as client:
        while True:
            retry = 200
            try:
                url = f"http://{ADDRESS}/api/events/{CHANNELS}"
                fields = BEARER | ({"Last-Event-ID": cursor} if cursor else {})
                with connect_sse(client, "GET", url, headers=fields) as source:
                    source.response.raise_for_status()
                    for event in source.iter_sse():
                        cursor = event.id
                        retry = event.retry or retry
                        # A heartbeat is an id alone, which this library shows as an event without data.
                        if not event.data:
                            continue
                        control = event.event.startswith("rpushd.") and {"control": event.event[7:]}
                        show((control or {}) | event.json())
            except httpx.TransportError:
                pass
            time.sleep(retry / 1000)


def with_websockets():
    from websockets.exceptions import ConnectionClosed, InvalidHandshake
    from websockets.sync.client import connect

    cursor = ""
    while True:
        retry = 200
        try:
            url = f"ws://{ADDRESS}/api/websocket/{CHANNELS}?cursor={cursor}"
            with connect(url, additional_headers=BEARER, subprotocols=["rpushd.v1"], proxy=None) as socket:
                for text in socket:
                    one = json.loads(text)
                    cursor = one.get("cursor") or one.get("id") or cursor
                    retry = one.get("retry", retry)
                    if one.get("control") != "heartbeat":
                        show(one)
        except (OSError, ConnectionClosed, InvalidHandshake, EOFError):
            pass
        time.sleep(retry / 1000)


{"httpx_sse": with_httpx_sse, "websockets": with_websockets}[LIBRARY]()
