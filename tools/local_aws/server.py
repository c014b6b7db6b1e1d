"""The local AWS as a context manager: start it, wait until it answers, stop it for certain."""

import http.client
import ssl
import time
from types import TracebackType
from typing import Any, Self

from tools.local_aws.access import Access
from tools.local_aws.child import Child
from tools.local_aws.credentials import HOST
from tools.local_aws.delays import Delays
from tools.local_aws.engine_access import EngineAccess

_PATIENCE_SECONDS = 30.0
_LAST_WORDS = 30


class LocalAwsError(RuntimeError):
    """The local AWS did not start or is not there; the message carries the end of its log."""


class LocalAws:
    """An emulated AWS on 127.0.0.1 for the length of a `with` block.

    Every instance has its own process group, port and directory, so any number may run at the same
    time. Its data is in memory and its directory is removed. It ends with this process, however
    this process ends.

    Tasks are records, unless there is an ``engine`` to run them as containers. ``delays`` are those
    of AWS, unless somebody has no time for them.
    """

    def __init__(
        self,
        *,
        account: str,
        region: str,
        engine: EngineAccess | None = None,
        delays: Delays | None = None,
    ) -> None:
        self._account = account
        self._region = region
        self._engine = engine
        self._delays = delays or Delays()
        self._child: Child | None = None
        self._access: Access | None = None

    def __enter__(self) -> Self:
        """Start, and return when the emulator answers."""
        self._child = Child(
            account=self._account,
            region=self._region,
            engine=self._engine,
            delays=self._delays,
        )
        try:
            self._access = self._wait_until_healthy(self._child)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop, whatever happened in the block."""
        self.stop()

    @property
    def access(self) -> Access:
        if self._access is None:
            raise LocalAwsError("The local AWS is not running: use it inside its `with` block.")
        return self._access

    @property
    def endpoint_url(self) -> str:
        return self.access.endpoint_url

    def environment(self) -> dict[str, str]:
        """See `Access.environment`; the CDK CLI's own caches go to the directory of this AWS."""
        own = {"CDK_HOME": f"{self._child.directory}/cdk"} if self._child else {}
        return self.access.environment() | own

    def client(self, service: str) -> Any:
        """See `Access.client`."""
        return self.access.client(service)

    def log(self) -> str:
        """Return the end of what the emulator has written; for the report of a failure."""
        return self._child.log() if self._child else ""

    def stop(self) -> None:
        """End the emulator and everything it started. Harmless twice."""
        child, self._child, self._access = self._child, None, None
        if child is not None:
            child.stop()

    def _wait_until_healthy(self, child: Child) -> Access:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        port = child.port(deadline)
        while port and child.alive and time.monotonic() < deadline:
            if _answers(port, child):
                return Access(
                    endpoint_url=f"https://{HOST}:{port}",
                    account=self._account,
                    region=self._region,
                    key=child.key,
                    ca_bundle=child.certificate.authority,
                )
            time.sleep(0.05)
        last_words = "\n".join(child.log().splitlines()[-_LAST_WORDS:])
        raise LocalAwsError(f"The local AWS did not start.\n{last_words}")


def _answers(port: int, child: Child) -> bool:
    """Say whether somebody with the child's certificate answers, if only that he refuses."""
    trust = ssl.create_default_context(cafile=str(child.certificate.authority))
    connection = http.client.HTTPSConnection(HOST, port, timeout=5, context=trust)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()
