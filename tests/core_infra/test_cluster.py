"""The ECS cluster, and the role that starts tasks as the core stack leaves it."""

from tests.synthesis import synthesise

CORE = "CoreInfraStack"


def test_the_cluster_has_the_name_of_the_settings_and_container_insights() -> None:
    cluster = synthesise().only(CORE, "AWS::ECS::Cluster")
    assert cluster["ClusterName"] == "ecs-blueprint-infra"
    assert cluster["ClusterSettings"] == [{"Name": "containerInsights", "Value": "enabled"}]


def test_exec_sessions_are_logged_to_the_log_group_that_an_importing_service_expects() -> None:
    cluster = synthesise().only(CORE, "AWS::ECS::Cluster")
    session = cluster["Configuration"]["ExecuteCommandConfiguration"]
    log_group_id = session["LogConfiguration"]["CloudWatchLogGroupName"]["Ref"]
    log_group = synthesise().resources(CORE, "AWS::Logs::LogGroup")[log_group_id]
    assert session["Logging"] == "OVERRIDE"
    assert log_group["Properties"]["LogGroupName"] == "/ecs-exec/ecs-blueprint-infra"
