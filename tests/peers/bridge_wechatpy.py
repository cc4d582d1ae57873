#!/usr/bin/env python3
"""Do the bridge and wechatpy understand each other's sealing?

wechatpy seals what a customer says, and opens what the bridge answers inside the request.
"""

import sys

from common.cores import Core
from common.house import ACCOUNT, Bridge, check
from common.platform import Platform, message


def says(event):
    part = event.get_data()["message"]["parts"][0]
    if "text" not in part:
        return None
    return {"replies": [{"text": part["text"]["body"] + " & <b> ]]> 😀"}]}


def every_length(bridge, account):
    platform = Platform(bridge, account)
    for length in range(1, 70):
        # Characters of one, three and four bytes: every length of padding, both ways.
        text = "包裹😀 parcel <&>"[: length % 13 + 1] + "x" * length
        status, reply = platform.text(text)
        if status != 200 or reply is None or reply["Content"] != f"{text} & <b> ]]> 😀":
            raise SystemExit(f"FAILED at {length}: {status} {reply}")
        if (reply["ToUserName"], reply["FromUserName"]) != ("oPeer", account["original_id"]):
            raise SystemExit(f"FAILED at {length}: sender and receiver are not swapped: {reply}")
    print(f"ok  69 lengths, both ways, key ending in {account['encoding_aes_key'][-1]}")


def main():
    other = {**ACCOUNT, "id": "other", "app_id": "wx0000000000000001", "encoding_aes_key": "A" * 43}
    core = Core(says)
    with Bridge(core.url, accounts=(ACCOUNT, other)) as bridge:
        for account in (ACCOUNT, other):
            every_length(bridge, account)
        check("signatures the core could not verify", core.faults, [])
        platform = Platform(bridge)
        stranger = Platform(bridge, {**ACCOUNT, "token": "notours"})
        check("a forged message", stranger.text("x"), (403, None))
        foreign = Platform(bridge, {**ACCOUNT, "app_id": "wx0000000000000002"})
        check("a message sealed for somebody else is not told", foreign.text("x"), (200, None))
        unread = Platform(bridge, {**ACCOUNT, "encoding_aes_key": "B" * 42 + "E"})
        check("a message sealed with another key is not told", unread.text("x"), (200, None))
        status, kept = bridge.operate("/admin/v1/quarantine")
        check("but kept", (status, sorted(one["code"] for one in kept["items"])), (200, ["UNDECODABLE", "WRONG_RECEIVER"]))
        before = len(core.events)
        platform.push(message("image", {"PicUrl": "http://mmbiz.qpic.cn/x/0", "MediaId": "MEDIA-1"}))
        check("a picture", len(core.events), before + 1)
    print("the bridge and wechatpy understand each other")


if __name__ == "__main__":
    sys.exit(main())
