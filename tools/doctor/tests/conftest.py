"""One local AWS for the tests of this folder; each test begins with an account that is ready."""

from collections.abc import Iterator

import botocore.loaders
import botocore.session
import pytest
from boto3.session import Session

from cdk_rehearsal import LocalAws
from settings.examples import ACCOUNT, REGION
from tools.doctor.rights import statement
from tools.doctor.tests.account_under_test import AccountUnderTest


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    with LocalAws(account=ACCOUNT, region=REGION) as aws:
        yield aws


@pytest.fixture(scope="session")
def loader() -> botocore.loaders.Loader:
    """Read the descriptions of the services once."""
    return botocore.loaders.create_loader()


@pytest.fixture
def account(
    local_aws: LocalAws, loader: botocore.loaders.Loader, monkeypatch: pytest.MonkeyPatch
) -> AccountUnderTest:
    """An account that is ready, and the credentials of a user with the doctor's rights only."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def session() -> Session:
        core = botocore.session.get_session()
        core.register_component("data_loader", loader)
        return Session(botocore_session=core)

    monkeypatch.setattr("tools.doctor.aws.Session", session)
    ready = AccountUnderTest(local_aws)
    for name, value in local_aws.access.user("doctor", statement()).environment({}).items():
        monkeypatch.setenv(name, value)
    return ready
