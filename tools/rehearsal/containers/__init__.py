"""The rehearsal on a container engine: tasks that are containers, with names and callers.

Everything stays inside one network of the engine, which is made for it and has no egress. The
network has the addresses of the VPC, so a container has the very address that its task's interface
has in its subnet; the VPC's resolver is a container at the VPC's third address, as on AWS.

`available` finds the engine and `run` does it all; without one `leave_out` says what is missing.
"""

from tools.rehearsal.containers.tasks_as_containers import available, leave_out, run

__all__ = ["available", "leave_out", "run"]
