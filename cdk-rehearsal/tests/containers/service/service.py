"""A service for the tests: it answers on port 3000, and serves on for a while after SIGTERM."""

import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers every request."""

    def do_GET(self) -> None:
        """Answer with one word."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"here\n")


def stop(*_: object) -> None:
    """End after DRAIN_SECONDS."""
    time.sleep(float(os.environ.get("DRAIN_SECONDS", "0")))
    os._exit(0)


server = ThreadingHTTPServer(("", 3000), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
signal.signal(signal.SIGTERM, stop)
while True:
    signal.pause()
