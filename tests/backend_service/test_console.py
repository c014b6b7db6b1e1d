"""Addresses in the console, in every partition."""

import pytest

from backend_service.console import dashboard_url, pipeline_url, service_url


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "eu-west-1.console.aws.amazon.com"),
        ("us-gov-west-1", "console.amazonaws-us-gov.com"),
        ("cn-north-1", "cn-north-1.console.amazonaws.cn"),
    ],
)
def test_the_page_is_in_the_console_of_the_region(region: str, host: str) -> None:
    assert pipeline_url(region, "shop") == (
        f"https://{host}/codesuite/codepipeline/pipelines/shop/view?region={region}"
    )
    assert dashboard_url(region, "shop") == (
        f"https://{host}/cloudwatch/home?region={region}#dashboards/dashboard/shop"
    )
    assert service_url(region, "shops", "shop") == (
        f"https://{host}/ecs/v2/clusters/shops/services/shop?region={region}"
    )
