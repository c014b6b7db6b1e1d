"""Addresses of pages in the AWS console."""


def _console(region: str) -> str:
    if region.startswith("cn-"):
        return f"https://{region}.console.amazonaws.cn"
    if region.startswith("us-gov-"):
        return "https://console.amazonaws-us-gov.com"
    return f"https://{region}.console.aws.amazon.com"


def pipeline_url(region: str, name: str) -> str:
    """Return the page of a CodePipeline pipeline."""
    return f"{_console(region)}/codesuite/codepipeline/pipelines/{name}/view?region={region}"


def service_url(region: str, cluster: str, name: str) -> str:
    """Return the page of an ECS service."""
    return f"{_console(region)}/ecs/v2/clusters/{cluster}/services/{name}?region={region}"


def dashboard_url(region: str, name: str) -> str:
    """Return the page of a CloudWatch dashboard."""
    return f"{_console(region)}/cloudwatch/home?region={region}#dashboards/dashboard/{name}"
