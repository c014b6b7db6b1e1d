"""The pipeline from end to end: what follows what, and what is handed over."""

from typing import Any

import pytest

from tests.synthesis import CONNECTED, TOPOLOGIES, synthesise

SERVICE = "BackendServiceStack"
PIPELINE = "AWS::CodePipeline::Pipeline"


def pipeline(**changes: str) -> dict[str, Any]:
    return synthesise(**changes).only(SERVICE, PIPELINE)


def actions(**changes: str) -> dict[str, dict[str, Any]]:
    """Return the actions by name, in the order in which they run."""
    stages = pipeline(**changes)["Stages"]
    return {
        action["Name"]: action
        for stage in stages
        for action in sorted(stage["Actions"], key=lambda action: int(action["RunOrder"]))
    }


def test_a_commit_is_built_deployed_and_promoted() -> None:
    assert [stage["Name"] for stage in pipeline()["Stages"]] == ["Source", "Build", "Deploy"]
    assert list(actions()) == ["Source", "Build", "Deploy", "Promote"]


def test_an_approval_comes_between_build_and_deploy_if_it_is_wanted() -> None:
    assert list(actions(**CONNECTED)) == ["Source", "Build", "Approve", "Deploy", "Promote"]
    approval = actions(**CONNECTED)["Approve"]["ActionTypeId"]
    assert (approval["Category"], approval["Provider"]) == ("Approval", "Manual")


def test_promotion_waits_for_the_rollout_in_the_same_stage() -> None:
    deploy = pipeline()["Stages"][-1]["Actions"]
    assert [(action["Name"], action["RunOrder"]) for action in deploy] == [
        ("Deploy", 1),
        ("Promote", 2),
    ]


def test_each_action_takes_what_the_one_before_it_hands_over() -> None:
    source, build = actions()["Source"], actions()["Build"]
    assert build["InputArtifacts"] == source["OutputArtifacts"]
    assert actions()["Deploy"]["InputArtifacts"] == build["OutputArtifacts"]
    assert actions()["Promote"]["InputArtifacts"] == build["OutputArtifacts"]


@pytest.mark.parametrize("action", ["Deploy", "Promote"])
def test_the_pipeline_is_there_after_the_rights_of_its_actions(action: str) -> None:
    synthesis = synthesise()
    (pipeline,) = synthesis.resources(SERVICE, "AWS::CodePipeline::Pipeline").values()
    role = actions()[action]["RoleArn"]["Fn::GetAtt"][0]
    policies = synthesis.resources(SERVICE, "AWS::IAM::Policy")
    of_action = {key for key, p in policies.items() if p["Properties"]["Roles"] == [{"Ref": role}]}
    assert of_action
    assert of_action < set(pipeline["DependsOn"])


def test_build_deploy_and_promote_agree_on_the_image_definitions_file() -> None:
    project = synthesise().only(SERVICE, "AWS::CodeBuild::Project")["Environment"]
    (written,) = (
        variable["Value"]
        for variable in project["EnvironmentVariables"]
        if variable["Name"] == "IMAGE_DEFINITIONS_FILE"
    )
    assert actions()["Deploy"]["Configuration"]["FileName"] == written
    assert all(f" {written})" in command for command in actions()["Promote"]["Commands"])


def test_the_build_action_runs_the_project_of_the_service() -> None:
    (project,) = synthesise().resources(SERVICE, "AWS::CodeBuild::Project")
    assert actions()["Build"]["Configuration"] == {"ProjectName": {"Ref": project}}


def test_it_is_a_v2_pipeline() -> None:
    """Commands actions and file filters exist in V2 only."""
    assert pipeline()["PipelineType"] == "V2"


def test_artifacts_go_to_the_bucket_of_the_stack() -> None:
    (bucket,) = synthesise().resources(SERVICE, "AWS::S3::Bucket")
    assert pipeline()["ArtifactStore"] == {"Location": {"Ref": bucket}, "Type": "S3"}


def test_the_log_of_the_promotion_is_one_that_the_stack_declares_and_deletes() -> None:
    names = [
        group["Properties"].get("LogGroupName")
        for group in synthesise().resources(SERVICE, "AWS::Logs::LogGroup").values()
    ]
    assert f"/aws/codepipeline/{pipeline()['Name']}" in names


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_action_after_the_source_has_a_role_of_its_own(topology: str) -> None:
    roles = [
        action["RoleArn"]["Fn::GetAtt"][0]
        for action in actions(**TOPOLOGIES[topology]).values()
        if action["Name"] != "Source"
    ]
    assert len(set(roles)) == len(roles)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_pipeline_itself_may_only_take_the_roles_of_its_actions(topology: str) -> None:
    synthesis = synthesise(**TOPOLOGIES[topology])
    of_actions = [
        action["RoleArn"]
        for action in actions(**TOPOLOGIES[topology]).values()
        if "RoleArn" in action
    ]
    statements = synthesis.granted(SERVICE, pipeline(**TOPOLOGIES[topology])["RoleArn"])
    (assume,) = (s["Resource"] for s in statements if s["Action"] == "sts:AssumeRole")
    assert sorted(map(str, assume)) == sorted(map(str, of_actions))
    assert all(
        action.startswith("s3:")
        for statement in statements
        if statement["Action"] != "sts:AssumeRole"
        for action in statement["Action"]
    )


def test_who_approves_is_told_of_it() -> None:
    connected = synthesise(**CONNECTED)
    (topic,) = connected.resources(SERVICE, "AWS::SNS::Topic")
    approval = actions(**CONNECTED)["Approve"]
    assert approval["Configuration"] == {"NotificationArn": {"Ref": topic}}


def test_an_approval_without_an_address_tells_nobody() -> None:
    changes = {**CONNECTED, "notification_email": ""}
    assert "Configuration" not in actions(**changes)["Approve"]
