"""Which questions a settings file raises."""

from collections.abc import Iterator

from doctor.check import Check
from doctor.checks.bootstrap import Bootstrap
from doctor.checks.cluster import ExistingCluster
from doctor.checks.connection import Connection
from doctor.checks.container_secret import ContainerSecret
from doctor.checks.credentials import Credentials
from doctor.checks.execution_role import ExecutionRole
from doctor.checks.fargate_quota import FargateQuota
from doctor.checks.namespace import ExistingNamespace
from doctor.checks.quota import QUOTAS
from doctor.checks.region import Region
from doctor.checks.service_name import NameInNamespace
from doctor.checks.stack import StackIsUsable
from doctor.checks.subnets import ExistingSubnets
from doctor.checks.taken_name import FreeName, names_of
from doctor.checks.token import TokenSecret
from doctor.checks.token_on_github import TokenOnGitHub
from doctor.checks.vpc import ExistingVpc
from doctor.checks.way_out import WayOut
from doctor.checks.zones import Zones
from settings import Settings

ESSENTIAL: tuple[Check, ...] = (Credentials(), Region())
"""If one of these finds a problem, no other question makes sense."""


def checks_for(settings: Settings) -> Iterator[Check]:
    """Yield what to ask after the essentials, in the order of a deploy."""
    yield Bootstrap()
    if settings.core:
        yield StackIsUsable(settings.core_stack_name)
        yield Zones()
        yield from QUOTAS
    yield FargateQuota()
    if settings.existing_platform:
        yield ExistingVpc()
        yield ExistingSubnets()
        yield WayOut()
        yield ExistingCluster()
        yield ExistingNamespace()
        yield NameInNamespace()
        yield ExecutionRole()
    yield StackIsUsable(settings.service_stack_name)
    for name in names_of(settings):
        yield FreeName(name)
    if settings.delivery.connection_arn:
        yield Connection()
    else:
        yield TokenSecret()
        yield TokenOnGitHub()
    for variable, arn in settings.service.container_secrets.items():
        yield ContainerSecret(variable, arn)
