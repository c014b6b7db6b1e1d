"""One local AWS for the tests of this folder; each test begins with an account that is ready."""

from collections.abc import Iterator
from functools import cache

import pytest
from botocore.loaders import create_loader

from cdk_rehearsal import LocalAws
from settings.examples import ACCOUNT, REGION
from tools.doctor.rights import statement
from tools.doctor.tests.account_under_test import AccountUnderTest

_loader = cache(create_loader)
"""Reads the descriptions of the services once for all tests."""


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    with LocalAws(account=ACCOUNT, region=REGION) as aws:
        yield aws


@pytest.fixture
def account(local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> AccountUnderTest:
    """An account that is ready, and the credentials of a user with the doctor's rights only."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("botocore.session.create_loader", _loader)
    ready = AccountUnderTest(local_aws)
    for name, value in local_aws.access.user("doctor", statement()).environment({}).items():
        monkeypatch.setenv(name, value)
    return ready
