"""The process of the local AWS: it starts, listens on loopback only, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal import Access, LocalAws, wait_until
from cdk_rehearsal.scratch import sweep

# Variables of a shell. With them MiniStack would serve S3 alone and keep its data at home.
MISLEADING = {
    "SERVICES": "s3",
    "PERSIST_STATE": "1",
    "S3_PERSIST": "1",
    "AUTH": "false",
    "EDGE_PORT": "1",
    "HTTPS_PROXY": "http://127.0.0.1:9",
}


def _listens(endpoint_url: str) -> bool:
    port = int(endpoint_url.rsplit(":", 1)[1])
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_two_at_the_same_time_share_nothing_and_leave_nothing(
    local_aws: LocalAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell, in which the other one starts, has variables that MiniStack would read."""
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    folders = {"HOME": home, "STATE_DIR": home, "S3_DATA_DIR": home}
    for folder in (home, temporary):
        folder.mkdir()
    for name, value in (MISLEADING | {name: str(path) for name, path in folders.items()}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with LocalAws(account="111122223333", region="eu-west-1") as other:
        with pytest.raises(ClientError, match="InvalidClientTokenId"):
            replace(local_aws.access, key=other.access.key).client("sts").get_caller_identity()
        assert local_aws.access.ca_bundle.read_bytes() != other.access.ca_bundle.read_bytes()
        other.client("sns").create_topic(Name="only-in-the-other")
        mine = local_aws.client("sns").list_topics()["Topics"]
        theirs = other.client("sns").list_topics()["Topics"]
        other.client("s3").create_bucket(
            Bucket="stays-inside", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        other.client("s3").put_object(Bucket="stays-inside", Key="object", Body=b"of mine")
        endpoint = other.endpoint_url
        assert list(temporary.iterdir())
    assert [topic["TopicArn"].rsplit(":", 1)[1] for topic in theirs] == ["only-in-the-other"]
    assert not any("only-in-the-other" in topic["TopicArn"] for topic in mine)
    assert not _listens(endpoint)
    assert [*home.iterdir(), *temporary.iterdir()] == []


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
    wait_until("nothing listens", lambda: not _listens(endpoint))

    def is_swept() -> bool:
        sweep(tmp_path)  # as every process does that needs a scratch directory
        return not list(tmp_path.iterdir())

    wait_until("nothing is left", is_swept)


def test_it_listens_on_loopback_only(local_aws: LocalAws) -> None:
    port = int(local_aws.endpoint_url.rsplit(":", 1)[1])
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as other_interface:
        # All addresses of 127/8 are this machine; a server on every interface would answer here.
        assert other_interface.connect_ex(("127.0.0.2", port)) != 0


def command_lines() -> str:
    """Return the command lines of all processes."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            lines.append((process / "cmdline").read_bytes().replace(b"\0", b" "))
    return b"\n".join(lines).decode(errors="replace")


def test_no_other_user_can_read_its_files_or_find_its_key(access: Access) -> None:
    """Every user of a machine can read the command lines of all its processes."""
    folder = access.ca_bundle.parent
    files = {path.name: path for path in (folder, *folder.rglob("*"))}
    assert {"server.pem", "ca.pem", "log"} <= files.keys()
    assert [name for name, path in files.items() if path.lstat().st_mode & 0o077] == []
    listed = command_lines()
    assert "cdk_rehearsal.server" in listed
    assert access.key.secret_access_key not in listed
    assert access.key.secret_access_key not in repr(access)


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
