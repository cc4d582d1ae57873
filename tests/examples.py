#!/usr/bin/env python3
"""Do the example cores answer what is signed, and nothing else? Each is started and asked; standard library alone."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A key whose base64 has all of its own letters, and another one.
KEY, OTHER = bytes(range(224, 256)), bytes(32)
CORES = {"core.py": [sys.executable], "core.mjs": ["node"], "core.sh": ["bash", "socat", "jq", "openssl"]}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def listening(url):
    """Waits until somebody answers."""
    for _ in range(400):
        try:
            return ask(url, b"{}")
        except OSError:
            time.sleep(0.05)
    raise SystemExit(f"FAILED: nobody listens at {url}")


def event(text):
    parts = [{"text": {"body": text}}] if text is not None else [{"image": {"handle": "h"}}]
    return json.dumps({"specversion": "1.0", "data": {"message": {"parts": parts}}}, ensure_ascii=False).encode()


def sign(key, moment, body, name="event-1"):
    return "v1," + base64.b64encode(hmac.new(key, f"{name}.{moment}.".encode() + body, hashlib.sha256).digest()).decode()


def ask(url, body, **headers):
    named = {f"webhook-{name}": value for name, value in headers.items()}
    request = urllib.request.Request(url, data=body, headers={**named, "content-type": "application/cloudevents+json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, None


def check(url):
    now, hello = str(int(time.time())), event("你好 <&> 😀")
    right = sign(KEY, now, hello)
    said = (200, {"replies": [{"text": "You said: 你好 <&> 😀"}]})
    refused = (401, None)
    cases = {
        "signed": (said, hello, {"timestamp": now, "signature": right}),
        "signed with two keys": (said, hello, {"timestamp": now, "signature": f"{sign(OTHER, now, hello)} {right}"}),
        "signed with another key": (refused, hello, {"timestamp": now, "signature": sign(OTHER, now, hello)}),
        "another body": (refused, event("hello"), {"timestamp": now, "signature": right}),
        "without a version": (refused, hello, {"timestamp": now, "signature": right.removeprefix("v1,")}),
        "without a signature": (refused, hello, {"timestamp": now}),
        "no time": (refused, hello, {"timestamp": "soon", "signature": sign(KEY, "soon", hello)}),
    }
    for seconds in (-400, 400):
        then = str(int(time.time()) + seconds)
        cases[f"{seconds} s away"] = (refused, hello, {"timestamp": then, "signature": sign(KEY, then, hello)})
    picture = event(None)
    cases["a picture"] = ((200, {"replies": []}), picture, {"timestamp": now, "signature": sign(KEY, now, picture)})
    for name, (wanted, body, headers) in cases.items():
        found = ask(url, body, id="event-1", **headers)
        if found != wanted:
            raise SystemExit(f"FAILED {name}: {found}, not {wanted}")
    return len(cases)


def main():
    for name, runs in CORES.items():
        missing = [tool for tool in runs if not shutil.which(tool)]
        if missing:
            print(f"--  examples/{name}: {', '.join(missing)} not here")
            continue
        lines = len((ROOT / "examples" / name).read_text().splitlines())
        if lines > 40:
            raise SystemExit(f"FAILED: examples/{name} has {lines} lines")
        secret = "whsec_" + base64.b64encode(KEY).decode()
        environment = {**os.environ, "CORE_SECRET": secret, "PORT": str(free_port()), "HOST": "127.0.0.1"}
        with subprocess.Popen(
            [runs[0], ROOT / "examples" / name],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as core:
            try:
                url = core.stdout.readline().split()[-1]
                listening(url)
                print(f"ok  examples/{name}: {check(url)} requests")
            finally:
                core.terminate()


if __name__ == "__main__":
    main()
