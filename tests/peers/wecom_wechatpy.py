#!/usr/bin/env python3
"""Do the bridge and wechatpy's enterprise half understand each other as WeCom and a WeCom application?

wechatpy seals the console's echostr and what a member says, and opens what the bridge answers inside the request.
"""

import itertools
import sys
import time
import urllib.parse

import xmltodict
from common.cores import Core
from common.house import Bridge, ask, check
from wechatpy.enterprise import create_reply, parse_message
from wechatpy.enterprise.crypto import PrpCrypto, WeChatCrypto

DESK = {
    "id": "desk",
    "channel": "wecom_app",
    "corp_id": "ww0123456789abcdef",
    "agent_id": "1000012",
    "secret": "f" * 32,
    "token": "peertoken",
    # The last character carries spare bits, as in three of four keys of the console.
    "encoding_aes_key": "GPCHlXDghJjmrhhg3TqXdxTemktdtvO0f2dLeN5mfFB",
}
NUMBERS = itertools.count(7401122334455667788)


class Company:
    """The platform's side of one application."""

    def __init__(self, bridge, account=DESK):
        self.account = account
        self.url = bridge.url("public", f"/callback/{account['id']}")
        self.crypto = WeChatCrypto(account["token"], account["encoding_aes_key"], account["corp_id"])

    def query(self, sealed, more):
        fields = {name: sealed[name] for name in ("timestamp", "nonce")}
        return urllib.parse.urlencode({"msg_signature": sealed["signature"], **fields, **more})

    def sealed(self, document):
        nonce, timestamp = str(next(NUMBERS)), str(int(time.time()))
        envelope = xmltodict.parse(self.crypto.encrypt_message(document, nonce, timestamp))["xml"]
        told = {"timestamp": timestamp, "nonce": nonce, "signature": envelope["MsgSignature"]}
        return {**told, "encrypt": envelope["Encrypt"]}

    def verifies(self, echo):
        sealed = self.sealed(echo)
        return ask(f"{self.url}?{self.query(sealed, {'echostr': sealed['encrypt']})}")

    def push(self, fields, sender="Li.Si"):
        head = {"ToUserName": self.account["corp_id"], "FromUserName": sender, "CreateTime": int(time.time())}
        body = {**head, **fields, "MsgId": next(NUMBERS), "AgentID": self.account["agent_id"]}
        document = xmltodict.unparse({"xml": body}, full_document=False)
        # It would itself read what it sends.
        check("wechatpy reads its own document", parse_message(document).source, sender)
        sealed = self.sealed(document)
        outer = {"ToUserName": self.account["corp_id"], "AgentID": self.account["agent_id"], "Encrypt": sealed["encrypt"]}
        envelope = xmltodict.unparse({"xml": outer}, full_document=False).encode()
        status, told = ask(f"{self.url}?{self.query(sealed, {})}", envelope, headers={"content-type": "text/xml"})
        if status != 200 or told in (b"", b"success"):
            return status, None
        reply = xmltodict.parse(told.decode())["xml"]
        plain = self.crypto.decrypt_message(told.decode(), reply["MsgSignature"], reply["TimeStamp"], reply["Nonce"])
        return status, xmltodict.parse(plain)["xml"]


def says(event):
    part = event.get_data().get("message", {}).get("parts", [{}])[0]
    if "text" not in part:
        return None
    return {"replies": [{"text": part["text"]["body"] + " & <b> ]]> 😀"}]}


def main():
    core = Core(says)
    with Bridge(core.url, accounts=(DESK,)) as bridge:
        company = Company(bridge)
        check("the console's check", company.verifies("6137728914405581230"), (200, b"6137728914405581230"))
        check("a check that is none", company.verifies("<xml/>")[0], 403)
        for length in (1, 7, 15, 16, 31, 32, 33, 64, 200):
            text = "包裹😀"[: length % 4] + "x" * length
            status, reply = company.push({"MsgType": "text", "Content": text})
            check(f"a text of {len(text)} and its answer", (status, reply["Content"]), (200, f"{text} & <b> ]]> 😀"))
        check("sender and receiver are swapped", (reply["ToUserName"], reply["FromUserName"]), ("Li.Si", DESK["corp_id"]))
        said = f"<xml><ToUserName>{DESK['corp_id']}</ToUserName><FromUserName>Li.Si</FromUserName><MsgType>text</MsgType></xml>"
        ours = xmltodict.parse(create_reply("x", parse_message(said)).render())["xml"]
        check("the same elements as wechatpy's own reply", sorted(set(ours) - {"AgentID"}), sorted(reply))
        check("a picture", company.push({"MsgType": "image", "PicUrl": "http://x.invalid/0", "MediaId": "M1"}), (200, None))
        check("signatures the core could not verify", core.faults, [])
        stranger = Company(bridge, {**DESK, "token": "notours"})
        check("a forged message", stranger.push({"MsgType": "text", "Content": "x"}), (403, None))
        suite = Company(bridge, {**DESK, "corp_id": "dk0123456789abcdef"})
        check("a message sealed for a suite is not told", suite.push({"MsgType": "text", "Content": "x"}), (200, None))
        status, kept = bridge.operate("/admin/v1/quarantine")
        check("but kept", (status, [one["code"] for one in kept["items"]]), (200, ["WRONG_RECEIVER"]))
        opened = PrpCrypto(company.crypto.key)
        check("both read the same box", opened.decrypt(company.sealed("<xml/>")["encrypt"], DESK["corp_id"]), "<xml/>")
    print("the bridge and wechatpy understand each other about WeCom")


if __name__ == "__main__":
    sys.exit(main())
