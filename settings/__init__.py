"""The settings of the blueprint: what a ``.env`` file says, checked and typed.

``load_deployment`` loads the files of an app, ``load_settings`` a single file. Both return
``Settings``, frozen and complete, or raise ``SettingsError``, which lists every problem at once.
Values come from the files only, never from the environment of the shell. This package imports
neither the product nor the AWS CDK.
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
from .redaction import shown_name, shown_names, shown_value
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
    "shown_value",
]
