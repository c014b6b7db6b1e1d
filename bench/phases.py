"""Where the time of ``python app.py`` goes: imports, construction, synthesis."""

import json
import os
import subprocess
import sys
from pathlib import Path

from rehearsal.sample_settings import ROOT

_PROBE = """
import json, sys, time
began = time.perf_counter()
from aws_cdk import App
with_cdk = time.perf_counter()
import app
imported = time.perf_counter()
deployment = app.load_deployment(sys.argv[1])
loaded = time.perf_counter()
cdk_app = App(context=json.loads(sys.argv[2]), outdir=sys.argv[3], analytics_reporting=False,
              builtin_cloud_formation_validation=False)
app.add_stacks(cdk_app, deployment)
constructed = time.perf_counter()
cdk_app.synth()
done = time.perf_counter()
print(json.dumps({
    "import aws_cdk, start jsii": with_cdk - began,
    "import everything else": imported - with_cdk,
    "read the settings": loaded - imported,
    "construct both stacks": constructed - loaded,
    "synthesise": done - constructed,
}))
"""


def phases(env_file: Path, outdir: Path) -> dict[str, float]:
    """Return the seconds of each phase of one run, for the settings in ``env_file``."""
    flags = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))["context"]
    context = {**flags, "aws:cdk:disable-creation-stack-traces": True}  # as app.py does
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, str(env_file), json.dumps(context), str(outdir)],
        cwd=ROOT,
        env={"PATH": path, "HOME": str(Path.home())},
        check=True,
        capture_output=True,
        text=True,
    )
    seconds: dict[str, float] = json.loads(done.stdout)
    return seconds
