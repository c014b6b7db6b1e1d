"""The rehearsal of a service of somebody else, whose Dockerfile knows nothing of us, as a whole."""

import re
from pathlib import Path

import pytest

from tools.container_engine import Engine
from tools.rehearsal.tests.own_service.somebody import rehearse, repository

pytestmark = pytest.mark.slow

PORT = 8080
SERVER = f"""\
import http.server
print("started", flush=True)
http.server.HTTPServer(("", {PORT}), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
SETTINGS = {
    "stack_prefix": "shop",
    "folder_path": ".",
    "buildspec_path": "",
    "dockerfile_path": "deploy/Dockerfile",
    "service_name": "orders",
    "container_name": "orders",
    "ecr_repository_name": "orders",
    "container_port": str(PORT),
    "health_check_command": "",
    "seed_image": "registry.invalid/first:1",
    "desired_count": "1",
    "stop_timeout_seconds": "30",
}


def test_it_is_called_delivered_again_and_destroyed_and_what_is_to_mend_is_said(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    dockerfile = (
        f'FROM {image}\nWORKDIR /srv\nCOPY . .\nENTRYPOINT ["python", "server.py"]\nCMD []\n'
    )
    files = {"server.py": SERVER, "deploy/Dockerfile": dockerfile}
    done = rehearse(tmp_path, repository(tmp_path / "orders", files), SETTINGS)
    said = done.stdout
    assert done.returncode == 0, said + done.stderr
    called = f"http://orders.default.ecs-blueprint-infra.local:{PORT}/: 1 of them, HTTP 200"
    assert said.count(called) == 2
    assert re.search(r"exits at once .*circuit breaker was triggered.*1 tasks serve on", said)
    assert "DELIVERED, and nobody answers at the name any more" in said
    assert "the sample service stands for it" in said
    last = said.partition("left nothing behind.")[2]
    assert "To mend: Without a health check" in last
    assert re.search(r"To mend: Your container (ends|ignores SIGTERM)", last)
    assert engine("images", "--quiet", "--filter=reference=*/orders/builds") == "", (
        "what was built is gone"
    )
