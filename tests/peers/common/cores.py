"""A core made of two public libraries: standardwebhooks verifies what arrives, cloudevents reads it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks.webhooks import Webhook

from common.house import SECRET


class Core:
    """Remembers every event it took, and whatever was wrong with one."""

    def __init__(self, reply=None, secret=SECRET):
        self.events, self.faults, self.headers = [], [], []
        core, webhook = self, Webhook(secret)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                try:
                    webhook.verify(body, dict(self.headers))
                    event = from_http_event(HTTPMessage(headers=dict(self.headers), body=body))
                except Exception as error:  # Whatever it is, the script tells it.
                    core.faults.append(error)
                    self.say(401, b"")
                    return
                core.headers.append(dict(self.headers))
                core.events.append(event)
                answer = reply(event) if reply else None
                self.say(200, b"" if answer is None else json.dumps(answer).encode())

            def say(self, status, body):
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
