#!/usr/bin/env python3
# The smallest core: checks that an event is from the bridge, and says back what the customer wrote.
#   CORE_SECRET=whsec_… examples/core.py     Python alone; HOST and PORT: where it listens, 127.0.0.1:8000
import base64, hmac, json, os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = base64.b64decode(os.environ["CORE_SECRET"].removeprefix("whsec_"))

def genuine(headers, body):
    """Standard Webhooks: one of the signatures is ours, and at most five minutes old."""
    event, sent = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (sent.isascii() and sent.isdigit() and len(sent) < 13 and abs(time.time() - int(sent)) <= 300):
        return False
    right = b"v1," + base64.b64encode(hmac.digest(KEY, f"{event}.{sent}.".encode() + body, "sha256"))
    return any(hmac.compare_digest(right, one.encode()) for one in headers.get("webhook-signature", "").split())

def answer(event):
    """What is no text is taken without a reply. More replies, pictures, cards: proto/wxbridge/v1/wxbridge.proto."""
    texts = [part["text"]["body"] for part in event.get("message", {}).get("parts", []) if "text" in part]
    return {"replies": [{"text": f"You said: {text}"} for text in texts]}

class Core(BaseHTTPRequestHandler):
    protocol_version, disable_nagle_algorithm = "HTTP/1.1", True

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        ours = genuine(self.headers, body)
        told = json.dumps(answer(json.loads(body)["data"])).encode() if ours else b""
        self.send_response(200 if ours else 401)
        self.send_header("content-length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

if __name__ == "__main__":
    place = os.environ.get("HOST", "127.0.0.1"), int(os.environ.get("PORT", "8000"))
    with ThreadingHTTPServer(place, Core) as server:
        print("core on http://%s:%d/" % server.server_address[:2], flush=True)
        server.serve_forever()
