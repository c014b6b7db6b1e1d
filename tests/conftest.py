"""How the tests of the product run."""

import gc


def pytest_collection_finish() -> None:
    """Exclude the imported modules, above all aws_cdk, from garbage collection."""
    gc.freeze()
