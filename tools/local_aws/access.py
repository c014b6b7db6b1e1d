"""Access to one local AWS: its endpoint, account and region, and nothing of the user's own AWS."""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session

from tools.local_aws.credentials import Key
from tools.local_aws.process_environment import process_environment

PLAYED_SERVICE = "X-Local-Aws-Service"
"""A header with which root speaks for a service of AWS that a role trusts."""

LEDGER_PATH, ALLOWED_PATH = "/_ministack/iam/ledger", "/_ministack/iam/allowed"
"""Where root reads the ledger, and has a call judged that there is no API for."""

# Never read from the user's machine: profiles and files may name another account, an endpoint,
# a proxy command or a role to assume.
_NO_FILE = os.devnull
_FILES = ("config_file", "credentials_file")


class RefusedError(Exception):
    """Somebody may not do what was asked about; the message says who and what."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where and as whom to talk to a local AWS: as root, a user, or a session of a role.

    ``ca_bundle`` is the file with the authority that signed the certificate of the endpoint.
    """

    endpoint_url: str
    account: str
    region: str
    key: Key
    ca_bundle: Path

    def environment(self, shell: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment for a tool (CDK CLI, AWS CLI, SDK) that must reach only this AWS.

        Of the shell's variables there is only what `process_environment` lets through.
        """
        return process_environment(shell) | {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            **self.key.as_variables(),
            "AWS_CA_BUNDLE": str(self.ca_bundle),
            "NODE_EXTRA_CA_CERTS": str(self.ca_bundle),
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": _NO_FILE,
            "AWS_SHARED_CREDENTIALS_FILE": _NO_FILE,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            # A proxy of the shell must not carry loopback traffic away.
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def user(self, name: str, *statements: Mapping[str, Any]) -> "Access":
        """Make a user who may do what the statements say, and return its access."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(document))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return replace(self, key=Key(made["AccessKeyId"], made["SecretAccessKey"]))

    def role(self, arn: str, *, service: str = "", session: str = "rehearsal") -> "Access":
        """Assume a role and return its access; with ``service``, as root, in its name.

        The role's trust policy decides: ``ClientError`` if it does not trust the caller.
        """
        sts = _speaking_for(self, service) if service else self.client("sts")
        given = sts.assume_role(RoleArn=arn, RoleSessionName=session)["Credentials"]
        key = Key(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return replace(self, key=key)

    def ledger(self) -> dict[str, Any]:
        """Return, as root, what was judged: see `tools.local_aws.iam.ledger`."""
        content: dict[str, Any] = self._ask("GET", LEDGER_PATH)
        return content

    def require(self, caller: "Access", action: str, resource: str = "*") -> None:
        """Have a call judged, as root, for which there is no API here; `RefusedError` if not."""
        question = {
            "access_key_id": caller.key.access_key_id,
            "action": action,
            "resource": resource,
        }
        if refused := self._ask("POST", ALLOWED_PATH, question)["refused"]:
            raise RefusedError(refused)

    def _ask(self, method: str, path: str, content: Mapping[str, str] | None = None) -> Any:
        body = json.dumps(content).encode() if content else b""
        request = AWSRequest(method, f"{self.endpoint_url}{path}", data=body)
        credentials = Credentials(self.key.access_key_id, self.key.secret_access_key)
        SigV4Auth(credentials, "sts", self.region).add_auth(request)
        session = URLLib3Session(verify=str(self.ca_bundle), proxies={})
        answer = session.send(request.prepare())
        if answer.status_code != HTTPStatus.OK:
            raise RefusedError(answer.text)
        return json.loads(answer.text)

    def client(self, service: str) -> Any:
        """Return the boto3 client of this access, whatever the shell's variables and files say.

        It is always the same one: threads may share it, and making one takes longer than its calls.
        """
        return _client(self, service)


@cache
def _client(access: Access, service: str) -> Any:
    with _one_at_a_time:
        return _session().client(
            service,
            region_name=access.region,
            aws_access_key_id=access.key.access_key_id,
            aws_secret_access_key=access.key.secret_access_key,
            aws_session_token=access.key.session_token or None,
            endpoint_url=access.endpoint_url,
            verify=str(access.ca_bundle),
            config=Config(
                proxies={},
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                # The endpoint is an address; DiscoverInstances would put `data-` before it.
                inject_host_prefix=False,
                use_fips_endpoint=False,
                use_dualstack_endpoint=False,
            ),
        )


@cache
def _speaking_for(access: Access, service: str) -> Any:
    sts = _client.__wrapped__(access, "sts")  # one of its own, for it has another handler

    def speak(request: AWSRequest, **_: object) -> None:
        # What is added before the signature is signed, too.
        request.headers.add_header(PLAYED_SERVICE, service)

    sts.meta.events.register("before-sign.sts.AssumeRole", speak)
    return sts


# One session for everybody: it reads the description of a service once, which takes longer than to
# make a client of it. But it makes clients for one thread only.
_one_at_a_time = threading.Lock()


@cache
def _session() -> boto3.session.Session:
    # botocore reads its settings through this table; without the names of environment variables
    # and with empty files nothing of the shell is left to be read.
    settings = {
        name: (key, None, _NO_FILE if name in _FILES else default, convert)
        for name, (key, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    return boto3.session.Session(botocore_session=botocore.session.Session(session_vars=settings))
