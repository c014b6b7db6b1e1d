"""Shows that a delivery needs each permission that it uses: without it, it fails and names it."""
