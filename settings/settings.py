"""The whole of the settings."""

from pathlib import Path

from .core import CoreSettings
from .delivery import DeliverySettings
from .existing_platform import ExistingPlatformSettings
from .group import SettingsGroup
from .service import ServiceSettings
from .shared_core import SharedCoreSettings


class Settings(SettingsGroup):
    """Everything that a deployment is told, from one file.

    `platform` is what the service runs on: the core stack to create, the core stack that another
    file of the same deployment creates, or what is there already.
    """

    env_file: Path
    account_number: str
    aws_region: str
    stack_prefix: str
    platform: CoreSettings | SharedCoreSettings | ExistingPlatformSettings
    service: ServiceSettings
    delivery: DeliverySettings

    @property
    def core(self) -> CoreSettings | None:
        """What the core stack is made of, if it is created."""
        return self.platform if isinstance(self.platform, CoreSettings) else None

    @property
    def existing_platform(self) -> ExistingPlatformSettings | None:
        """What the service runs on, if it is there already."""
        return self.platform if isinstance(self.platform, ExistingPlatformSettings) else None

    @property
    def core_stack_name(self) -> str:
        """The name of the stack with the core infrastructure."""
        return f"{self.stack_prefix}CoreInfraStack"

    @property
    def service_stack_name(self) -> str:
        """The name of the stack with the service and its pipeline."""
        return f"{self.stack_prefix}BackendServiceStack"
