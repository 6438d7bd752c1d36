"""Fuzzed input in two sizes: a few examples in every run, a thousand in those that do the slow."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def lengths(few):
    """Marks a test that takes `examples` and hands them to `run`."""
    many = pytest.param(1000, marks=pytest.mark.slow)
    return pytest.mark.parametrize("examples", [few, many])


def run(examples, check, *strategies):
    """Calls `check` with that many drawn examples; without strategies with `st.data()`."""
    settings(max_examples=examples)(given(*(strategies or [st.data()]))(check))()


def damaged(data, whole, edge=None):
    """Bytes drawn with `data`: invented, or `whole` with one to four bytes changed, cut off, or
    both. edge: only so many bytes from either end are changed."""
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
