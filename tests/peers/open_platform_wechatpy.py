#!/usr/bin/env python3
"""Does an open platform of the bridge understand what wechatpy seals for one?

wechatpy seals tickets and the release test's messages with the platform's key and AppID, and opens the answers.
"""

import sys

import xmltodict

from common.cores import Core
from common.house import ACCOUNT, Bridge, check
from common.platform import Platform

PLATFORM = {
    **{name: value for name, value in ACCOUNT.items() if name != "original_id"},
    "id": "platform",
    "channel": "open_platform",
    "api_base": "http://127.0.0.1:9",
}
# An official account of the platform's own release test.
TESTED = {**PLATFORM, "original_id": "gh_3c884a361561"}


class Component(Platform):
    """An open platform's address for messages of one account."""

    def __init__(self, bridge, app_id, account=TESTED):
        super().__init__(bridge, account)
        self.url = bridge.url("public", f"/open/platform/message/{app_id}")


class Notices(Component):
    """Its address for notices, where the envelope names the platform."""

    def __init__(self, bridge, account=TESTED):
        super().__init__(bridge, "none", account)
        self.url = bridge.url("public", "/open/platform/events")

    def ticket(self, value, created):
        body = {"AppId": PLATFORM["app_id"], "CreateTime": created, "InfoType": "component_verify_ticket"}
        return self.push(xmltodict.unparse({"xml": {**body, "ComponentVerifyTicket": value}}, full_document=False))


def main():
    core = Core(lambda event: None)
    with Bridge(core.url, accounts=(PLATFORM,)) as bridge:
        notices = Notices(bridge)
        check("a ticket", notices.ticket("ticket@@@peer", 1), (200, None))
        forged = Notices(bridge, {**TESTED, "token": "notours"})
        check("a forged ticket", forged.ticket("ticket@@@forged", 2), (403, None))
        tested = Component(bridge, "wx570bc396a51b8ff8")
        status, reply = tested.text("TESTCOMPONENT_MSG_TYPE_TEXT")
        check("the release test's text", (status, reply["Content"]), (200, "TESTCOMPONENT_MSG_TYPE_TEXT_callback"))
        check("from whom to whom", (reply["FromUserName"], reply["ToUserName"]), ("gh_3c884a361561", "oPeer"))
        other = Component(bridge, "wx9252c5e0bb1836fc")
        check("the same under another's path", other.text("TESTCOMPONENT_MSG_TYPE_TEXT"), (403, None))
        itself = Component(bridge, "wx570bc396a51b8ff8", {**TESTED, "app_id": "wx570bc396a51b8ff8"})
        check("sealed for the account, not for the platform", itself.text("x"), (200, None))
        status, kept = bridge.operate("/admin/v1/quarantine")
        check("is kept", (status, [one["code"] for one in kept["items"]]), (200, ["WRONG_RECEIVER"]))
        check("no core heard of any of it", core.events, [])
    print("an open platform and wechatpy understand each other")


if __name__ == "__main__":
    sys.exit(main())
