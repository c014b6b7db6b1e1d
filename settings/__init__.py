"""The settings of the blueprint: what a `.env` file says, checked and typed.

`load_deployment` is the way in for the app, `load_settings` for a single file. Either returns
`Settings`, frozen and complete, or raises `SettingsError`, which lists every problem at once.
Values come from the file alone, never from the environment of the shell. This package knows
nothing of the AWS CDK.
"""

from .core import CoreSettings
from .credentials import shown_names
from .delivery import DeliverySettings
from .deployment import load_deployment
from .existing_platform import ExistingPlatformSettings
from .loader import load_settings
from .problems import Problem, SettingsError
from .service import CpuArchitecture, ServiceSettings
from .settings import Settings
from .shared_core import SharedCoreSettings
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
    "SharedCoreSettings",
    "VpcAttributes",
    "load_deployment",
    "load_settings",
    "shown_names",
]
