"""An independent WebSocket client against the daemon: Python's `websockets`. One line per promise; exit status 1:
one is not kept.

usage: websocket_peer.py ADDRESS PUBLISH_SECRET

The daemon runs tests/daemon/peers.toml: /ws/NAME publishes what clients send, /pub?id=NAME publishes bodies, both as
they are.
"""

import asyncio
import itertools
import sys
import traceback
import urllib.request

from websockets.asyncio.client import connect as connect_async
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

ADDRESS, SECRET = sys.argv[1:3]
MEBIBYTE = 1 << 20
SUBSCRIBERS = 1000
PUBLICATIONS = 20
names = (f"peer-{number}" for number in itertools.count())


def url(channel):
    return f"ws://{ADDRESS}/ws/{channel}"


def opened(channel=None, **options):
    # No proxy, no keep-alive pings: nothing that a promise does not name.
    options = {"max_size": None, "proxy": None, "ping_interval": None, "open_timeout": 60} | options
    return connect(url(channel or next(names)), **options)


def plain(channel=None):
    return opened(channel, compression=None)


def publish(channel, text):
    request = urllib.request.Request(f"http://{ADDRESS}/pub?id={channel}", data=text.encode(), method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def counter(name):
    address = f"http://{ADDRESS}/api/stats?mode=text&verbose=0"
    request = urllib.request.Request(address, headers={"Authorization": f"Bearer {SECRET}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        lines = dict(line.split(": ", 1) for line in answer.read().decode().splitlines() if ": " in line)
    return int(lines[name])


def same(seen, expected, what):
    if seen != expected:
        raise AssertionError(f"{what}: saw {seen!r:.300}, expected {expected!r:.300}")


def closing(client):
    """Reads to the end; the code and the reason that the daemon sent, None for a close frame without."""
    try:
        while True:
            client.recv(timeout=60)
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else None


def masked(first, payload):
    """A frame from a client, byte by byte; the key of zeros changes nothing."""
    return bytes([first, 0x80 | len(payload)]) + bytes(4) + payload


def texts_of_every_length_arrive_as_they_were_sent():
    with plain() as client:
        same(client.protocol.extensions, [], "extensions")
        for size in (1, 125, 126, 65535, 65536, 4 * MEBIBYTE, 2):
            text = "é" * (size // 2) + "x" * (size % 2)
            client.send(text)
            same(client.recv(timeout=60), text, f"a text of {size} bytes")


def fragments_are_one_message_and_a_ping_may_come_between():
    with plain() as client:
        pongs = []

        def fragments():
            yield "one, "
            pongs.append(client.ping("between"))
            yield "zwei ☃, "
            yield ""
            yield "three"

        client.send(fragments())
        same(client.recv(timeout=60), "one, zwei ☃, three", "the message")
        same(pongs[0].wait(60), True, "the pong")


def a_character_may_be_cut_by_fragments():
    with plain() as client:
        snowman = "☃".encode()
        client.socket.sendall(masked(0x01, snowman[:1]) + masked(0x00, snowman[1:2]) + masked(0x80, snowman[2:]))
        same(client.recv(timeout=60), "☃", "the message")


def compressed_messages_go_both_ways():
    with opened() as client:
        agreed = [type(extension).__name__ for extension in client.protocol.extensions]
        same(agreed, ["PerMessageDeflate"], "extensions")
        for text in ("short", "again and again " * 60_000, "☃" * 100_000, ""):
            client.send(text)
            if text:
                same(client.recv(timeout=60), text, "the message")
        client.send(iter(["compressed ", "in ", "fragments"]))
        same(client.recv(timeout=60), "compressed in fragments", "the message")


def both_kinds_of_subscribers_read_the_same():
    channel = next(names)
    with plain(channel) as one, opened(channel) as other:
        publish(channel, "to both " * 1000)
        for client in (one, other):
            same(client.recv(timeout=60), "to both " * 1000, "the message")


def ten_mebibytes_are_refused():
    for options in ({"compression": None}, {}):
        with opened(**options) as client:
            try:
                client.send("x" * 10 * MEBIBYTE)
            except ConnectionClosed:
                pass
            code, _ = closing(client)
            same(code, 1009, f"the code with {options}")


def a_fragmented_message_beyond_the_limit_is_refused():
    with plain() as client:
        try:
            client.send("x" * MEBIBYTE for _ in range(10))
        except ConnectionClosed:
            pass
        same(closing(client)[0], 1009, "the code")


def the_clients_close_code_comes_back():
    for code in (1000, 1001, 3000, 4999):
        with plain() as client:
            client.close(code, "enough")
        same(client.protocol.close_rcvd.code, code, "the code")


def violations_are_answered_with_their_code():
    text = b"\x81\x05hello"
    cases = [
        ("an unmasked frame", text, 1002),
        ("a reserved bit", masked(0xC1, b"x"), 1002),
        ("text that is not UTF-8", masked(0x81, b"\xff"), 1007),
        ("a continuation of nothing", masked(0x80, b"x"), 1002),
        ("a close code that may not be sent", masked(0x88, b"\x03\xed"), 1002),
        ("a fragmented ping", masked(0x09, b""), 1002),
    ]
    for what, frame, code in cases:
        with plain() as client:
            client.socket.sendall(frame)
            same(closing(client)[0], code, what)


def binary_is_answered_with_an_empty_close():
    with plain() as client:
        client.send(b"binary")
        same(closing(client)[0], 1005, "the code, as the library writes that there is none")


def a_refused_channel_is_explained():
    with plain("ALL") as client:
        explained = '{"http_status": 403, "explain":"Channel id not authorized for this method."}'
        same(closing(client), (1008, explained), "the close frame")


def a_message_is_compressed_once_for_a_thousand_subscribers():
    channel = next(names)
    expected = [f"publication {number} " * 50 for number in range(PUBLICATIONS)]

    async def subscriber(gate):
        async with gate:
            return await connect_async(url(channel), open_timeout=120, ping_interval=None, proxy=None)

    async def read(client):
        return [await asyncio.wait_for(client.recv(), 120) for _ in expected]

    async def everybody():
        gate = asyncio.Semaphore(50)
        clients = await asyncio.gather(*(subscriber(gate) for _ in range(SUBSCRIBERS)))
        before = counter("websocket_messages_deflated_total")
        readers = [asyncio.create_task(read(client)) for client in clients]
        for text in expected:
            await asyncio.to_thread(publish, channel, text)
        for seen in await asyncio.gather(*readers):
            same(seen, expected, "what one of them read")
        after = counter("websocket_messages_deflated_total")
        same(after - before, PUBLICATIONS, "messages compressed")
        await asyncio.gather(*(client.close() for client in clients))

    asyncio.run(everybody())


PROMISES = [
    texts_of_every_length_arrive_as_they_were_sent,
    fragments_are_one_message_and_a_ping_may_come_between,
    a_character_may_be_cut_by_fragments,
    compressed_messages_go_both_ways,
    both_kinds_of_subscribers_read_the_same,
    ten_mebibytes_are_refused,
    a_fragmented_message_beyond_the_limit_is_refused,
    the_clients_close_code_comes_back,
    violations_are_answered_with_their_code,
    binary_is_answered_with_an_empty_close,
    a_refused_channel_is_explained,
    a_message_is_compressed_once_for_a_thousand_subscribers,
]


def main():
    broken = 0
    for promise in PROMISES:
        try:
            promise()
            print(f"ok      {promise.__name__}", flush=True)
        except Exception:
            print(f"FAILED  {promise.__name__}\n{traceback.format_exc()}", flush=True)
            broken += 1
    print(f"{len(PROMISES)} promises, {broken} not kept")
    sys.exit(1 if broken else 0)


main()
