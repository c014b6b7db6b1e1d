"""From nothing to two deployed stacks, and what they have made."""

import json
import subprocess
import sys

from backend_service.names import ServiceOutput
from settings.names import CoreOutput
from tools.doctor.rights import statement
from tools.rehearsal.context import CORE, SERVICE, RehearsalContext
from tools.rehearsal.expectation import expect, expect_all, expect_true
from tools.repository import ROOT

TOKEN_SECRET = "ecs-github-token"  # noqa: S105 - the name of a secret, not a secret
TOKEN = "ghp_rehearsal"  # noqa: S105 - a stand-in; GitHub is not asked


def prepare(context: RehearsalContext) -> None:
    """Bootstrap and store the token: what has to be in an account before the first deploy."""
    with context.report.step("cdk bootstrap") as step:
        context.workspace.write_env()
        context.workspace.bootstrap()
        step.note = "from now on as a user who may only assume the roles of the bootstrap"
    with context.report.step("Store the GitHub token") as step:
        store_token(context)
        step.note = TOKEN_SECRET


def store_token(context: RehearsalContext) -> None:
    """Put a token into Secrets Manager, under the name that the settings have."""
    secrets = context.aws.client("secretsmanager")
    secrets.create_secret(Name=TOKEN_SECRET, SecretString=TOKEN)


def run(context: RehearsalContext) -> None:
    """List, deploy, find every resource again, and look at what matters through the APIs."""
    report, workspace = context.report, context.workspace
    report.section("First deploy")
    with report.step("The doctor, as a user with the rights that it prints") as step:
        step.note = _ask_the_doctor(context)
    with report.step("cdk ls") as step:
        stacks = workspace.cdk("ls").split()
        expect("the stacks that cdk ls prints", stacks, [CORE, SERVICE])
        step.note = ", ".join(stacks)
    with report.step("cdk deploy --all") as step:
        outputs = workspace.deploy()
        expect_all("the stacks in output.json", outputs, [CORE, SERVICE])
        expect_all("the outputs of the core stack", _named(outputs[CORE]), list(CoreOutput))
        expect_all("the outputs of the service stack", outputs[SERVICE], list(ServiceOutput))
        step.note = f"{len(outputs[SERVICE]) + len(_named(outputs[CORE]))} outputs in output.json"
    with report.step("Every resource is there") as step:
        expect("resources that no API knows", context.inventory.missing([CORE, SERVICE]), [])
        counts = {name: len(workspace.template(name)["Resources"]) for name in (CORE, SERVICE)}
        step.note = f"{sum(counts.values())} resources found through their own APIs"
    with report.step("The token is in no output and no template"):
        for name in (CORE, SERVICE):
            text = json.dumps(workspace.template(name)) + json.dumps(outputs)
            expect_true(f"{name} does not hold the token", holds=TOKEN not in text)
    report.section("What the deploy has made")
    _check_network(context)
    _check_cluster(context)
    _check_service(context)
    _check_discovery_and_scaling(context)


def _ask_the_doctor(context: RehearsalContext) -> str:
    """Examine the settings before the deploy; return the last line of the answer."""
    user = context.aws.access.user("doctor", statement())
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tools.doctor",
            "--env-file",
            str(context.workspace.folder / ".env"),
        ],
        cwd=ROOT,
        env={**user.environment(), **context.workspace.places},
        capture_output=True,
        text=True,
        check=False,
    )
    expect(f"what the doctor ends with\n{done.stdout}{done.stderr}", done.returncode, 0)
    refused = [r for r in context.aws.access.ledger()["refusals"] if r["principal"] == "doctor"]
    expect("what the doctor was refused", refused, [])
    return done.stdout.splitlines()[-1]


def _check_network(context: RehearsalContext) -> None:
    report, outputs = context.report, context.outputs(CORE)
    ec2 = context.aws.client("ec2")
    with report.step("Public and private subnets in three zones") as step:
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
    with report.step("Private subnets leave through one NAT gateway") as step:
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
    with report.step("The default security group is closed") as step:
        filters.append({"Name": "group-name", "Values": ["default"]})
        group = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]
        expect("rules in", group["IpPermissions"], [])
        expect("rules out", group["IpPermissionsEgress"], [])
        step.note = group["GroupId"]


