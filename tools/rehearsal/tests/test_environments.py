"""What the processes of a rehearsal get of the shell; `test_rehearsal` looks at running ones."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cdk_rehearsal import Access, process_environment
from cdk_rehearsal.containers import engine_environment
from cdk_rehearsal.environment import RootKey
from cdk_rehearsal.pipelines import git_environment
from settings.examples import ACCOUNT, REGION

CANARY = "CANARY"
SECRETS = {
    name: f"{CANARY} of {name}"
    for name in (
        *("GITHUB_TOKEN", "GH_TOKEN", "MY_DB_PASSWORD", "PIP_INDEX_URL", "DOCKER_PASSWORD"),
        *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "NODE_OPTIONS"),
    )
}
SHELL = {"PATH": "/bin", "LANG": "C.UTF-8", "TMPDIR": "/scratch"}
ACCESS = Access(
    endpoint_url="https://127.0.0.1:1",
    account=ACCOUNT,
    region=REGION,
    key=RootKey.random(),
    ca_bundle=Path("ca.pem"),
)


@pytest.mark.parametrize(
    "environment", [process_environment, git_environment, engine_environment, ACCESS.environment]
)
def test_a_process_gets_the_variables_that_it_needs_and_no_others(
    environment: Callable[[Mapping[str, str]], dict[str, str]],
) -> None:
    seen = environment(SHELL | SECRETS)
    assert CANARY not in str(seen)
    assert seen.items() >= SHELL.items()
