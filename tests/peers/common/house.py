"""What do the peers share? The real binary in a folder of its own, one account, and a core of the script's choice."""

import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("WXBRIDGE_BIN", str(ROOT / "target/release/wxbridge"))
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
ACCOUNT = {
    "id": "shop",
    "channel": "official_account",
    "app_id": "wxfedcba0987654321",
    "app_secret": "f" * 32,
    "token": "peertoken",
    # The last character carries spare bits, as in three of four keys of the console.
    "encoding_aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
    "original_id": "gh_peer",
}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def ask(url, body=None, token=None, method=None, headers=None):
    """Status and body."""
    data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method, headers=headers or {})
    if token:
        request.add_header("authorization", f"Bearer {token}")
        request.add_header("content-type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read()


def until(what, ask_again, limit=20):
    """What comes in the end; waits for it, not for the clock."""
    started = time.monotonic()
    while time.monotonic() - started < limit:
        found = ask_again()
        if found:
            return found
        time.sleep(0.02)
    raise SystemExit(f"FAILED: still waiting for {what}")


def check(name, found, wanted):
    if found != wanted:
        raise SystemExit(f"FAILED {name}: {found!r}, not {wanted!r}")
    print(f"ok  {name}")


class Bridge:
    """The running binary; a context manager, so that it ends with the script."""

    def __init__(self, core_url, core_lines="", accounts=(ACCOUNT,), secrets=(SECRET,)):
        self.folder = tempfile.TemporaryDirectory()
        self.ports = {name: free_port() for name in ("public", "internal", "grpc", "health")}
        listeners = "".join(f'[{name}]\nlisten = "127.0.0.1:{port}"\n' for name, port in self.ports.items())
        state = os.path.join(self.folder.name, "state")
        # A core that pulls has neither.
        where = f'url = "{core_url}"\nsecrets = {json.dumps(list(secrets))}\n' if core_url else ""
        core = f'[[core]]\nname = "main"\n{where}{core_lines}\n'
        config = os.path.join(self.folder.name, "wxbridge.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f'{listeners}[store]\ndir = "{state}"\nreserve = "1MiB"\n{core}')
        self.log_file = open(os.path.join(self.folder.name, "log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([BINARY, "serve", "-c", config], stdout=self.log_file, stderr=self.log_file)
        try:
            until("the bridge", self.ready, limit=60)
            with open(os.path.join(state, "operator.token"), encoding="utf-8") as file:
                self.token = file.read().strip()
            status, told = self.operate("/admin/v1/accounts", {"account": list(accounts)})
            if status != 200:
                raise SystemExit(f"FAILED: the accounts are refused: {status} {told}")
        except BaseException:
            self.end()
            raise

    def ready(self):
        if self.process.poll() is not None:
            self.log_file.seek(0)
            raise SystemExit(f"FAILED: the bridge ended: {self.log_file.read()}")
        try:
            return ask(self.url("health", "/readyz"))[0] == 200
        except OSError:
            return False

    def url(self, listener, path):
        return f"http://127.0.0.1:{self.ports[listener]}{path}"

    def operate(self, path, body=None):
        status, told = ask(self.url("internal", path), body, self.token)
        return status, json.loads(told or b"null")

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log_file.close()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
