"""Access to one local AWS: endpoint, account, region and key, without the user's own settings."""

import json
import os
import threading
import time
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

from cdk_rehearsal.environment import Key, process_environment

SERVICE_HEADER = "X-Local-Aws-Service"
"""The header with which root acts as a service of AWS that a role trusts."""

LEDGER_PATH = "/_ministack/iam/ledger"
"""The path on which root reads the ledger."""
DEMANDS_PATH = "/_ministack/iam/demands"
"""The path on which root reads what CloudFormation has demanded of its execution role."""
TYPES_PATH = "/_ministack/cloudformation/types"
"""The path on which root reads which resource types are known."""

# Instead of the user's profiles and files, which may name another account, an endpoint, a
# credential process or a role.
_NO_FILE = os.devnull
_FILES = ("config_file", "credentials_file")
_RESPONSE_SECONDS = 600  # generous: a busy machine gets a slow answer, not an error


@dataclass(frozen=True, kw_only=True)
class Access:
    """The endpoint of a local AWS with a key of root, of a user, or of a session of a role.

    ``ca_bundle`` is the file with the authority that has signed the certificate of the endpoint.
    """

    endpoint_url: str
    account: str
    region: str
    key: Key
    ca_bundle: Path

    def environment(self, shell: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment for a tool (CDK CLI, AWS CLI, SDK) that must call only this AWS.

        It has those variables of the shell that `process_environment` selects.
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
            # A proxy of the shell must not receive requests for 127.0.0.1.
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }

    def user(self, name: str, *statements: Mapping[str, Any]) -> "Access":
        """Create a user with a policy of these statements, and return its access."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=json.dumps(document))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return replace(self, key=Key(made["AccessKeyId"], made["SecretAccessKey"]))

    def role(self, arn: str, *, service: str = "", session: str = "rehearsal") -> "Access":
        """Assume a role and return its access; with ``service``, root acts as that AWS service.

        ``ClientError`` if the role's trust policy does not name the caller.
        """
        sts = _sts_as_service(self, service) if service else self.client("sts")
        given = sts.assume_role(RoleArn=arn, RoleSessionName=session)["Credentials"]
        key = Key(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return replace(self, key=key)

    def ledger(self) -> dict[str, Any]:
        """Return all decisions of the judge (`iam.ledger`); ``PermissionError`` if not for root."""
        return self._told(LEDGER_PATH)

    def demands(self) -> dict[str, Any]:
        """Return what CloudFormation has demanded of its roles (`iam.demands`); for root."""
        return self._told(DEMANDS_PATH)

    def known_types(self) -> dict[str, list[str] | None]:
        """Return the resource types of CloudFormation here (`ministack.known_types`); for root."""
        return self._told(TYPES_PATH)

    def _told(self, path: str) -> dict[str, Any]:
        request = AWSRequest("GET", f"{self.endpoint_url}{path}")
        credentials = Credentials(self.key.access_key_id, self.key.secret_access_key)
        SigV4Auth(credentials, "sts", self.region).add_auth(request)
        session = URLLib3Session(verify=str(self.ca_bundle), proxies={}, timeout=_RESPONSE_SECONDS)
        answer = session.send(request.prepare())
        if answer.status_code != HTTPStatus.OK:
            raise PermissionError(answer.text)
        told: dict[str, Any] = json.loads(answer.content)
        return told

    def write_log(self, group: str, stream: str, text: str) -> None:
        """Write a log stream as CodeBuild and Lambda do, with its group if there is none.

        https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
        """
        logs = self.client("logs")
        try:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        except logs.exceptions.ResourceNotFoundException:
            logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(time.time() * 1000)
        events = [{"timestamp": now, "message": line or " "} for line in (text or " ").splitlines()]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def client(self, service: str) -> Any:
        """Return a boto3 client that ignores the variables and files of the shell.

        It is created once for each service, since that takes longer than a call. Threads share it.
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
                read_timeout=_RESPONSE_SECONDS,
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
                # The endpoint is an address; DiscoverInstances would put `data-` before it.
                inject_host_prefix=False,
                use_fips_endpoint=False,
                use_dualstack_endpoint=False,
            ),
        )


@cache
def _sts_as_service(access: Access, service: str) -> Any:
    sts = _client.__wrapped__(access, "sts")  # a new client, since it has an additional handler

    def add_header(request: AWSRequest, **_: object) -> None:
        # Added before the signature, so the signature covers it.
        request.headers.add_header(SERVICE_HEADER, service)

    sts.meta.events.register("before-sign.sts.AssumeRole", add_header)
    return sts


# One session for all clients, since it caches the descriptions of services, which take longer to
# read than a client to create. Only one thread at a time may create a client.
_one_at_a_time = threading.Lock()


@cache
def _session() -> boto3.session.Session:
    # botocore reads its settings through this table. Without the names of environment variables,
    # and with empty files, it reads none of the shell's.
    settings = {
        name: (key, None, _NO_FILE if name in _FILES else default, convert)
        for name, (key, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    return boto3.session.Session(botocore_session=botocore.session.Session(session_vars=settings))
