"""How does a program seal a callback that shares no code with the bridge? With wechatpy, which many accounts run on."""

import itertools
import time
import urllib.parse

import xmltodict
from wechatpy.crypto import WeChatCrypto

from common.house import ACCOUNT, ask

NUMBERS = itertools.count(24812345678901234)


def message(kind, fields, sender="oPeer", account=ACCOUNT):
    """A message as the platform words it."""
    head = {"ToUserName": account["original_id"], "FromUserName": sender, "CreateTime": int(time.time())}
    body = {**head, "MsgType": kind, **fields}
    if kind != "event":
        body["MsgId"] = next(NUMBERS)
    return xmltodict.unparse({"xml": body}, full_document=False)


class Platform:
    """One account of the platform, sealing with wechatpy."""

    def __init__(self, bridge, account=ACCOUNT):
        self.account = account
        self.url = bridge.url("public", f"/callback/{account['id']}")
        self.crypto = WeChatCrypto(account["token"], account["encoding_aes_key"], account["app_id"])

    def push(self, document):
        """Status, and the opened answer: None where it is `success`."""
        nonce, timestamp = str(next(NUMBERS)), str(int(time.time()))
        # What wechatpy seals as a reply has the same envelope as what the platform pushes.
        sealed = xmltodict.parse(self.crypto.encrypt_message(document, nonce, timestamp))["xml"]
        outer = {"ToUserName": self.account["original_id"], "Encrypt": sealed["Encrypt"]}
        query = {"timestamp": timestamp, "nonce": nonce, "encrypt_type": "aes", "msg_signature": sealed["MsgSignature"]}
        body = xmltodict.unparse({"xml": outer}, full_document=False).encode()
        status, told = ask(f"{self.url}?{urllib.parse.urlencode(query)}", body, headers={"content-type": "text/xml"})
        if status != 200 or told == b"success":
            return status, None
        return status, self.opened(told.decode())

    def opened(self, told):
        """The passive reply as wechatpy, as a receiver, opens it."""
        reply = xmltodict.parse(told)["xml"]
        plain = self.crypto.decrypt_message(told, reply["MsgSignature"], reply["TimeStamp"], reply["Nonce"])
        return xmltodict.parse(plain)["xml"]

    def text(self, content, sender="oPeer"):
        return self.push(message("text", {"Content": content}, sender, self.account))
