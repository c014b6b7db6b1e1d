"""CodeConnections: connections to Git hosts."""
