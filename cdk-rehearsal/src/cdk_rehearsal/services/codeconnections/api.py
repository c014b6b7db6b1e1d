"""The CodeConnections API, which MiniStack and moto lack: create, get and delete connections.

On AWS a new connection is PENDING until a person completes the handshake with GitHub in the
console. The local AWS has no console, so a connection with the tag `handshake` = `done` is
AVAILABLE.
"""

import json
import uuid
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.core.responses import BaseResponse

_HANDSHAKE = {"Key": "handshake", "Value": "done"}

# By ARN, which has account and region.
_connections: dict[str, dict[str, Any]] = {}


class API(BaseResponse):
    """Responses under both names of the service, the current one and that from before 2024."""

    def __init__(self) -> None:
        super().__init__(service_name="codeconnections")

    def create_connection(self) -> str:
        prefix = f"arn:aws:codeconnections:{self.region}:{self.current_account}"
        arn = f"{prefix}:connection/{uuid.uuid4()}"
        done = _HANDSHAKE in (self._get_param("Tags") or [])
        _connections[arn] = {
            "ConnectionArn": arn,
            "ConnectionName": self._get_param("ConnectionName"),
            "ProviderType": self._get_param("ProviderType"),
            "OwnerAccountId": self.current_account,
            "ConnectionStatus": "AVAILABLE" if done else "PENDING",
        }
        return json.dumps({"ConnectionArn": arn})

    def get_connection(self) -> str:
        return json.dumps({"Connection": _connections[self._known()]})

    def delete_connection(self) -> str:
        del _connections[self._known()]
        return "{}"

    def _known(self) -> str:
        arn = str(self._get_param("ConnectionArn"))
        # A connection has an ARN under each name of the service.
        arn = arn.replace(":codestar-connections:", ":codeconnections:")
        if arn not in _connections:
            raise JsonRESTError("ResourceNotFoundException", f"Connection {arn} not found.")
        return arn
