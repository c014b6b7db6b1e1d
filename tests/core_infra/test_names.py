"""Names of the core stack."""

from settings.names import exec_log_group_name, namespace_name


def test_users_type_these_names() -> None:
    assert exec_log_group_name("shops") == "/ecs-exec/shops"
    assert namespace_name("jobs", "shops") == "jobs.shops.local"
