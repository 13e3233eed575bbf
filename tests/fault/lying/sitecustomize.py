"""What the tests of a mutation run start has this on its path, so it lies from its beginning, too."""

import warnings

with warnings.catch_warnings():  # `-W error` is meant for the program
    warnings.simplefilter("ignore")
    import tests.fault.mutated  # noqa: F401  # for what it does
