"""What a container beside the service finds out: who answers under a name, and what listens."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cdk_rehearsal.containers.in_container import probe


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_with_a_path_its_status_counts_and_without_one_any_answer_does() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port
        asked = {path: probe.call("localhost", port, path, 0) for path in ("/health", "/other", "")}
        server.shutdown()
    assert asked["/health"] == {"answers": {"127.0.0.1": "HTTP 200"}, "failures": {}}
    assert asked["/other"]["failures"] == {"127.0.0.1": "HTTP 404 at /other"}
    assert asked[""] == {"answers": {"127.0.0.1": "HTTP 404"}, "failures": {}}
