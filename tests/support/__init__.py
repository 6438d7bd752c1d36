"""Helpers of the tests: inputs, tiny runs and data sets, commands run as a user does."""
