"""What a container beside the service finds out: who answers under a name, and what listens."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import create_server

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


def test_a_service_without_http_answers_by_taking_the_connection() -> None:
    with create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def hang_up() -> None:
            for _ in range(2):
                server.accept()[0].close()

        threading.Thread(target=hang_up).start()
        assert probe.call("localhost", port, "", 0)["answers"] == {"127.0.0.1": "TCP"}
        failures = probe.call("localhost", port, "/health", 0)["failures"]
    assert failures["127.0.0.1"].startswith("no HTTP at /health")
    refused = probe.call("localhost", port, "", 0.4)["failures"]
    assert "refused" in refused["127.0.0.1"]
