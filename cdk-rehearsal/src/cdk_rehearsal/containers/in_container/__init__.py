"""What runs inside containers of the rehearsal: Python's own library and dnslib, nothing else."""
