"""The private DNS namespaces in which services are found by name."""

from typing import cast

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_servicediscovery as cloudmap
from constructs import Construct

from settings import CoreSettings

NEGATIVE_TTL_SECONDS = 10
"""How long a resolver caches the answer that a name does not exist (the TTL of the SOA record).

Without this value, callers that look a service up before its first task is registered get that
answer for minutes. It is the default of ``dns_ttl_seconds``. A smaller value would send more of
these look-ups to the hosted zone. https://docs.aws.amazon.com/cloud-map/latest/api/API_SOA.html"""


class ServiceDiscovery(Construct):
    """A Cloud Map private DNS namespace in ``vpc`` for each of the core's ``namespace_names``.

    Exposes ``namespaces`` in the same order.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, core: CoreSettings, vpc: ec2.IVpc
    ) -> None:
        super().__init__(scope, construct_id)
        # The name is the construct id, so adding or reordering names replaces no namespace.
        self.namespaces = tuple(
            cloudmap.PrivateDnsNamespace(self, name, name=name, vpc=vpc)
            for name in core.namespace_names
        )
        for namespace in self.namespaces:
            # PrivateDnsNamespace has no option for the SOA record.
            resource = cast("cloudmap.CfnPrivateDnsNamespace", namespace.node.default_child)
            resource.properties = cloudmap.CfnPrivateDnsNamespace.PropertiesProperty(
                dns_properties=cloudmap.CfnPrivateDnsNamespace.PrivateDnsPropertiesMutableProperty(
                    soa=cloudmap.CfnPrivateDnsNamespace.SOAProperty(ttl=NEGATIVE_TTL_SECONDS)
                )
            )
