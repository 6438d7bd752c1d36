"""Fuzzed inputs: a few examples in every test run, a thousand in runs of the slow tests."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def lengths(few):
    """Decorator of a test with the argument `examples`, which it passes to `run`.

    few: number of examples in tests that are not slow.
    """
    many = pytest.param(1000, marks=pytest.mark.slow)
    return pytest.mark.parametrize("examples", [few, many])


def run(examples, check, *strategies):
    """Calls `check` with `examples` drawn values of `strategies` (default: `st.data()`)."""
    settings(max_examples=examples)(given(*(strategies or [st.data()]))(check))()


def damaged(data, whole, edge=None):
    """Damaged bytes drawn with `data`: random ones, or `whole` with one to four bytes changed, with
    its end cut off, or both.

    edge: change only bytes within this distance of either end; None: any byte.
    """
    kind = data.draw(st.sampled_from(["changed", "cut", "both", "invented"]))
    if kind == "invented":
        return data.draw(st.binary(max_size=80))
    changed = bytearray(whole)
    if kind != "cut":
        low, high = (-edge, edge - 1) if edge else (0, len(whole) - 1)
        for _ in range(data.draw(st.integers(1, 4))):
            changed[data.draw(st.integers(low, high))] ^= data.draw(st.integers(1, 255))
    if kind != "changed":
        del changed[data.draw(st.integers(0, len(whole) - 1)) :]
    return bytes(changed)
