"""The tools as commands: in a pipe, on a poor terminal, and stopped."""

import ast
import importlib
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, redirect_stderr
from pathlib import Path
from unittest.mock import patch

import pytest

from tools.repository import ROOT

Tool = subprocess.Popen[str]

UNPACKED = ("HOME", "JSII_RUNTIME_PACKAGE_CACHE_ROOT")
"""What tells jsii where it keeps its unpacked packages."""

SOURCE = """
from tools.command_line import run
import os, pathlib, signal, sys, time

def main():
    try:
        print("ready", flush=True)
        {body}
    finally:
        pathlib.Path("end").write_text("cleaned up")

{before}
if __name__ == "__main__":
    run(main, stopped="Stopped, and nothing is left.")
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Tool]]:
    """Start a tool that says "ready", does something, and notes that it has cleaned up."""
    with ExitStack() as stack:

        def start(
            body: str, *, before: str = "", encoding: str = "utf-8", unbuffered: bool = False
        ) -> Tool:
            script = tmp_path / "tool.py"
            script.write_text(SOURCE.format(body=body, before=before), encoding="utf-8")
            tool = subprocess.Popen(
                [sys.executable, script],
                cwd=tmp_path,
                env={
                    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                    **{name: os.environ[name] for name in UNPACKED if name in os.environ},
                    "PYTHONPATH": str(ROOT),
                    "PYTHONIOENCODING": encoding,
                    "PYTHONUNBUFFERED": "1" if unbuffered else "",
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding=encoding,
                start_new_session=True,
            )
            stack.enter_context(tool)
            stack.callback(tool.kill)
            return tool

        yield start


def wait_for(line: str, tool: Tool) -> None:
    assert tool.stdout
    assert tool.stdout.readline() == line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_tool_that_is_stopped_cleans_up_and_says_one_line(
    start: Callable[..., Tool], number: signal.Signals, tmp_path: Path
) -> None:
    tool = start("time.sleep(60)")
    wait_for("ready\n", tool)
    tool.send_signal(number)
    assert tool.communicate(timeout=10) == ("", "Stopped, and nothing is left.\n")
    assert tool.returncode == 128 + number
    assert (tmp_path / "end").read_text("utf-8") == "cleaned up"


def test_ctrl_c_is_one_line_even_while_the_tool_is_imported(start: Callable[..., Tool]) -> None:
    tool = start("", before='print("importing", flush=True); time.sleep(60)')
    wait_for("importing\n", tool)
    tool.send_signal(signal.SIGINT)
    assert tool.communicate(timeout=10) == ("", "Stopped.\n")
    assert tool.returncode == -signal.SIGINT


def test_what_other_parts_say_after_the_end_is_not_heard(start: Callable[..., Tool]) -> None:
    tool = start("time.sleep(60)", before="import atexit; atexit.register(lambda: 1 / 0)")
    wait_for("ready\n", tool)
    tool.send_signal(signal.SIGINT)
    assert tool.communicate(timeout=10)[1] == "Stopped, and nothing is left.\n"


def test_ctrl_c_on_a_terminal_is_one_line_while_the_cdk_is_at_work(
    start: Callable[..., Tool],
) -> None:
    """The Node of jsii gets it, too, and jsii finds it gone."""
    endless = "while True: App(auto_synth=False, outdir='out')"
    before = f"def endless():\n    from aws_cdk import App\n    {endless}"
    tool = start("endless()", before=before)
    wait_for("ready\n", tool)
    time.sleep(2)
    os.killpg(tool.pid, signal.SIGINT)
    assert tool.communicate(timeout=30)[1] == "Stopped, and nothing is left.\n"


def test_nohup_is_respected(start: Callable[..., Tool]) -> None:
    tool = start("time.sleep(0.5)", before="signal.signal(signal.SIGHUP, signal.SIG_IGN)")
    wait_for("ready\n", tool)
    tool.send_signal(signal.SIGHUP)
    assert tool.wait(timeout=10) == 0


@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize("body", ["print('x', flush=True)", "print('x')"])
def test_reader_that_has_seen_enough_ends_the_tool_without_a_word(
    start: Callable[..., Tool], body: str, unbuffered: bool, tmp_path: Path
) -> None:
    tool = start(f"time.sleep(0.2); {body}", unbuffered=unbuffered)
    assert tool.stdout
    assert tool.stderr
    wait_for("ready\n", tool)
    tool.stdout.close()
    assert tool.stderr.read() == ""
    assert tool.wait(timeout=10) == 128 + signal.SIGPIPE
    assert (tmp_path / "end").read_text("utf-8") == "cleaned up"


def test_other_broken_pipes_are_errors_as_ever(start: Callable[..., Tool]) -> None:
    tool = start("raise BrokenPipeError('of a child')")
    assert tool.communicate(timeout=10)[1].endswith("BrokenPipeError: of a child\n")
    assert tool.returncode == 1


LOST = {
    "No space left on device": "os.dup2(os.open('/dev/full', os.O_WRONLY), 1)",
    "Input/output error": "m, s = os.openpty(); os.close(m); os.dup2(s, 1)",
}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has such a device")
@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize("much", [1, 100_000])
@pytest.mark.parametrize("reason", LOST)
def test_output_that_cannot_be_written_is_one_line(
    start: Callable[..., Tool],
    reason: str,
    much: int,
    unbuffered: bool,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    if "openpty" in LOST[reason]:
        request.getfixturevalue("terminals")
    tool = start(f"{LOST[reason]}; print('x' * {much})", unbuffered=unbuffered)
    said = tool.communicate(timeout=10)[1]
    assert said == f"error: the output cannot be written: {reason}\n"
    assert tool.returncode == 1
    assert (tmp_path / "end").read_text("utf-8") == "cleaned up"


CLOSED = """
from tools.command_line import run
import os, sys
def main():
    file = open("end", "w+")
    os.system("echo of a child")
    print("x", file=sys.{stream})
    file.seek(0)
    sys.exit(3 if file.read() == "" else "the file is written to")
