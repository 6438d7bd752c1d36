"""Structure from motion needs its library, and says how to get it."""

import sys

import pytest

from data_prep.calibration import structure


def test_a_missing_library_is_named_with_its_fix(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycolmap", None)
    with pytest.raises(ValueError, match=r"needs pycolmap: pip install 'aquanet-tf\[calibrate\]'"):
        structure.require()
