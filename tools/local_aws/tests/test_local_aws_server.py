"""The local AWS as a process: it starts, keeps to itself, and is gone afterwards."""

import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tools.local_aws import Access, LocalAws, LocalAwsError
from tools.local_aws.credentials import RootKey


def _answers(endpoint_url: str) -> bool:
    port = int(endpoint_url.rsplit(":", 1)[1])
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _gone_within(seconds: float, endpoint_url: str) -> bool:
    deadline = time.monotonic() + seconds
    while _answers(endpoint_url) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not _answers(endpoint_url)


def test_two_at_the_same_time_do_not_see_each_other(local_aws: LocalAws) -> None:
    with LocalAws(account="111122223333", region="eu-west-1") as other:
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
    assert _gone_within(2, endpoint)
    assert list(tmp_path.iterdir()) == []


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import time\n"
        "from tools.local_aws import LocalAws\n"
        "with LocalAws(account='111122223333', region='eu-west-1') as aws:\n"
        "    print(aws.endpoint_url, flush=True)\n"
        "    time.sleep(60)\n"
    )
    root = Path(__file__).resolve().parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root), "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    endpoint = parent.stdout.readline().strip()
    assert _answers(endpoint)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert _gone_within(20, endpoint)
    deadline = time.monotonic() + 20
    while list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []


ROOT = Path(__file__).resolve().parents[3]
BY_HAND = [sys.executable, "-m", "tools.local_aws"]
ANYWHERE = ["--account", "111122223333", "--region", "eu-west-1"]
# Of the shell. MiniStack would serve S3 alone, and leave its data at home.
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


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who starts the local AWS by hand, with a file at home."""
    for name in ("home", "temporary"):
        (tmp_path / name).mkdir()
    (tmp_path / "home" / "file").touch()
    (tmp_path / "temporary" / "file").touch()
    return {
        **os.environ,
        **MISLEADING,
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "temporary"),
        "STATE_DIR": str(tmp_path / "home"),
        "S3_DATA_DIR": str(tmp_path / "home"),
    }


def start_by_hand(shell: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    """Start it as the leader of a group, as a shell starts what is in a pipe."""
    return subprocess.Popen(
        [*BY_HAND, *arguments],
        cwd=ROOT,
        env=shell,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


@pytest.mark.parametrize("arguments", [ANYWHERE, []])
def test_started_by_hand_it_removes_nothing_but_its_own(
    tmp_path: Path, shell: dict[str, str], arguments: list[str]
) -> None:
    by_hand = start_by_hand(shell, *arguments)
    with subprocess.Popen(["sleep", "60"], process_group=by_hand.pid) as other:
        said, complaint = by_hand.communicate("", timeout=30)
        assert other.poll() is None
        other.kill()
    assert [path.name for path in (tmp_path / "home").iterdir()] == ["file"]
    assert [path.name for path in (tmp_path / "temporary").iterdir()] == ["file"]
    if arguments:
        assert (by_hand.returncode, said.strip().isdigit()) == (0, True)
    else:
        assert by_hand.returncode == 2
        assert "the following arguments are required: --account, --region" in complaint
        assert "Traceback" not in complaint


@pytest.fixture
def given_folder(tmp_path: Path) -> Path:
    """A folder of the user's, with files of the names that a local AWS has."""
    folder = tmp_path / "given"
    folder.mkdir()
    for name in ("file", "server.pem", "ca.pem"):
        (folder / name).write_text(f"my {name}", encoding="utf-8")
    return folder


def test_started_by_hand_it_takes_nothing_of_the_shell(
    tmp_path: Path, given_folder: Path, shell: dict[str, str]
) -> None:
    """Not its key for root's, nor what would have MiniStack keep its data or leave services out."""
    by_hand = start_by_hand(shell, *ANYWHERE, "--folder", str(given_folder))
    assert by_hand.stdout
    assert by_hand.stderr
    by_hand.stdout.readline()
    told = (by_hand.stderr.readline().removeprefix("export ") for _ in range(7))
    exports = dict(shlex.split(line)[0].split("=", 1) for line in told)
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
    by_hand.communicate("", timeout=30)
    assert by_hand.returncode == 0
    assert sorted(path.name for path in given_folder.iterdir()) == ["ca.pem", "file", "server.pem"]
    assert (given_folder / "server.pem").read_text(encoding="utf-8") == "my server.pem"
    for name in ("home", "temporary"):
        assert [path.name for path in (tmp_path / name).iterdir()] == ["file"]


