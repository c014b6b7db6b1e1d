"""Settings that should be accepted, and the outputs of a core stack that they could refer to."""

import json
from collections.abc import Mapping
from io import StringIO

from dotenv import dotenv_values
from hypothesis import strategies as st

from settings.sample import ESSENTIALS, sample_text

SAMPLE: Mapping[str, str] = {
    key: text or ""
    for key, text in dotenv_values(stream=StringIO(sample_text()), interpolate=False).items()
} | ESSENTIALS
_PARTITIONS = {"cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}
_REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-2", *_PARTITIONS)
_SIZES = (("256", "512"), ("512", "4096"), ("1024", "3072"), ("4096", "30720"), ("16384", "32768"))


def _pattern(regex: str) -> st.SearchStrategy[str]:
    return st.from_regex(regex, fullmatch=True)


_label = _pattern(r"[a-z0-9](?:[a-z0-9-]{0,12}[a-z0-9])?")
_flag = st.sampled_from(["True", "False", "true", "FALSE"])
_named = st.shared(st.booleans(), key="zones are named")
_account = _pattern("[0-9]{12}")
# What may stand between double quotes as it is; every other character has a test of its own.
_printable = st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="\\\"'")
_words = st.text(_printable, max_size=30).map(lambda text: text.replace(",", ""))
_variable = st.tuples(_pattern("[A-Za-z_][A-Za-z0-9_]{0,12}"), _words)
_STRATEGIES: dict[str, st.SearchStrategy[str]] = {
    "repository_owner": _pattern("[A-Za-z0-9]{1,20}"),
    "stack_prefix": st.just("") | _pattern("[A-Za-z][A-Za-z0-9-]{0,20}"),
    "service_name": _label,
    "container_name": _pattern("[A-Za-z0-9_-]{1,30}"),
    "container_port": st.integers(1, 65535).map(str),
    "cpu_architecture": st.sampled_from(["X86_64", "ARM64"]),
    "health_check_command": st.text(_printable | st.just(" "), max_size=60),
    "container_environment": st.lists(_variable, unique_by=lambda of: of[0], max_size=4).map(
        lambda variables: ",".join(map("=".join, variables))
    ),
    "enable_execute_command": _flag,
    "log_retention_days": st.sampled_from(["1", "30", "3653"]),
    "ecr_repository_name": _pattern("[a-z0-9]{2,10}(?:[-/][a-z0-9]{1,10})?"),
    "seed_image": _pattern(r"(?:public\.ecr\.aws/)?[a-z0-9]{1,9}:[A-Za-z0-9_]{1,9}"),
    "repository_name": _pattern("[A-Za-z0-9_-]{1,30}"),
    "repository_branch": _pattern("[a-z0-9]{1,10}(?:/[A-Za-z0-9_+=%-]{1,9})?"),
    "folder_path": _pattern(r"(?:\./)?[A-Za-z0-9._@+]{1,9}(?:/[A-Za-z0-9_@+.]{1,9})?/?"),
    "dockerfile_path": st.just(""),
    "buildspec_path": st.sampled_from(["", "a/buildspec.yml"]),
    "manual_approval": _flag,
    "notification_email": st.just("") | _pattern(r"[a-z.+'-]{1,9}@[a-z]{1,9}\.[a-z]{2,3}"),
    "vpc_cidr": st.sampled_from(["10.0.0.0/16", "172.16.0.0/20", "192.168.8.0/22"]),
    "ecs_cluster_name": _label,
    "namespaces": st.lists(_label, min_size=1, max_size=3, unique=True).map(", ".join),
    "enable_nat_gw": _flag,
}


@st.composite
def right_texts(draw: st.DrawFn, *, most_drawn: int | None = None) -> dict[str, str]:
    """Draw texts of all keys that should be accepted, mostly.

    With ``most_drawn`` at most so many of them; the others are those of sample.env, and what
    depends on each other is always drawn. Most of the time of a drawn file goes into drawing.
    """
    region = draw(st.sampled_from(_REGIONS))
    account = draw(_account)
    region_and_account = f"{region}:{account}"
    arn = f"arn:{_PARTITIONS.get(region, 'aws')}"
    cpu, memory = draw(st.sampled_from(_SIZES))
    zones = draw(st.integers(1, 6))
    desired = draw(st.integers(1, 20))
    ttl = draw(st.integers(0, 100))
    secret = f"{arn}:secretsmanager:{region_and_account}:secret:app/x-AbCdEf"
    parameter = f"{arn}:ssm:{region_and_account}:parameter/app/y"
    connection = f"{arn}:codeconnections:{region_and_account}:connection/{'0' * 8}"
    chosen = {
        "container_secrets": ("", f"S_1={secret}", f"S_1={secret}:k::,S_2={parameter}"),
        "build_secrets": ("", f"NPM_TOKEN={secret}"),
        "task_role_policy_arns": ("", f"{arn}:iam::aws:policy/a/B"),
        "connection_arn": ("", connection),
    }
    strategies = _STRATEGIES | {key: st.sampled_from(texts) for key, texts in chosen.items()}
    some = st.lists(st.sampled_from(sorted(strategies)), unique=True, max_size=most_drawn)
    keys = sorted(strategies) if most_drawn is None else draw(some)
    changes = {
        "account_number": account,
        "aws_region": region,
        "task_cpu": cpu,
        "task_memory": memory,
        "desired_count": str(desired),
        "max_count": str(desired + draw(st.integers(0, 20))),
        "dns_ttl_seconds": str(ttl),
        "stop_timeout_seconds": str(draw(st.integers(ttl + 20, 120))),
        "az_count": str(zones),
        "availability_zones": ",".join(f"{region}{z}" for z in "abcdef"[:zones] if draw(_named)),
        **{key: draw(strategies[key]) for key in keys},
    }
    if region in _PARTITIONS:
        # From other partitions nobody can sign in to ECR Public.
        seed_image = changes.get("seed_image", SAMPLE["seed_image"])
        changes["seed_image"] = seed_image.removeprefix("public.ecr.aws/")
    return {**SAMPLE, **changes}


def outputs_of_core(texts: Mapping[str, str]) -> str:
    """Return an output.json of a core stack that the texts of a file could refer to."""
    region, account, cluster = (
        texts[key] for key in ("aws_region", "account_number", "ecs_cluster_name")
    )
    arn = f"arn:{_PARTITIONS.get(region, 'aws')}"
    labels = [label.strip() for label in texts["namespaces"].split(",")]
    ids = [f"ns-{number}" for number in range(len(labels))]
    namespace = f"{arn}:servicediscovery:{region}:{account}:namespace"
    outputs = {
        "VpcId": "vpc-0123456789abcdef0",
        "VpcCidr": "10.1.0.0/16",
        "AvailabilityZones": f"{region}a,{region}b",
        "PublicSubnetIds": "subnet-0123456789abcde00,subnet-0123456789abcde01",
        "PrivateSubnetIds": "subnet-0123456789abcde10,subnet-0123456789abcde11",
        "EcsClusterName": cluster,
        "TaskExecutionRoleArn": f"{arn}:iam::{account}:role/execution",
        "NamespaceNames": ",".join(f"{label}.{cluster}.local" for label in labels),
        "NamespaceArns": ",".join(f"{namespace}/{each}" for each in ids),
        "NamespaceIds": ",".join(ids),
    }
    return json.dumps({"CoreInfraStack": outputs})
