"""The settings of the blueprint: what a `.env` file says, checked and typed.

`load_deployment` is the way in for the app, `load_settings` for a single file. Either returns
`Settings`, frozen and complete, or raises `SettingsError`, which lists every problem at once.
Values come from the file alone, never from the environment of the shell. This package knows
nothing of the AWS CDK.
"""

from .aws_types import CpuArchitecture
from .load import load_deployment, load_settings
from .model import (
    CoreSettings,
    DeliverySettings,
    ExistingPlatformSettings,
    ServiceSettings,
    Settings,
    SharedCoreSettings,
    VpcAttributes,
)
from .redaction import shown_name, shown_names
from .report import Problem, SettingsError

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
    "shown_name",
    "shown_names",
]
