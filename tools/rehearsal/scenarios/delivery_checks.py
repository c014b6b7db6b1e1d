"""What the service stack has made to deliver new images."""

import json
from typing import Any

from tools.rehearsal.expectation import expect, expect_true
from tools.rehearsal.world import SERVICE, World


def play(world: World) -> None:
    """Check repository, build project, artifact bucket and pipeline through their APIs."""
    narrator, outputs = world.narrator, world.outputs(SERVICE)
    name, uri = outputs["PipelineName"], outputs["ImageRepositoryUri"]
    pipeline = world.aws.client("codepipeline").get_pipeline(name=name)["pipeline"]
    with narrator.step("Repository: immutable tags, except `live`") as step:
        repository = world.aws.client("ecr").describe_repositories(
            repositoryNames=[uri.partition("/")[2]]
        )["repositories"][0]
        expect("mutability", repository["imageTagMutability"], "IMMUTABLE_WITH_EXCLUSION")
        filters = [f["filter"] for f in repository["imageTagMutabilityExclusionFilters"]]
        expect("excluded tags", filters, ["live"])
        expect("scan on push", repository["imageScanningConfiguration"]["scanOnPush"], True)
        step.note = f"`live` is {world.image(repository['repositoryName'], 'live')[:19]}"
    with narrator.step("Build knows where to push") as step:
        project = world.aws.client("codebuild").batch_get_projects(names=[name])["projects"][0]
        environment = project["environment"]
        variables = {v["name"]: v["value"] for v in environment["environmentVariables"]}
        expect("REPO_URL", variables["REPO_URL"], uri)
        expect("CONTAINER_NAME", variables["CONTAINER_NAME"], "ecsdemo-backend")
        expect("SERVICE_PORT", variables["SERVICE_PORT"], "3000")
        expect("FOLDER_PATH", variables["FOLDER_PATH"], "application-code/ecsdemo-backend")
        expect("privileged", environment["privilegedMode"], True)
        step.note = f"{len(variables)} variables, {environment['image']}"
    with narrator.step("Artifact bucket: KMS and TLS only") as step:
        bucket = pipeline["artifactStore"]["location"]
        _check_bucket(world.aws.client("s3"), bucket)
        step.note = bucket
    with narrator.step("Pipeline: Source, Build, Deploy") as step:
        actions = _check_stages(pipeline, world)
        step.note = " > ".join(actions)


def _check_bucket(s3: Any, bucket: str) -> None:
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    expect("encryption", rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"], "aws:kms")
    access = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    expect_true("all public access is blocked", holds=all(access.values()))
    policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
    conditions = [s.get("Condition", {}) for s in policy["Statement"] if s["Effect"] == "Deny"]
    expect_true(
        "requests without TLS are denied",
        holds={"Bool": {"aws:SecureTransport": "false"}} in conditions,
    )


def _check_stages(pipeline: dict[str, Any], world: World) -> list[str]:
    stages = {stage["name"]: stage["actions"] for stage in pipeline["stages"]}
    expect("stages", list(stages), ["Source", "Build", "Deploy"])
    source = stages["Source"][0]["configuration"]
    expect("owner", source["Owner"], "acme")
    expect("branch", source["Branch"], "main")
    expect("polling", source["PollForSourceChanges"], "false")
    build, outputs = stages["Build"][0], world.outputs(SERVICE)
    expect("build project", build["configuration"]["ProjectName"], outputs["PipelineName"])
    deploy, promote = stages["Deploy"]
    service = world.service()
    expect("service", deploy["configuration"]["ServiceName"], service["serviceName"])
    cluster = service["clusterArn"].rpartition("/")[2]
    expect("cluster", deploy["configuration"]["ClusterName"], cluster)
    expect("file", deploy["configuration"]["FileName"], "imagedefinitions.json")
    built = build["outputArtifacts"]
    expect("artifact of the deploy action", deploy["inputArtifacts"], built)
    expect("artifact of the promote action", promote["inputArtifacts"], built)
    expect("order", (deploy["runOrder"], promote["runOrder"]), (1, 2))
    return [action["name"] for actions in stages.values() for action in actions]
