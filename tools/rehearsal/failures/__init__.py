"""Rehearsed failures: each makes something fail, and shows that nothing is left half done."""
