#!/usr/bin/env python3
"""Do the code blocks of docs/core*.md work as they are shown? Each is run: commands by bash, the core in Python behind the
real binary, configurations by `config check`, JSON by the schema."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

from common.house import BINARY, ROOT, SECRET, Bridge, check, free_port, until
from common.platform import Platform
from common.schema import pb
from google.protobuf import json_format

KEY = "official_account:wxfedcba0987654321:u:oPeer"
BEARER = "the core's own secret"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.S | re.M)


def blocks(page):
    found = BLOCK.findall((ROOT / "docs" / page).read_text())
    if not found:
        raise SystemExit(f"FAILED: docs/{page} has no code blocks")
    return found


class Place:
    """A folder in which what the page says can be typed: the examples are there, and wxbridge is found."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        (self.path / "examples").symlink_to(ROOT / "examples")
        tools = self.path / "tools"
        tools.mkdir()
        (tools / "wxbridge").symlink_to(BINARY)
        # What pip would have installed is with this interpreter.
        python = pathlib.Path(sys.executable).parent
        self.environment = {**os.environ, "PATH": f"{tools}:{python}:{os.environ['PATH']}"}

    def types(self, commands, **more):
        """Runs the commands in one shell; what was started in the background ends with it."""
        script = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + commands
        ran = subprocess.run(
            ["bash", "-c", script],
            cwd=self.path,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=120,
        )
        if ran.returncode != 0:
            raise SystemExit(f"FAILED ({ran.returncode}): {commands}\n{ran.stdout}{ran.stderr}")
        return ran.stdout

    def close(self):
        self.folder.cleanup()


def listening(commands, port):
    """Whoever types by hand waits until the core in the background listens; so does the script."""
    wait = f"until (echo > /dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.05; done\n"
    return re.sub(r"^([^#\n]*\S) &(\s.*)?$", lambda found: f"{found[0]}\n{wait}", commands, flags=re.M)


def shell(place, page, commands, bridge):
    """A block of commands, at the ports that there are here."""
    port = free_port()
    if "grpcurl" in commands:
        request = re.search(r"-d '(.*?)'", commands)[1].replace("…", KEY)
        json_format.Parse(request, pb.SendRequest())
        print(f"ok  {page}: what grpcurl sends is lawful")
        return
    if "pip install" in commands:
        commands = re.sub(r"^pip install.*\n", "", commands, flags=re.M)
    for shown, here in (("127.0.0.1:8000", f"127.0.0.1:{port}"), ("127.0.0.1:50051", f"127.0.0.1:{port}")):
        commands = commands.replace(shown, here)
    commands = commands.replace("127.0.0.1:8081", f"127.0.0.1:{bridge.ports['internal']}")
    commands = commands.replace("official_account:wx1234567890abcdef:u:oCustomer1", KEY).replace("wait=20s", "wait=1s")
    token = {} if "TOKEN=" in commands else {"TOKEN": bridge.token}
    daemon = {"WXBRIDGE_URL": bridge.url("internal", ""), "WXBRIDGE_TOKEN": bridge.token}
    told = place.types(listening(commands, port), PORT=str(port), **token, **daemon)
    wanted = {
        "core-check": "核心符合约定|the core holds",
        "/v1/messages": '"status":"ACCEPTED"',
        "/v1/events": '"next":',
    }
    for name, seen in wanted.items():
        if name in commands and not re.search(seen, told):
            raise SystemExit(f"FAILED {page}: {commands}\nsaid {told}")
    print(f"ok  {page}: {commands.strip().splitlines()[0][:70]}")


def papers(place):
    """A certificate and its key, as an operator has them."""
    certificate, key = place.path / "any.pem", place.path / "any.key"
    if not key.exists():
        made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
        made += ["-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(made, check=True, capture_output=True)
    return certificate, key


def configuration(place, page, text):
    """A block of TOML, with secrets where the page shows dots and with files where it names some."""
    for name in re.findall(r'"(/etc/wxbridge/[^"]+)"', text):
        certificate, key = papers(place)
        file = place.path / pathlib.Path(name).name
        file.write_bytes((key if name.endswith(".key") else certificate).read_bytes())
        text = text.replace(name, str(file))
    file = place.path / "wxbridge.toml"
    file.write_text(text.replace("whsec_…", SECRET).replace('"…"', f'"{BEARER}"'))
    place.types("wxbridge config check -c wxbridge.toml")
    print(f"ok  {page}: a configuration")


def reading(page, text):
    """A block of JSON: an answer of the core's, or a page of the bridge's."""
    kind = pb.FetchEventsResponse if '"next"' in text else pb.DeliverResponse
    # The page leaves out what a time would be.
    json_format.Parse(text.replace('"deadline":"…"', '"deadline":"2025-07-08T18:40:04Z"'), kind())
    print(f"ok  {page}: a {kind.__name__}")


def pulling(place, page, program, bridge):
    """The core in Python, started as it is shown, against a bridge whose core pulls."""
    (place.path / "core.token").write_text(bridge.token + "\n")
    shown = 'BRIDGE, TOKEN = "http://127.0.0.1:8081"'
    if shown not in program:
        raise SystemExit(f"FAILED {page}: the program does not say where the bridge is")
    (place.path / "core.py").write_text(program.replace("127.0.0.1:8081", f"127.0.0.1:{bridge.ports['internal']}"))
    core = subprocess.Popen([sys.executable, "core.py"], cwd=place.path, stderr=subprocess.PIPE, text=True)
    try:
        until("the core's first page", lambda: core_is_up(bridge))
        platform = Platform(bridge)
        for text in ("在吗 <&> 😀", "again"):
            status, reply = platform.text(text)
            check(f"{page}: it answers in the open request", (status, (reply or {}).get("Content")), (200, f"You said: {text}"))
        until("all is acknowledged", lambda: bridge.operate("/v1/events?core=main")[1].get("events", []) == [])
        if core.poll() is not None:
            raise SystemExit(f"FAILED {page}: the core ended: {core.stderr.read()}")
    finally:
        core.kill()
        core.wait()


def core_is_up(bridge):
    # An operator's token may pull for any core.
    cores = bridge.operate("/admin/v1/cores")[1]["items"]
    return cores[0].get("lastFetch")


def run(page, bridge):
    place = Place()
    try:
        for kind, text in blocks(page):
            if kind == "sh":
                shell(place, page, text, bridge)
            elif kind == "toml":
                configuration(place, page, text)
            elif kind == "json":
                reading(page, text)
            elif kind == "python":
                pulling(place, page, text, bridge)
            elif kind != "http":
                raise SystemExit(f"FAILED {page}: nobody runs a block of {kind or 'nothing'}")
    finally:
        place.close()


def main():
    with Bridge("http://127.0.0.1:9/", core_lines='reply_budget = "0s"') as bridge:
        Platform(bridge).text("so that the conversation is known")
        run("core.md", bridge)
        run("core-grpc.md", bridge)
    with Bridge("", core_lines='kind = "feed"') as bridge:
        run("core-pull.md", bridge)
    print("the documents' code works")


if __name__ == "__main__":
    sys.exit(main())
