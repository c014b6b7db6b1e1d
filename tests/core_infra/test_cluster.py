"""The ECS cluster."""

from tests.synthesis import synthesise

CORE = "CoreInfraStack"


def test_the_cluster_has_the_name_of_the_settings() -> None:
    assert synthesise().only(CORE, "AWS::ECS::Cluster")["ClusterName"] == "ecs-blueprint-infra"


def test_container_insights_are_on() -> None:
    settings = synthesise().only(CORE, "AWS::ECS::Cluster")["ClusterSettings"]
    assert settings == [{"Name": "containerInsights", "Value": "enabled"}]


def test_exec_sessions_are_logged_where_an_importing_service_expects_it() -> None:
    cluster = synthesise().only(CORE, "AWS::ECS::Cluster")
    session = cluster["Configuration"]["ExecuteCommandConfiguration"]
    log_group_id = session["LogConfiguration"]["CloudWatchLogGroupName"]["Ref"]
    log_group = synthesise().resources(CORE, "AWS::Logs::LogGroup")[log_group_id]
    assert session["Logging"] == "OVERRIDE"
    assert log_group["Properties"]["LogGroupName"] == "/ecs-exec/ecs-blueprint-infra"
