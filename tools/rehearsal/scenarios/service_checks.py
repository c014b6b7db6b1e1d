"""What the service stack has made to run the service."""

from tools.rehearsal.expectation import expect, expect_all
from tools.rehearsal.world import CORE, SERVICE, World


def play(world: World) -> None:
    """Check the ECS service and how it is found, scaled and protected."""
    narrator, core, outputs = world.narrator, world.outputs(CORE), world.outputs(SERVICE)
    service = world.service()
    host, _, port = outputs["ServiceDiscoveryEndpoint"].partition(":")
    with narrator.step("Service is stable") as step:
        expect("status", service["status"], "ACTIVE")
        expect("running tasks", service["runningCount"], service["desiredCount"])
        expect("desired tasks", service["desiredCount"], 3)
        expect("rollout", service["deployments"][0]["rolloutState"], "COMPLETED")
        breaker = service["deploymentConfiguration"]["deploymentCircuitBreaker"]
        expect("circuit breaker", (breaker["enable"], breaker["rollback"]), (True, True))
        step.note = f"{service['runningCount']} of {service['desiredCount']} tasks run"
    with narrator.step("Tasks are in the private subnets") as step:
        network = service["networkConfiguration"]["awsvpcConfiguration"]
        expect_all("subnets", network["subnets"], core["PrivateSubnetIds"].split(","))
        expect("public addresses", network["assignPublicIp"], "DISABLED")
        expect("groups", network["securityGroups"], [outputs["ServiceSecurityGroupId"]])
        step.note = f"{len(network['subnets'])} subnets, no public address"
    with narrator.step("Only the port is open, to the VPC") as step:
        group = world.aws.client("ec2").describe_security_groups(
            GroupIds=[outputs["ServiceSecurityGroupId"]]
        )["SecurityGroups"][0]
        rules = [
            (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], source["CidrIp"])
            for rule in group["IpPermissions"]
            for source in rule["IpRanges"]
        ]
        expect("rules in", rules, [("tcp", int(port), int(port), core["VpcCidr"])])
        step.note = f"tcp {port} from {core['VpcCidr']}"
    with narrator.step("Registered in Cloud Map") as step:
        cloud_map = world.aws.client("servicediscovery")
        registry = service["serviceRegistries"][0]["registryArn"]
        found = cloud_map.get_service(Id=registry.rpartition("/")[2])["Service"]
        expect("records", found["DnsConfig"]["DnsRecords"], [{"Type": "A", "TTL": 10}])
        expect("health is reported by ECS", "HealthCheckCustomConfig" in found, True)
        expect("name", f"{found['Name']}.{core['NamespaceNames']}", host)
        step.note = f"{host}, A record, TTL 10 s"
    with narrator.step("Auto scaling owns the number of tasks") as step:
        scaling = world.aws.client("application-autoscaling")
        target = scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]
        expect("limits", (target["MinCapacity"], target["MaxCapacity"]), (3, 10))
        policies = scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
        metrics = [
            p["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"][
                "PredefinedMetricType"
            ]
            for p in policies
        ]
        expect_all(
            "metrics",
            metrics,
            ["ECSServiceAverageCPUUtilization", "ECSServiceAverageMemoryUtilization"],
        )
        step.note = "3 to 10 tasks, by CPU and memory"
