"""The private DNS namespaces in which services are found by name."""

from collections.abc import Sequence
from typing import cast

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_servicediscovery as cloudmap
from constructs import Construct

NEGATIVE_TTL_SECONDS = 10
"""How long resolvers remember that a name has no address, as the SOA record of the zone tells them:
as long as the settings by default let callers remember an address. Unless it is set, whoever asks
before the first task is registered is told "no such name" for minutes. Not less, for every question
about a name that is not there goes to the zone.
https://docs.aws.amazon.com/cloud-map/latest/api/API_SOA.html"""


class ServiceDiscovery(Construct):
    """One Cloud Map private DNS namespace, with its hosted zone in ``vpc``, per name.

    ``names`` are full domain names, each once. That a name has no address is remembered for
    ``NEGATIVE_TTL_SECONDS``. Exposes ``namespaces`` in their order.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, names: Sequence[str], vpc: ec2.IVpc
    ) -> None:
        super().__init__(scope, construct_id)
        # The name is the construct id: adding or reordering names replaces no namespace.
        self.namespaces = tuple(
            cloudmap.PrivateDnsNamespace(self, name, name=name, vpc=vpc) for name in names
        )
        for namespace in self.namespaces:
            # CDK has no option for it. An update of it replaces nothing.
            resource = cast("cloudmap.CfnPrivateDnsNamespace", namespace.node.default_child)
            resource.properties = cloudmap.CfnPrivateDnsNamespace.PropertiesProperty(
                dns_properties=cloudmap.CfnPrivateDnsNamespace.PrivateDnsPropertiesMutableProperty(
                    soa=cloudmap.CfnPrivateDnsNamespace.SOAProperty(ttl=NEGATIVE_TTL_SECONDS)
                )
            )
