"""Tasks that are containers of an engine, with names and a network of their own.

Everything stays inside one network of the engine, which is made for it and has no egress. The
network has the addresses of the VPC, so a container has the very address that its task's interface
has in its subnet; the VPC's resolver is a container at the VPC's third address, as on AWS.
"""

from tools.rehearsal.containers.tasks_as_containers import available

__all__ = ["available"]
