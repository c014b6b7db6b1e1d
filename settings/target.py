"""The target of a deployment: where to, and with a core stack or without."""

from .aws_name import StackPrefix
from .group import SettingsGroup
from .place import AccountNumber, AwsRegion
from .yes_no import YesNo


class Target(SettingsGroup):
    """Where a deployment goes, and under which names."""

    account_number: AccountNumber
    aws_region: AwsRegion
    deploy_core_stack: YesNo
    stack_prefix: StackPrefix
