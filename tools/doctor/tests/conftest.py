"""One local AWS for the tests of this folder; each begins with an account that is ready."""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
import pytest
from boto3.session import Session
from botocore.config import Config

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


class SharedSession:
    """A session for many tests: a client is made once, and signs with the keys of today."""

    def __init__(self, core: botocore.session.Session) -> None:
        self._session = Session(botocore_session=core)
        core.set_credentials("", "")
        self._keys = core.get_credentials()
        self._clients: dict[tuple[str, str], Any] = {}

    def client(self, service: str, *, region_name: str, config: Config) -> Any:
        if (service, region_name) not in self._clients:
            made = self._session.client(service, region_name=region_name, config=config)
            self._clients[service, region_name] = made
        return self._clients[service, region_name]

    def sign_with(self, access_key: str, secret_key: str) -> None:
        self._keys.access_key, self._keys.secret_key = access_key, secret_key


@pytest.fixture(scope="session")
def session() -> Callable[[], Session | SharedSession]:
    """Make sessions as boto3 does; the clients of an endpoint, and their descriptions, once.

    A test without keys, or with a profile, gets a session of its own.
    """
    loader = botocore.loaders.create_loader()
    shared: dict[str | None, SharedSession] = {}

    def make() -> Session | SharedSession:
        core = botocore.session.get_session()
        core.register_component("data_loader", loader)
        keys = [os.environ.get(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")]
        if not all(keys) or "AWS_PROFILE" in os.environ:
            return Session(botocore_session=core)
        endpoint = os.environ.get("AWS_ENDPOINT_URL")
        if endpoint not in shared:
            shared[endpoint] = SharedSession(core)
        shared[endpoint].sign_with(*map(str, keys))
        return shared[endpoint]

    return make


@pytest.fixture(scope="session")
def synthesise_once() -> Callable[[Sequence[Settings]], Mapping[str, Mapping[str, Any]]]:
    """Synthesise as the doctor does, but what several tests ask about once.

    It only looks for types in the templates: ids that a local AWS has made up are all the same.
    """
    known: dict[str, Mapping[str, Mapping[str, Any]]] = {}

    def synthesise(deployment: Sequence[Settings]) -> Mapping[str, Mapping[str, Any]]:
        anywhere = [s.model_copy(update={"env_file": Path(".env")}) for s in deployment]
        key = re.sub(r"\b(vpc|subnet|ns)-[0-9a-z]+", r"\1", repr(anywhere))
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
    session: Callable[[], Session | SharedSession],
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
