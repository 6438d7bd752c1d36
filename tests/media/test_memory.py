"""What the system says of its memory, and where it says nothing."""

import math

import pytest

from aquanet_tf.media import memory


def test_both_are_in_gigabytes(monkeypatch, tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 4000000 kB\nOther: 1 kB\nMemAvailable: 1000000 kB")
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    assert memory.memory() == pytest.approx((4.096, 1.024))


@pytest.mark.parametrize("text", ["", "MemTotal: much"])
def test_memory_is_not_known_everywhere(text, monkeypatch, tmp_path):
    (tmp_path / "meminfo").write_text(text)
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    assert all(map(math.isnan, memory.memory()))
