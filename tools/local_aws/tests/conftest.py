"""One local AWS for all tests of this folder, and stacks that are deleted after each test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tools.local_aws import NO_DELAYS, LocalAws
from tools.local_aws.tests.pipeline_template import TOKEN
from tools.local_aws.tests.stacks import Stacks


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    with LocalAws(account="111122223333", region="eu-west-1", delays=NO_DELAYS) as aws:
        yield aws


@pytest.fixture(scope="session")
def client(local_aws: LocalAws) -> Callable[[str], Any]:
    clients: dict[str, Any] = {}

    def get(service: str) -> Any:
        if service not in clients:
            clients[service] = local_aws.client(service)
        return clients[service]

    return get


@pytest.fixture
def stacks(client: Callable[[str], Any]) -> Iterator[Stacks]:
    stacks = Stacks(client("cloudformation"))
    yield stacks
    stacks.delete_all()


@pytest.fixture
def token(client: Callable[[str], Any]) -> Iterator[None]:
    """The secret that the pipelines of `pipeline_template` read."""
    secrets = client("secretsmanager")
    secrets.create_secret(Name="token", SecretString=TOKEN)
    yield
    secrets.delete_secret(SecretId="token", ForceDeleteWithoutRecovery=True)
