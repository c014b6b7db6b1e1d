"""The rehearsal on a container engine: tasks that are containers, with names and callers.

Everything stays inside one network of the engine, which is made for it and has no way out. The
network has the addresses of the VPC, so a container has the very address that its task's interface
has in its subnet; the VPC's resolver is a container at the VPC's third address, as on AWS.

`at_hand` finds the engine, `play` plays; without an engine `leave_out` says what is not shown.
"""

from tools.rehearsal.containers.play import at_hand, leave_out, play

__all__ = ["at_hand", "leave_out", "play"]
