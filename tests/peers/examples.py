#!/usr/bin/env python3
"""Do the cores of examples/ work as they are shown? Each runs behind the real binary and answers through it."""

import os
import shutil
import subprocess
import sys

from common.house import BINARY, ROOT, SECRET, Bridge, ask, check, free_port, until
from common.platform import Platform

CORES = {"core.py": [sys.executable], "core.mjs": ["node"], "core.sh": ["bash"]}


def answers(port):
    try:
        ask(f"http://127.0.0.1:{port}/", b"{}")
        return True
    except OSError:
        return False


def converse(name, command):
    port = free_port()
    environment = {**os.environ, "CORE_SECRET": SECRET, "PORT": str(port)}
    core = subprocess.Popen([*command, str(ROOT / "examples" / name), str(port)], env=environment)
    try:
        until(name, lambda: answers(port))
        status, _ = ask(f"http://127.0.0.1:{port}/", b"{}")
        check(f"{name} refuses what is not signed", status // 100, 4)
        looked = [BINARY, "core-check", f"http://127.0.0.1:{port}/", "--secret", SECRET]
        check(f"core-check finds nothing wrong with {name}", subprocess.run(looked).returncode, 0)
        with Bridge(f"http://127.0.0.1:{port}/") as bridge:
            status, reply = Platform(bridge).text("在吗 <&>")
            check(f"{name} answers", (status, "在吗 <&>" in (reply or {}).get("Content", "")), (200, True))
    finally:
        core.terminate()
        core.wait()


def main():
    for name, command in CORES.items():
        if not shutil.which(command[0]):
            raise SystemExit(f"FAILED: {command[0]} is not installed, which examples/{name} needs")
        converse(name, command)
    print("the examples work")


if __name__ == "__main__":
    sys.exit(main())