def test_what_was_killed_in_a_given_folder_goes_with_the_next_start(
    given_folder: Path, shell: dict[str, str]
) -> None:
    arguments = [*ANYWHERE, "--folder", str(given_folder)]
    killed = start_by_hand(shell, *arguments)
    assert killed.stdout
    killed.stdout.readline()
    killed.kill()
    killed.communicate()
    assert len(list(given_folder.iterdir())) == 4
    start_by_hand(shell, *arguments).communicate("", timeout=30)
    assert sorted(path.name for path in given_folder.iterdir()) == ["ca.pem", "file", "server.pem"]


@pytest.mark.parametrize(
    ("arguments", "complaints"),
    [
        (
            ["--account", "1234", "--region", "Ireland", "--folder", "/nowhere"],
            [
                "'1234': an account has twelve",
                "'Ireland': a region looks",
                "'/nowhere': there is no",
            ],
        ),
        (["--account", "１１１１２２２２３３３３", "--region", "eu-west-1"], ["twelve digits"]),
        ([*ANYWHERE, "--own-group"], ["--own-group: only for the process that has made key"]),
        ([*ANYWHERE, "--own-group", "--folder", "tools"], ["--own-group: only for the process"]),
    ],
)
def test_all_that_is_wrong_is_told_at_once(
    shell: dict[str, str], arguments: list[str], complaints: list[str]
) -> None:
    by_hand = start_by_hand(shell, *arguments)
    _, said = by_hand.communicate("", timeout=30)
    assert by_hand.returncode == 2
    assert [each for each in complaints if each not in said] == []
    assert "Traceback" not in said


def test_a_start_that_fails_shows_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.local_aws.child._REPOSITORY", Path("/nowhere"))
    with pytest.raises(LocalAwsError, match="No module named"):
        LocalAws(account="111122223333", region="eu-west-1").__enter__()


def test_outside_the_block_there_is_no_endpoint() -> None:
    with pytest.raises(LocalAwsError, match="not running"):
        _ = LocalAws(account="111122223333", region="eu-west-1").endpoint_url


def test_it_listens_on_loopback_only(local_aws: LocalAws) -> None:
    port = int(local_aws.endpoint_url.rsplit(":", 1)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other_interface:
        # The whole of 127/8 is this machine; a server on every interface would answer here too.
        assert other_interface.connect_ex(("127.0.0.2", port)) != 0


def test_the_environment_carries_nothing_of_the_users_aws() -> None:
    access = Access(
        endpoint_url="https://127.0.0.1:1",
        account="111122223333",
        region="eu-west-1",
        key=RootKey("AKIAOFTHISRUN", "of this run"),
        ca_bundle=Path("ca.pem"),
    )
    shell = {
        "PATH": "/bin",
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "secret",
        "AWS_ENDPOINT_URL_S3": "https://elsewhere",
        "AWS_REGION": "us-east-1",
        "GITHUB_TOKEN": "secret",
    }
    environment = access.environment(shell)
    assert environment["PATH"] == "/bin"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert access.key.as_variables().items() <= environment.items()
    assert environment["AWS_CA_BUNDLE"] == environment["NODE_EXTRA_CA_CERTS"] == "ca.pem"
    left_out = shell.keys() - {"PATH", "AWS_REGION"}
    assert not left_out & environment.keys()


def test_a_client_ignores_the_users_profile_and_files(
    local_aws: LocalAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    configuration = tmp_path / "config"
    configuration.write_text(
        "[profile production]\nregion = us-east-1\ncredential_process = false\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(configuration))
    monkeypatch.setenv("AWS_PROFILE", "a-profile-that-does-not-exist")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(configuration))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    # Another region than the other tests': a client of its own, made under these variables.
    access = replace(local_aws.access, region="eu-central-1")
    identity = access.client("sts").get_caller_identity()
    assert identity["Account"] == "111122223333"
    assert (
        access.client("sns")
        .create_topic(Name="t")["TopicArn"]
        .startswith("arn:aws:sns:eu-central-1:111122223333:")
    )
