"""The rehearsal of a service of somebody else, whose repository knows nothing of the blueprint.

The rehearsal of the sample is a part of ``make test`` by itself.
"""

import os
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from cdk_rehearsal import ConsoleReport
from cdk_rehearsal.containers import Engine
from cdk_rehearsal.pipelines import Source, docker_by_engine
from settings.examples import (
    ACCOUNT,
    CONNECTED,
    EXISTING,
    ISOLATED,
    KEY,
    REGION,
    SECRET,
    example_deployment,
    sample_env,
)
from tools.rehearsal.first_build import build_once
from tools.rehearsal.image_errors import ImageError
from tools.repository import ROOT

pytestmark = pytest.mark.slow

PORT = 8080
BASE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/base/python:3.14"
SERVER = f"""\
import http.server, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit())
print("started", flush=True)
http.server.HTTPServer(("", {PORT}), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
SETTINGS = {
    "stack_prefix": "shop",
    "folder_path": ".",
    "buildspec_path": "",
    "dockerfile_path": "deploy/Dockerfile",
    "service_name": "shop-api",
    "container_name": "shop-api",
    "ecr_repository_name": "shop-api",
    "container_port": str(PORT),
    "health_check_command": "",
    "seed_image": "registry.invalid/first:1",
    "desired_count": "1",
    "stop_timeout_seconds": "30",
}
NAMES_EVERYTHING = {
    "deploy_core_stack": "False",
    **{key: EXISTING[key] for key in EXISTING if key.startswith(("namespace", "ecs_", "vpc"))},
    **{key: ISOLATED[key] for key in ISOLATED if key.startswith("container_")},
    "build_secrets": f"NPM_TOKEN={SECRET}:npm::",
    "ingress_security_groups": "sg-0123456789abcdef0",
    "scaling_queue_arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:orders",
    "base_image_repository_arns": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/base/python",
    "build_role_policy_arns": f"arn:aws:iam::{ACCOUNT}:policy/packages",
    "keep_images": "True",
    "task_role_policy_arns": "arn:aws:iam::123456789012:policy/shop/orders,"
    "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
    **{key: CONNECTED[key] for key in ("connection_arn", "manual_approval", "notification_email")},
}


# Another checkout may run this test at the same time, on the same engine.
NUMBER = secrets.token_hex(3)
CANARY = f"CANARY-{NUMBER}"
SECRETS = dict.fromkeys(
    ("GITHUB_TOKEN", "DB_PASSWORD", "AWS_SESSION_TOKEN", "NODE_OPTIONS"), CANARY
)


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What a rehearsal said, and the environments of its processes by command line."""

    said: str
    environments: Mapping[str, str]


@contextmanager
def watched() -> Iterator[dict[str, str]]:
    """Collect the environments of all processes, by command line."""
    seen: dict[str, str] = {}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(1):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError):  # it has ended, or it is another user's
                    command = (process / "cmdline").read_text(encoding="latin-1")
                    content = (process / "environ").read_text(encoding="latin-1")
                    seen[command.replace("\0", " ")] = content

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def rehearse(
    folder: Path, dockerfile: str, settings: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Rehearse a service of a new repository with these settings, and secrets in the shell."""
    source = folder / "source"
    (source / "deploy").mkdir(parents=True)
    (source / "server.py").write_text(SERVER, encoding="utf-8")
    (source / "deploy" / "Dockerfile").write_text(dockerfile, encoding="utf-8")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (("init", "-q"), ("add", "."), (*author, "commit", "-qm", "first")):
        subprocess.run(["git", *command], cwd=source, check=True)
    env_file = folder / ".env"
    env_file.write_text(sample_env(**settings), encoding="utf-8")
    module = ("-m", "tools.rehearsal", "--env-file", str(env_file), "--source", str(source))
    return subprocess.run(
        [sys.executable, *module],
        cwd=ROOT,
        env=os.environ | SECRETS,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def rehearsed(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Rehearsed:
    """Rehearse a service whose settings name all that settings can name."""
    dockerfile = (
        f'FROM {BASE}\nWORKDIR /srv\nCOPY . .\nENTRYPOINT ["python", "server.py"]\nCMD []\n'
    )
    repository = f"shop-api-{NUMBER}"
    settings = SETTINGS | NAMES_EVERYTHING | {"ecr_repository_name": repository}
    with watched() as seen:
        done = rehearse(tmp_path_factory.mktemp("own"), dockerfile, settings)
    assert done.returncode == 0, done.stdout + done.stderr
    left = engine("images", "--quiet", f"--filter=reference=*/{repository}/builds")
    assert left == "", "the images of the builds are removed"
    return Rehearsed(said=done.stdout, environments=seen)


def test_its_image_is_called_delivered_again_and_judged_with_all_that_the_settings_name(
    rehearsed: Rehearsed,
) -> None:
    said = rehearsed.said
    for named in (
        *("secret shop/db", "parameter /shop/key", "a key of KMS", "policy orders", "VPC"),
        *("role TaskExecution", "a security group in place of sg-0123456789abcdef0"),
        *("queue orders", "repository base/python", "policy packages"),
        f"the base image {BASE}: the sample service stands for it",
    ):
        assert named in said
    # Names stay, but AWS would choose this id.
    assert KEY not in said
    called = rf"http://shop-api\.\S+:{PORT}/: 1 of them, HTTP 200"
    assert len(re.findall(called, said)) == 2
    assert re.search(r"exits at once .*circuit breaker was triggered.*1 tasks serve on", said)
    assert "DELIVERED, and nobody answers at the name any more" in said
    assert "the sample service stands for it" in said
    _, *last_lines = re.split(r"left 2 repositories, \d+ image tags behind\.", said)
    last = "".join(last_lines)
    assert "To mend: Without a health check" in last
    assert "To mend: Your container ends" in last


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_its_processes_see_no_secret_of_the_shell(engine: Engine, rehearsed: Rehearsed) -> None:
    seen = rehearsed.environments
    for program in (
        *("node_modules/.bin/cdk deploy", "app.py", "jsii-runtime", "tools.rehearsal.synthesis"),
        *("cdk_rehearsal.server", "cdk_rehearsal.pipelines.docker", f"{engine.name} build"),
    ):
        assert any(program in command for command in seen), f"{program} was seen"
    # The rehearsal itself has them, as it got them.
    having = [command for command, content in seen.items() if CANARY in content]
    assert [command for command in having if "-m tools.rehearsal --env-file" not in command] == []


def test_a_dockerfile_that_does_not_build_is_told_with_its_last_lines(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    dockerfile = f"FROM {image}\nCOPY . .\nRUN echo the reason && false\n".encode()
    source = Source(files={SETTINGS["dockerfile_path"]: dockerfile}, links={}, origin="here")
    (settings,) = example_deployment(SETTINGS)
    with docker_by_engine(tmp_path, engine, "") as docker, pytest.raises(ImageError) as error:
        build_once(ConsoleReport(), docker, settings, source)
    assert "Your image is not built." in str(error.value)
    assert "| the reason\n" in str(error.value)
