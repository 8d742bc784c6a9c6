"""Tokens minted by an independent library, PyPI's `PyJWT`, against the daemon. One line per promise; exit status 1: one
is not kept.

usage: token_peer.py ADDRESS SECRET KEYS_FILE

SECRET is the daemon's subscribe secret, KEYS_FILE its tokens.keys_file.
"""

import http.client
import json
import sys
import time
import traceback

import jwt

ADDRESS, SECRET, KEYS_FILE = sys.argv[1:4]
# The library parses the keys itself: what it takes for a JWK Set is one.
with open(KEYS_FILE) as file:
    KEYS = jwt.PyJWKSet.from_json(file.read())


def minted(kid=None, secret=SECRET, **claims):
    claims = {"aud": "rpushd", "scope": "subscribe", "exp": int(time.time()) + 60} | claims
    if kid is None:
        return jwt.encode(claims, secret, algorithm="HS256")
    return jwt.encode(claims, KEYS[kid], algorithm="HS256", headers={"kid": kid})


def status(token, channel="a:b"):
    connection = http.client.HTTPConnection(ADDRESS, timeout=20)
    body = json.dumps({"token": token})
    connection.request("POST", f"/api/stream/{channel}", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    if answer.status != 200:
        assert "invalid_token" in answer.getheader("WWW-Authenticate")
    connection.close()
    return answer.status


def a_token_without_a_kid_is_signed_with_the_secret():
    assert status(minted(channel="a:b")) == 200
    assert status(minted(channel="a:b", sub="7", jti="t-1", nbf=int(time.time()), iss="site")) == 200
    assert status(minted(channel="a:c")) == 401


def each_key_signs_the_tokens_that_name_it():
    for kid in ["2026-11", "2026-12"]:
        assert status(minted(kid, channel="a:b", sub="7")) == 200


def a_list_of_channels_has_names_and_prefixes():
    for kid in [None, "2026-11"]:
        token = minted(kid, channels=["news", "a:*"], sub="7", jti="t-1")
        assert [status(token, channel) for channel in ["news", "a:b", "a:", "b"]] == [200, 200, 200, 401]


def a_key_signs_no_token_of_another():
    claims = {"aud": "rpushd", "scope": "subscribe", "channel": "a:b", "exp": int(time.time()) + 60}
    for kid, signing in [("2026-12", "2026-11"), ("2026-13", "2026-11"), (None, "2026-11")]:
        headers = {"kid": kid} if kid else None
        assert status(jwt.encode(claims, KEYS[signing], algorithm="HS256", headers=headers)) == 401


def another_algorithm_is_refused():
    claims = {"aud": "rpushd", "scope": "subscribe", "channel": "a:b", "exp": int(time.time()) + 60}
    assert status(jwt.encode(claims, None, algorithm="none")) == 401
    assert status(jwt.encode(claims, SECRET, algorithm="HS512")) == 401


PROMISES = [
    a_token_without_a_kid_is_signed_with_the_secret,
    each_key_signs_the_tokens_that_name_it,
    a_list_of_channels_has_names_and_prefixes,
    a_key_signs_no_token_of_another,
    another_algorithm_is_refused,
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