run(main)
"""


@pytest.mark.parametrize(
    ("closing", "stream", "said", "status"),
    [
        (">&-", "stdout", "error: the output cannot be written: Bad file descriptor\n", 1),
        ("2>&-", "stderr", "", 3),
        ("<&-", "stderr", "x\n", 3),
    ],
)
def test_closed_streams_are_given_to_no_other_file(
    closing: str, stream: str, said: str, status: int, tmp_path: Path
) -> None:
    done = subprocess.run(
        [
            "/bin/sh",
            "-c",
            f'exec "$0" -c "$1" {closing}',
            sys.executable,
            CLOSED.format(stream=stream),
        ],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    last = "".join(line for line in done.stderr.splitlines(keepends=True) if "echo" not in line)
    assert (last, done.returncode) == (said, status)


def test_file_that_is_not_there_is_one_line(start: Callable[..., Tool]) -> None:
    tool = start("open('no\\nsuch')")
    assert tool.communicate(timeout=10)[1] == "error: 'no\\nsuch': No such file or directory\n"
    assert tool.returncode == 1


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("ascii", "+ x -> ... e ? ?"), ("latin-1", "+ x -> ... é ? ?"), ("utf-8", "✓ ✗ → … é 漢 ?")],
)
def test_characters_that_the_output_cannot_take_are_replaced(
    start: Callable[..., Tool], encoding: str, shown: str
) -> None:
    tool = start(r"print('✓ ✗ → … é 漢 \udc80')", encoding=encoding)
    assert tool.communicate(timeout=10) == (f"ready\n{shown}\n", "")


@pytest.mark.parametrize("ending", ["return 3", "sys.exit(3)"])
def test_status_is_that_of_the_tool(start: Callable[..., Tool], ending: str) -> None:
    tool = start(ending)
    assert tool.communicate(timeout=10) == ("ready\n", "")
    assert tool.returncode == 3


def test_message_of_the_tool_is_its_last_word(start: Callable[..., Tool]) -> None:
    tool = start("sys.exit('error: no')")
    assert tool.communicate(timeout=10)[1] == "error: no\n"
    assert tool.returncode == 1


# Not started by people: the emulator's process.
OTHERS = {"tools/local_aws"}
COMMANDS = sorted(
    path
    for path in ROOT.glob("[!.]*/**/__main__.py")
    if path.relative_to(ROOT).parts[0] not in {"node_modules", "application-code", "settings"}
    and path.parent.relative_to(ROOT).as_posix() not in OTHERS
)


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.parent.name)
def test_every_tool_is_run_so(path: Path) -> None:
    """The product knows no tools: what it starts itself looks after itself."""
    source = path.read_text(encoding="utf-8")
    imports = [
        node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    modules = [node.module if isinstance(node, ast.ImportFrom) else "" for node in imports]
    assert next(module for module in modules if module != "__future__") == "tools.command_line"
    assert "\n    run(main" in source


PACKAGES = [".".join(path.relative_to(ROOT).parts[:-1]) for path in COMMANDS]


@pytest.mark.parametrize("module", [*PACKAGES, "settings", "tools.progress.side_by_side"])
def test_unknown_arguments_are_refused_before_anything_is_done(module: str) -> None:
    done = refused(module, "--no-such-option")
    assert done.endswith("unrecognized arguments: --no-such-option\n") or "required" in done


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        ("tools.bench", "--rounds 0", "--rounds: '0': expected a whole number from 1 on"),
        ("tools.bench", "--rounds x", "expected a whole number from 1 on"),
        ("tools.rehearsal.callers", "--tasks=-4", "expected a whole number from 1 on"),
        ("tools.container_engine", "/nonexist x y", "/nonexist/Dockerfile cannot be read: No such"),
        ("tools.local_aws", "--account 1 --region eu-west-1", "has twelve digits"),
        ("tools.local_aws", "--account 123456789012 --region a/b", "a region looks like"),
    ],
)
def test_value_that_cannot_be_is_refused(module: str, arguments: str, said: str) -> None:
    assert said in refused(module, *arguments.split())


def refused(module: str, *arguments: str) -> str:
    """Return what a command says before it ends.

    Those that ``run`` starts in this process: what some of them import takes seconds to load.
    """
    if module not in PACKAGES:
        return refused_elsewhere(module, *arguments)
    main = importlib.import_module(f"{module}.__main__").main
    said = io.StringIO()
    with (
        patch.object(sys, "argv", [module, *arguments]),
        redirect_stderr(said),
        pytest.raises(SystemExit) as ending,
    ):
        main()
    if isinstance(ending.value.code, str):
        return f"{said.getvalue()}{ending.value.code}\n"
    assert ending.value.code in {1, 2}
    return said.getvalue()


def refused_elsewhere(module: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has such a device")
@pytest.mark.parametrize(
    "arguments", ["--replacements", "--account 123456789012 --region eu-west-1"]
)
def test_the_local_aws_has_one_line_for_a_full_disk_of_its_own(arguments: str) -> None:
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tools.local_aws", *arguments.split()],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.stderr.endswith("error: the output cannot be written: No space left on device\n")
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
