"""What the core stack has made."""

from tools.rehearsal.expectation import expect, expect_all, expect_true
from tools.rehearsal.world import CORE, World


def play(world: World) -> None:
    """Check the network, the cluster and the namespace through their APIs."""
    narrator, outputs = world.narrator, world.outputs(CORE)
    narrator.chapter("What is there")
    ec2 = world.aws.client("ec2")
    with narrator.step("Public and private subnets in three zones") as step:
        vpc = ec2.describe_vpcs(VpcIds=[outputs["VpcId"]])["Vpcs"][0]
        expect("the VPC's CIDR", vpc["CidrBlock"], outputs["VpcCidr"])
        zones = outputs["AvailabilityZones"].split(",")
        for kind in ("PublicSubnetIds", "PrivateSubnetIds"):
            ids = outputs[kind].split(",")
            subnets = ec2.describe_subnets(SubnetIds=ids)["Subnets"]
            expect_all(f"zones of {kind}", [s["AvailabilityZone"] for s in subnets], zones)
            expect_true(
                f"{kind} give no public address at launch",
                holds=not any(s["MapPublicIpOnLaunch"] for s in subnets),
            )
        step.note = f"{vpc['CidrBlock']}: {', '.join(zones)}"
    with narrator.step("Private subnets leave through one NAT gateway") as step:
        filters = [{"Name": "vpc-id", "Values": [outputs["VpcId"]]}]
        gateways = ec2.describe_nat_gateways(Filters=filters)["NatGateways"]
        expect("NAT gateways", len(gateways), 1)
        tables = ec2.describe_route_tables(Filters=filters)["RouteTables"]
        through_nat = {
            association["SubnetId"]
            for table in tables
            for route in table["Routes"]
            if route.get("NatGatewayId") == gateways[0]["NatGatewayId"]
            for association in table["Associations"]
            if "SubnetId" in association
        }
        private = outputs["PrivateSubnetIds"].split(",")
        expect_all("subnets behind the NAT gateway", through_nat, private)
        step.note = gateways[0]["NatGatewayId"]
    with narrator.step("The default security group is closed") as step:
        filters.append({"Name": "group-name", "Values": ["default"]})
        group = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]
        expect("rules in", group["IpPermissions"], [])
        expect("rules out", group["IpPermissionsEgress"], [])
        step.note = group["GroupId"]
    with narrator.step("Cluster with Container Insights and exec logging") as step:
        cluster = world.aws.client("ecs").describe_clusters(
            clusters=[outputs["EcsClusterName"]], include=["SETTINGS", "CONFIGURATIONS"]
        )["clusters"][0]
        settings = {s["name"]: s["value"] for s in cluster["settings"]}
        expect("Container Insights", settings["containerInsights"], "enabled")
        exec_configuration = cluster["configuration"]["executeCommandConfiguration"]
        expect("logging of ECS Exec", exec_configuration["logging"], "OVERRIDE")
        step.note = cluster["clusterName"]
    with narrator.step("Private DNS namespace") as step:
        cloud_map = world.aws.client("servicediscovery")
        namespace = cloud_map.get_namespace(Id=outputs["NamespaceIds"])["Namespace"]
        expect("type", namespace["Type"], "DNS_PRIVATE")
        expect("name", namespace["Name"], outputs["NamespaceNames"])
        step.note = namespace["Name"]
