#!/usr/bin/env python3
"""Can a core be made of public libraries? standardwebhooks verifies and cloudevents reads what the bridge sends."""

import sys

from cloudevents.core.v1.event import CloudEvent
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from common.cores import Core
from common.house import SECRET, Bridge, check, until
from common.platform import Platform, message

OTHER = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU="


def rotation():
    """Both keys of a rotation sign: a core that knows one of them verifies."""
    core = Core(secret=OTHER)
    with Bridge(core.url, secrets=(SECRET, OTHER)) as bridge:
        Platform(bridge).text("signed twice")
        until("the event", lambda: core.events)
        check("signed with both keys of a rotation", (core.faults, len(core.headers)), ([], 1))
        signatures = {name.lower(): value for name, value in core.headers[0].items()}["webhook-signature"]
        check("two signatures", len(signatures.split(" ")), 2)


def main():
    core = Core()
    with Bridge(core.url) as bridge:
        platform = Platform(bridge)
        check("taken", platform.text("在吗 <&> 😀"), (200, None))
        check("an event", platform.push(message("event", {"Event": "CLICK", "EventKey": "HELP"})), (200, None))
        check("one that nobody knows", platform.push(message("event", {"Event": "teleport"})), (200, None))
        events = until("three events", lambda: core.events if len(core.events) == 3 else None)
        check("nothing that a library could not verify or read", core.faults, [])
        check("types", [event.get_type() for event in events], [
            "wxbridge.message.v1", "wxbridge.interaction.v1", "wxbridge.signal.v1",
        ])
        for seq, event in enumerate(events, start=1):
            data = event.get_data()
            key = data["conversation"]["key"]
            assert isinstance(event, CloudEvent), type(event)
            check("specversion", event.get_specversion(), "1.0")
            check("id", event.get_id(), data["id"])
            check("source", event.get_source(), f"/accounts/shop/conversations/{key}")
            check("subject", event.get_subject(), key)
            check("partitionkey", event.get_extension("partitionkey"), key)
            check("sequence", event.get_extension("sequence"), f"{data['epoch']:010}.{seq:010}")
            assert event.get_time() is not None and event.get_extension("traceparent")
        check("the text, letter for letter", events[0].get_data()["message"]["parts"][0]["text"]["body"], "在吗 <&> 😀")
        headers = {name.lower(): value for name, value in core.headers[0].items()}
        try:
            Webhook(SECRET).verify(b"{}", headers)
            raise SystemExit("FAILED: the signature does not cover the body")
        except WebhookVerificationError:
            print("ok  the signature covers the body")
    rotation()
    print("public libraries make a core")


if __name__ == "__main__":
    sys.exit(main())
