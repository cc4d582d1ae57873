#!/usr/bin/env python3
"""Does the running bridge do what its OpenAPI document says? schemathesis makes up requests, right and wrong, and judges.

    SCHEMATHESIS_EXAMPLES=15     how many for each call
    SCHEMATHESIS_SEED=1          the same again
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from common.cores import Core
from common.house import ACCOUNT, BINARY, Bridge, ask, check, free_port, until
from common.platform import Platform, message

LEFT_OUT = [
    # What no document can say: whether a key, a name or an account of the right shape is known here.
    "positive_data_acceptance",
    # After twenty wrong tokens a minute the answer is 429, by design; our own tests ask for the 401 before.
    "ignored_auth",
]
CONFIG = """\
[parameters]
# A call that waits as long as it is told to would take the whole time.
"query.wait" = "5ms"
"""


def simulator(port):
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen([BINARY, "sim", "--listen", f"127.0.0.1:{port}"], stdout=subprocess.DEVNULL)

    def there():
        try:
            return ask(f"{url}/sim/v1/accounts")[0] == 200
        except OSError:
            return False

    until("the simulator", there)
    account = {"secret" if name == "app_secret" else name: value for name, value in ACCOUNT.items()}
    account = {name: value for name, value in account.items() if name not in ("id", "channel")}
    check("an account of the simulator", ask(f"{url}/sim/v1/accounts", account)[0] // 100, 2)
    return process, url


def history(bridge):
    """Something to look at: events of each kind, a message that was sent, one that failed, an unreadable body."""
    platform = Platform(bridge)
    for number in range(3):
        check("a text", platform.text(f"number {number}")[0], 200)
    check("a click", platform.push(message("event", {"Event": "CLICK", "EventKey": "HELP"}))[0], 200)
    check("an unreadable body", platform.push("<xml><ToUserName>")[0], 200)
    for number in range(2):
        body = {"conversationKey": f"official_account:{ACCOUNT['app_id']}:u:oPeer", "text": f"unasked {number}"}
        check("a message", bridge.operate("/v1/messages?wait=5s", body)[0] // 100, 2)


def examine(bridge):
    command = [
        str(pathlib.Path(sys.executable).parent / "schemathesis"), "--config-file", "CONFIG", "run",
        bridge.url("internal", "/openapi.json"),
        "--header", f"Authorization: Bearer {bridge.token}",
        "--max-examples", os.environ.get("SCHEMATHESIS_EXAMPLES", "15"),
        "--seed", os.environ.get("SCHEMATHESIS_SEED", "1"),
        "--exclude-checks", ",".join(LEFT_OUT),
        "--request-timeout", "40", "--max-failures", "20", "--generation-database", "none", "--no-color",
        "--warnings", "off",
    ]
    with tempfile.TemporaryDirectory() as folder:
        config = os.path.join(folder, "schemathesis.toml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG)
        command[command.index("CONFIG")] = config
        return subprocess.run(command, cwd=folder, timeout=300).returncode


def main():
    core = Core()
    sim, sim_url = simulator(free_port())
    try:
        with Bridge(core.url, accounts=({**ACCOUNT, "api_base": sim_url},)) as bridge:
            status, served = ask(bridge.url("internal", "/openapi.json"))
            printed = subprocess.run([BINARY, "openapi"], capture_output=True, check=True).stdout
            check("the document that is served is the one that is printed", (status, served == printed), (200, True))
            json.loads(served)
            history(bridge)
            if examine(bridge) != 0:
                raise SystemExit("FAILED: schemathesis found what is told above")
            check("the bridge is still there", bridge.ready(), True)
    finally:
        sim.terminate()
        sim.wait()
    print("the document holds")


if __name__ == "__main__":
    sys.exit(main())
