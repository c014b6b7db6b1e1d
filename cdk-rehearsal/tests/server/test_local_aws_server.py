"""The process of the local AWS: it starts, listens on loopback only, and leaves nothing behind."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal import Access, LocalAws, LocalAwsError
from cdk_rehearsal.credentials import RootKey

ARGUMENTS = ["--account", "111122223333", "--region", "eu-west-1"]
# More than any machine needs; reached only when a test fails.
PATIENCE_SECONDS = 300
# Variables of a shell. With them MiniStack would serve S3 alone and keep its data at home.
SHELL_KEY = RootKey("AKIAOFTHESHELL", "of the shell")
MISLEADING = {
    **SHELL_KEY.as_variables(),
    "SERVICES": "s3",
    "PERSIST_STATE": "1",
    "S3_PERSIST": "1",
    "AUTH": "false",
    "EDGE_PORT": "1",
    "AWS_CA_BUNDLE": "/nowhere",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}


def _listens(endpoint_url: str) -> bool:
    port = int(endpoint_url.rsplit(":", 1)[1])
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_unknown_region_is_refused() -> None:
    aws = LocalAws(account="111122223333", region="eu-west-9")
    with pytest.raises(LocalAwsError, match=r"^No region eu-west-9 "):
        aws.__enter__()


def test_two_at_the_same_time_share_neither_keys_nor_data(local_aws: LocalAws) -> None:
    with LocalAws(account="111122223333", region="eu-west-1") as other:
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            replace(local_aws.access, key=other.access.key).client("sts").get_caller_identity()
        assert local_aws.access.ca_bundle.read_bytes() != other.access.ca_bundle.read_bytes()
        other.client("sns").create_topic(Name="only-in-the-other")
        mine = local_aws.client("sns").list_topics()["Topics"]
        theirs = other.client("sns").list_topics()["Topics"]
    assert [topic["TopicArn"].rsplit(":", 1)[1] for topic in theirs] == ["only-in-the-other"]
    assert not any("only-in-the-other" in topic["TopicArn"] for topic in mine)


def test_nothing_of_it_is_left_after_the_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with LocalAws(account="111122223333", region="eu-west-1") as aws:
        aws.client("s3").create_bucket(
            Bucket="stays-inside", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        endpoint = aws.endpoint_url
        assert list(tmp_path.iterdir())
    assert not _listens(endpoint)
    assert list(tmp_path.iterdir()) == []


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "from cdk_rehearsal import LocalAws\n"
        "with LocalAws(account='111122223333', region='eu-west-1') as aws:\n"
        "    print(aws.endpoint_url, flush=True)\n"
        "    input()\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert parent.stdout is not None
    endpoint = parent.stdout.readline().strip()
    assert _listens(endpoint)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    _wait_until(lambda: not _listens(endpoint))
    _wait_until(lambda: not list(tmp_path.iterdir()))


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of a shell in which somebody starts the local AWS by hand."""
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    return {
        **os.environ,
        **MISLEADING,
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "temporary"),
        "STATE_DIR": str(tmp_path / "home"),
        "S3_DATA_DIR": str(tmp_path / "home"),
    }


