"""A service has as many tasks as it wants, whoever looks at it at the same moment."""

import subprocess
import sys

from rehearsal.sample_settings import ROOT

# In a process of its own, as MiniStack is everywhere.
THREE_AT_ONCE = """
import threading, time
from ministack.services import ecs

tasks = []

def start_what_is_missing(cluster, service):
    missing = 3 - len(tasks)
    time.sleep(0.05)
    tasks.extend([service] * missing)

ecs._reconcile_service_tasks = start_what_is_missing
ecs._get_docker = lambda: None
from rehearsal.local_aws import task_reconciliation
task_reconciliation.install()
arguments = ("infra", "infra/backend")
threads = [threading.Thread(target=ecs._reconcile_service_tasks, args=arguments) for _ in range(3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(tasks))
"""


def test_tasks_are_counted_and_started_by_one_at_a_time() -> None:
    done = subprocess.run(
        [sys.executable, "-c", THREE_AT_ONCE], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert done.stdout == "3\n"
