"""Judges of a running gateway that are not ours: public test suites, linters, generators, real clients."""
