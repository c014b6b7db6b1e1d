"""The settings of the blueprint: what a `.env` file says, checked and typed.

`load_settings` is the only way in. It either returns `Settings`, frozen and complete, or raises
`SettingsError`, which lists every problem of the file at once. Values come from the file alone,
never from the environment of the shell. This package knows nothing of the AWS CDK.
"""

from .core import CoreSettings
from .delivery import DeliverySettings
from .existing_platform import ExistingPlatformSettings
from .loader import load_settings
from .problems import Problem, SettingsError
from .service import CpuArchitecture, ServiceSettings
from .settings import Settings
from .vpc_attributes import VpcAttributes

__all__ = [
    "CoreSettings",
    "CpuArchitecture",
    "DeliverySettings",
    "ExistingPlatformSettings",
    "Problem",
    "ServiceSettings",
    "Settings",
    "SettingsError",
    "VpcAttributes",
    "load_settings",
]
