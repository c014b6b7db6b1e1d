"""One local AWS for the tests of this folder; each begins with an account that is ready."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
import pytest
from boto3.session import Session

from app import templates_of
from settings import Settings
from settings.examples import ACCOUNT, REGION
from tools.doctor.rights import statement
from tools.doctor.tests.account_under_test import AccountUnderTest
from tools.local_aws import LocalAws


@pytest.fixture(scope="session")
def local_aws() -> Iterator[LocalAws]:
    with LocalAws(account=ACCOUNT, region=REGION) as aws:
        yield aws


@pytest.fixture(scope="session")
def session() -> Callable[[], Session]:
    """Make sessions as boto3 does, but read the descriptions of the services once."""
    loader = botocore.loaders.create_loader()

    def make() -> Session:
        core = botocore.session.get_session()
        core.register_component("data_loader", loader)
        return Session(botocore_session=core)

    return make


@pytest.fixture(scope="session")
def synthesise_once() -> Callable[[Sequence[Settings]], Mapping[str, Mapping[str, Any]]]:
    """Synthesise as the doctor does, but what several tests ask about once."""
    known: dict[str, Mapping[str, Mapping[str, Any]]] = {}

    def synthesise(deployment: Sequence[Settings]) -> Mapping[str, Mapping[str, Any]]:
        anywhere = [s.model_copy(update={"env_file": Path(".env")}) for s in deployment]
        key = repr(anywhere)
        if key not in known:
            known[key] = templates_of(deployment)
        return known[key]

    return synthesise


@pytest.fixture
def ready_account(
    local_aws: LocalAws,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    session: Callable[[], Session],
    synthesise_once: object,
) -> AccountUnderTest:
    """An account with a bootstrap and a token, and the credentials of a user.

    He has the rights that the doctor says it needs, and no others.
    """
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("tools.doctor.aws.Session", session)
    monkeypatch.setattr("tools.doctor.account.templates_of", synthesise_once)
    account = AccountUnderTest(local_aws, tmp_path, capsys)
    account.bootstrap()
    account.store_token()
    user = local_aws.access.user("doctor", statement())
    for name, value in user.environment({}).items():
        monkeypatch.setenv(name, value)
    return account
