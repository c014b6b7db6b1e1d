"""A local AWS for all tests of a process, and stacks that are deleted after each test."""

import json
import signal
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cdk_rehearsal import NO_DELAYS, Access, LocalAws
from support.functions import document
from support.stacks import Stacks

# A shell lets background processes (``make test &``) ignore Ctrl-C and a closed terminal. Tests
# send both.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

HERE = Path(__file__).parent
FAST = ("pipelines", "deploy_policy")
"""The tests of the other folders start processes that take seconds."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the slow tests."""
    for item in items:
        if item.path.is_relative_to(HERE) and item.path.parent.name not in FAST:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    with LocalAws(account="111122223333", region="eu-west-1", delays=NO_DELAYS) as aws:
        yield aws


@pytest.fixture(scope="session")
def access(local_aws: LocalAws) -> Access:
    """The access of root."""
    return local_aws.access


@pytest.fixture
def user(access: Access) -> Callable[..., Access]:
    """Make users with these statements in their policy."""
    return lambda *statements: access.user(f"user-{uuid.uuid4()}", *statements)


@pytest.fixture
def role(client: Callable[[str], Any]) -> Callable[..., str]:
    """Make roles that trust a principal, with these statements in their policy."""

    def make(principal: Mapping[str, Any], *statements: Mapping[str, Any], **more: Any) -> str:
        iam, name = client("iam"), f"role-{uuid.uuid4()}"
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
        trusted = json.dumps(document(trust))
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted, **more)["Role"]
        if statements:
            policy = json.dumps(document(*statements))
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy)
        return str(made["Arn"])

    return make


@pytest.fixture(scope="session")
def client(local_aws: LocalAws) -> Callable[[str], Any]:
    return local_aws.client


@pytest.fixture
def stacks(client: Callable[[str], Any]) -> Iterator[Stacks]:
    stacks = Stacks(client("cloudformation"))
    yield stacks
    stacks.delete_all()
