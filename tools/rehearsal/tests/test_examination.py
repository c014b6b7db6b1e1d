"""Containers of images that do not do what the service needs, and what is found out about each."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from cdk_rehearsal import NO_DELAYS
from cdk_rehearsal.containers import KEPT_IMAGES, ContainerNetwork, Engine, TaskContainers
from tools.rehearsal.examination import Examination, examine, examine_image

pytestmark = pytest.mark.slow

PORT = 8080
SERVE = (
    f"import http.server as h; h.HTTPServer(('', {PORT}), h.BaseHTTPRequestHandler).serve_forever()"
)
Run = Callable[..., Examination]


@pytest.fixture
def containers(engine: Engine, network: ContainerNetwork, image: str) -> Iterator[TaskContainers]:
    feed = cast("Any", None)
    yield TaskContainers(engine=engine, network=network, feed=feed, delays=NO_DELAYS, helper=image)
    assert engine("ps", "--quiet", f"--filter=network={network.name}") == "", "none is left"


@pytest.fixture(scope="module")
def runs_code(
    engine: Engine, image: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """An image that runs the Python in the variable CODE of its environment."""
    folder = tmp_path_factory.mktemp("code")
    name = f"{KEPT_IMAGES}/tests:examined-{folder.parent.name}"
    code = 'ENTRYPOINT ["python", "-uc", "import os; exec(os.environ[\'CODE\'])"]'
    (folder / "Dockerfile").write_text(f"FROM {image}\n{code}\nCMD []\n", encoding="utf-8")
    engine("build", "--tag", name, str(folder))
    yield name
    engine.attempt("rmi", name)


@pytest.fixture
def run(containers: TaskContainers, runs_code: str) -> Run:
    def run(code: str, *environment: Any, **definition: Any) -> Examination:
        variables = [{"name": "CODE", "value": code}, *environment]
        return examine_image(
            containers, runs_code, {"environment": variables, **definition}, PORT, 60, "/no"
        )

    return run


def test_an_end_with_its_code_and_last_words_and_the_environment_of_its_task(run: Run) -> None:
    code = "import os; raise SystemExit(' '.join(os.environ[name] for name in ('STAGE', 'KEY')))"
    stage = {"name": "STAGE", "value": "prod"}
    seen = run(code, stage, secrets=[{"name": "KEY", "valueFrom": "arn"}])
    assert seen.exit_code == 1
    # On a busy machine podman's log has had a container's only line twice.
    assert {*seen.lines} == {"prod made-up"}


def test_a_container_that_is_removed_is_no_error(containers: TaskContainers) -> None:
    """Those of tasks are removed when they have ended, at any moment."""
    assert examine(containers, "0" * 64) is None


def test_a_check_that_fails_says_why(run: Run) -> None:
    check = ["CMD", "python", "-c", "raise SystemExit('I am ill')"]
    seen = run(SERVE, healthCheck={"command": check})
    assert seen.exit_code is None
    assert seen.listening == [("0.0.0.0", PORT)]  # noqa: S104 - every address
    assert seen.check == (1, "I am ill")
    assert seen.why_no_answer(PORT).endswith("and its answer is HTTP 501 at /no")