def _check_cluster(context: RehearsalContext) -> None:
    report, outputs = context.report, context.outputs(CORE)
    with report.step("Cluster with Container Insights and exec logging") as step:
        cluster = context.aws.client("ecs").describe_clusters(
            clusters=[outputs["EcsClusterName"]], include=["SETTINGS", "CONFIGURATIONS"]
        )["clusters"][0]
        settings = {s["name"]: s["value"] for s in cluster["settings"]}
        expect("Container Insights", settings["containerInsights"], "enabled")
        exec_configuration = cluster["configuration"]["executeCommandConfiguration"]
        expect("logging of ECS Exec", exec_configuration["logging"], "OVERRIDE")
        step.note = cluster["clusterName"]
    with report.step("Private DNS namespace") as step:
        cloud_map = context.aws.client("servicediscovery")
        namespace = cloud_map.get_namespace(Id=outputs["NamespaceIds"])["Namespace"]
        expect("type", namespace["Type"], "DNS_PRIVATE")
        expect("name", namespace["Name"], outputs["NamespaceNames"])
        step.note = namespace["Name"]


def _check_service(context: RehearsalContext) -> None:
    report, core, outputs = context.report, context.outputs(CORE), context.outputs(SERVICE)
    service = context.service()
    port = outputs["ServiceDiscoveryEndpoint"].rpartition(":")[2]
    with report.step("Service is stable") as step:
        expect("status", service["status"], "ACTIVE")
        expect("running tasks", service["runningCount"], service["desiredCount"])
        expect("desired tasks", service["desiredCount"], 3)
        expect("rollout", service["deployments"][0]["rolloutState"], "COMPLETED")
        breaker = service["deploymentConfiguration"]["deploymentCircuitBreaker"]
        expect("circuit breaker", (breaker["enable"], breaker["rollback"]), (True, True))
        step.note = f"{service['runningCount']} of {service['desiredCount']} tasks run"
    with report.step("Tasks run the seeded image") as step:
        seeded = context.image(context.repository(), "live")
        expect("the image that the service runs", context.running_image(), seeded)
        step.note = f"`live` is {seeded[:19]}"
    with report.step("Tasks are in the private subnets") as step:
        network = service["networkConfiguration"]["awsvpcConfiguration"]
        expect_all("subnets", network["subnets"], core["PrivateSubnetIds"].split(","))
        expect("public addresses", network["assignPublicIp"], "DISABLED")
        expect("groups", network["securityGroups"], [outputs["ServiceSecurityGroupId"]])
        step.note = f"{len(network['subnets'])} subnets, no public address"
    with report.step("Only the container port is open, to the VPC") as step:
        group = context.aws.client("ec2").describe_security_groups(
            GroupIds=[outputs["ServiceSecurityGroupId"]]
        )["SecurityGroups"][0]
        rules = [
            (rule["IpProtocol"], rule["FromPort"], rule["ToPort"], source["CidrIp"])
            for rule in group["IpPermissions"]
            for source in rule["IpRanges"]
        ]
        expect("rules in", rules, [("tcp", int(port), int(port), core["VpcCidr"])])
        step.note = f"tcp {port} from {core['VpcCidr']}"


def _check_discovery_and_scaling(context: RehearsalContext) -> None:
    report, service = context.report, context.service()
    host = context.outputs(SERVICE)["ServiceDiscoveryEndpoint"].partition(":")[0]
    namespace = context.outputs(CORE)["NamespaceNames"]
    with report.step("Registered in Cloud Map") as step:
        cloud_map = context.aws.client("servicediscovery")
        registry = service["serviceRegistries"][0]["registryArn"]
        found = cloud_map.get_service(Id=registry.rpartition("/")[2])["Service"]
        expect("records", found["DnsConfig"]["DnsRecords"], [{"Type": "A", "TTL": 10}])
        expect("health is reported by ECS", "HealthCheckCustomConfig" in found, True)
        expect("name", f"{found['Name']}.{namespace}", host)
        step.note = f"{host}, A record, TTL 10 s"
    with report.step("Auto scaling owns the number of tasks") as step:
        scaling = context.aws.client("application-autoscaling")
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


def _named(outputs: dict[str, str]) -> set[str]:
    """Leave out what CDK exports for references between the stacks."""
    return {name for name in outputs if not name.startswith("ExportsOutput")}
