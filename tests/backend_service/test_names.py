"""Names of the service stack, and their pages in the console."""

import pytest

from backend_service.names import (
    AlarmKind,
    alarm_name,
    dashboard_url,
    pipeline_url,
    service_url,
    task_log_group_name,
)
from tests.synthesis import settings_of


def test_users_type_these_names() -> None:
    name = settings_of(ecs_cluster_name="shops", service_name="cart").service.full_name
    assert name == "shops-cart"
    assert task_log_group_name("shops", "cart") == "/ecs/shops/cart"
    assert [alarm_name(name, kind) for kind in AlarmKind] == [
        "shops-cart-cpu",
        "shops-cart-memory",
        "shops-cart-log-errors",
        "shops-cart-missing-tasks",
    ]


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
        ("cn-north-1", "console.amazonaws.cn"),
        ("eusc-de-east-1", "console.amazonaws-eusc.eu"),
    ],
)
def test_every_page_is_in_the_console_of_the_region(region: str, host: str) -> None:
    for page in (
        pipeline_url(region, "shop"),
        service_url(region, "shops", "shop"),
        dashboard_url(region, "shop"),
    ):
        assert page.startswith(f"https://{host}/")
        assert f"region={region}" in page
