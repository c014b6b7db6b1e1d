"""Access to one local AWS: its endpoint, account and region, and nothing of the user's own AWS."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES

from tools.local_aws.credentials import RootKey
from tools.local_aws.process_environment import process_environment

# Never read from the user's machine: profiles and files may name another account, an endpoint,
# a proxy command or a role to assume.
_NO_FILE = os.devnull
_FILES = ("config_file", "credentials_file")


@dataclass(frozen=True, kw_only=True)
class Access:
    """Where and as whom to talk to a local AWS: as root.

    ``ca_bundle`` is the file with the authority that signed the certificate of the endpoint.
    """

    endpoint_url: str
    account: str
    region: str
    key: RootKey
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

    def client(self, service: str) -> Any:
        """Make a boto3 client for this AWS, whatever the shell's variables and files say."""
        with _one_at_a_time:
            return _session(self.key, self.region).client(
                service,
                endpoint_url=self.endpoint_url,
                verify=str(self.ca_bundle),
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


# A session reads the descriptions of the services once, but makes clients for one thread only.
_one_at_a_time = threading.Lock()


@cache
def _session(key: RootKey, region: str) -> boto3.session.Session:
    # botocore reads its settings through this table; without the names of environment variables
    # and with empty files nothing of the shell is left to be read.
    settings = {
        name: (key, None, _NO_FILE if name in _FILES else default, convert)
        for name, (key, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    return boto3.session.Session(
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
        region_name=region,
        botocore_session=botocore.session.Session(session_vars=settings),
    )