def start_by_hand(shell: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """Start it as the leader of a process group, as a shell starts a pipeline."""
    return subprocess.Popen(
        [sys.executable, "-m", "cdk_rehearsal.server", *arguments],
        env=shell,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


@pytest.fixture
def given_folder(tmp_path: Path) -> Path:
    """A folder of the user's, with files that have the same names as those of a local AWS."""
    folder = tmp_path / "given"
    folder.mkdir()
    for name in ("file", "server.pem", "ca.pem"):
        (folder / name).write_text(f"my {name}", encoding="utf-8")
    return folder


def test_started_by_hand_it_uses_no_variable_of_the_shell_and_ends_and_removes_only_its_own(
    tmp_path: Path, given_folder: Path, shell: dict[str, str]
) -> None:
    by_hand = start_by_hand(shell, *ARGUMENTS, "--folder", str(given_folder))
    assert by_hand.stdout
    assert by_hand.stderr
    by_hand.stdout.readline()
    lines = (by_hand.stderr.readline().removeprefix("export ") for _ in range(7))
    exports = dict(shlex.split(line)[0].split("=", 1) for line in lines)
    access = Access(
        endpoint_url=exports["AWS_ENDPOINT_URL"],
        account="111122223333",
        region="eu-west-1",
        key=RootKey(exports["AWS_ACCESS_KEY_ID"], exports["AWS_SECRET_ACCESS_KEY"]),
        ca_bundle=Path(exports["AWS_CA_BUNDLE"]),
    )
    access.client("s3").create_bucket(
        Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    access.client("s3").put_object(Bucket="kept", Key="object", Body=b"of mine")
    access.client("ecs").create_cluster(clusterName="kept")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        replace(access, key=SHELL_KEY).client("sts").get_caller_identity()
    with subprocess.Popen(["sleep", str(PATIENCE_SECONDS)], process_group=by_hand.pid) as other:
        by_hand.communicate("", timeout=PATIENCE_SECONDS)
        assert (by_hand.returncode, other.poll()) == (0, None)
        other.kill()
    assert sorted(path.name for path in given_folder.iterdir()) == ["ca.pem", "file", "server.pem"]
    assert (given_folder / "server.pem").read_text(encoding="utf-8") == "my server.pem"
    for name in ("home", "temporary"):
        assert [path.name for path in (tmp_path / name).iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("arguments", "errors"),
    [
        (
            ["--account", "1234", "--region", "Ireland", "--folder", "/nowhere"],
            ["'1234': an account id has", "'Ireland': a region looks", "'/nowhere': there is no"],
        ),
        ([*ARGUMENTS, "--own-group", "--folder", "tools"], ["--own-group: only for a parent"]),
        ([], ["the following arguments are required: --account, --region"]),
    ],
)
def test_one_message_names_every_wrong_argument(
    shell: dict[str, str], arguments: list[str], errors: list[str]
) -> None:
    by_hand = start_by_hand(shell, *arguments)
    _, printed = by_hand.communicate("", timeout=PATIENCE_SECONDS)
    assert by_hand.returncode == 2
    assert [each for each in errors if each not in printed] == []
    assert "Traceback" not in printed


def test_a_start_that_fails_shows_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cdk_rehearsal.server.local_aws._MODULE", "cdk_rehearsal.nowhere")
    with pytest.raises(LocalAwsError, match="No module named"):
        LocalAws(account="111122223333", region="eu-west-1").__enter__()


def test_it_listens_on_loopback_only(local_aws: LocalAws) -> None:
    port = int(local_aws.endpoint_url.rsplit(":", 1)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other_interface:
        # All addresses of 127/8 are this machine; a server on every interface would answer here.
        assert other_interface.connect_ex(("127.0.0.2", port)) != 0


def test_the_environment_has_no_aws_setting_of_the_shell(access: Access) -> None:
    left_out = {"AWS_PROFILE": "production", "AWS_ENDPOINT_URL_S3": "https://elsewhere"}
    environment = access.environment({"PATH": "/bin", "AWS_REGION": "us-east-1"} | left_out)
    assert (environment["PATH"], environment["AWS_REGION"]) == ("/bin", "eu-west-1")
    assert access.key.as_variables().items() <= environment.items()
    assert environment["AWS_CA_BUNDLE"] == environment["NODE_EXTRA_CA_CERTS"]
    assert not left_out.keys() & environment.keys()


def test_a_client_ignores_profiles_files_and_variables_of_the_user(
    local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configuration = tmp_path / "config"
    configuration.write_text(
        "[profile production]\nregion = us-east-1\ncredential_process = false\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-does-not-exist")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(configuration))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    # In another region than the other tests use, so a new client is made with these variables.
    access = replace(local_aws.access, region="eu-central-1")
    arn = access.client("sns").create_topic(Name="t")["TopicArn"]
    assert arn.startswith("arn:aws:sns:eu-central-1:111122223333:")
