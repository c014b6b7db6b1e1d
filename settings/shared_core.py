"""The core stack of another file of the same deployment."""

from .dns_name import NamespaceName
from .group import SettingsGroup


class SharedCoreSettings(SettingsGroup):
    """Which core stack, by the name of its cluster, and which of its namespaces."""

    ecs_cluster_name: str
    namespace_name: NamespaceName
