#!/usr/bin/env python3
"""Do the simulator and wechatpy understand each other's sealing?

wechatpy is a receiver that many accounts run on. It opens what the simulator pushes in safe and compatible mode, and
the simulator opens what wechatpy seals as a passive reply: two programs that share no code.

    pip install wechatpy pycryptodome
    SIM_URL=http://127.0.0.1:7000 tests/peers/sim_wechatpy.py     (or WXBRIDGE_BIN, or target/release/wxbridge)
"""

import json
import os
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from wechatpy import parse_message
from wechatpy.client import WeChatClient
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidSignatureException, WeChatClientException
from wechatpy.replies import ArticlesReply, TextReply
from wechatpy.utils import check_signature

TOKEN, APP, SECRET = "peertoken", "wxfedcba0987654321", "f" * 32
# The last character of one key carries spare bits, that of the other does not.
KEYS = ["abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "A" * 43]


class Receiver(BaseHTTPRequestHandler):
    crypto = None
    seen = []

    def do_GET(self):
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        check_signature(TOKEN, asked["signature"], asked["timestamp"], asked["nonce"])
        self.answer(asked["echostr"])

    def do_POST(self):
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        try:
            xml = self.crypto.decrypt_message(body, asked["msg_signature"], asked["timestamp"], asked["nonce"])
        except InvalidSignatureException:
            self.send_error(403)
            return
        message = parse_message(xml)
        self.seen.append(message)
        if message.type == "event":
            reply = ArticlesReply(message=message, articles=[{"title": "t", "description": "d", "image": "", "url": ""}])
        else:
            reply = TextReply(message=message, content=f"{getattr(message, 'content', message.type)} & 😀")
        self.answer(self.crypto.encrypt_message(reply.render(), asked["nonce"], asked["timestamp"]))

    def answer(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=30) as answer:
        return json.load(answer)


def check(name, found, wanted):
    if found != wanted:
        raise SystemExit(f"FAILED {name}: {found!r}, not {wanted!r}")
    print(f"ok  {name}")


def both_ways(sim, callback):
    for key in KEYS:
        for mode in ("safe", "compatible"):
            Receiver.crypto = WeChatCrypto(TOKEN, key, APP)
            settings = {"app_id": APP, "secret": SECRET, "token": TOKEN, "encoding_aes_key": key, "mode": mode}
            ask(f"{sim}/sim/v1/accounts", {**settings, "original_id": "gh_peer", "callback_url": callback})
            for length in range(1, 40):
                text = "包裹 parcel <&>"[: length % 13 + 1] + "x" * length
                done = ask(f"{sim}/sim/v1/phones/{APP}/oPeer/text", {"content": text})
                if done["outcome"] != "reply" or done["shown"][-1]["text"] != f"{text} & 😀":
                    raise SystemExit(f"FAILED {mode}, {length} characters: {done}")
                if Receiver.seen[-1].content != text or str(Receiver.seen[-1].id) != done["msg_id"]:
                    raise SystemExit(f"FAILED {mode}: wechatpy read {Receiver.seen[-1]}")
            print(f"ok  {mode}, key ending in {key[-1]}: 39 lengths, both ways")
    event = ask(f"{sim}/sim/v1/phones/{APP}/oPeer/scan", {"scene": "store-17"})
    check("an event, answered with articles", (event["outcome"], event["shown"][-1]["type"]), ("reply", "news"))
    check("its scene", Receiver.seen[-1].scene_id, "store-17")
    forged = ask(f"{sim}/sim/v1/phones/{APP}/oPeer/text", {"content": "x", "push": {"tamper": "signature"}})
    check("a forged push is refused", forged["attempts"][0]["status"], 403)


def its_client(sim):
    class Client(WeChatClient):
        API_BASE_URL = f"{sim}/cgi-bin/"

        # wechatpy takes its token from a fixed address; this is the same call at ours.
        def fetch_access_token(self):
            params = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
            return self._fetch_access_token(url=f"{sim}/cgi-bin/token", params=params)

    client = Client(APP, SECRET)
    check("wechatpy's client sends", client.message.send_text("oPeer", "您好")["errcode"], 0)
    try:
        client.message.send_image("oPeer", "gone")
        raise SystemExit("FAILED: an unknown media id was taken")
    except WeChatClientException as refused:
        check("and is refused", refused.errcode, 40007)


def main():
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    callback = f"http://127.0.0.1:{receiver.server_port}/callback"
    sim, started = os.environ.get("SIM_URL"), None
    if not sim:
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
        binary = os.environ.get("WXBRIDGE_BIN", os.path.join(root, "target/release/wxbridge"))
        started = subprocess.Popen([binary, "sim", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        sim = next(word for line in started.stdout for word in line.split() if word.startswith("http"))
    try:
        both_ways(sim.rstrip("/"), callback)
        its_client(sim.rstrip("/"))
    finally:
        if started:
            started.terminate()
            started.wait()
    print("the simulator and wechatpy understand each other")


if __name__ == "__main__":
    sys.exit(main())
