"""The doctor's verdict, exit code and block, with checks that are made up."""

import pytest

from aquanet_tf import doctor
from aquanet_tf.checks import answer, devices, step, versions, warps
from aquanet_tf.checks.finding import Finding


@pytest.fixture
def fit(monkeypatch):
    """Checks that take no time and find nothing wrong."""
    for module in (warps, step, answer):
        name = module.__name__.rpartition(".")[2]
        monkeypatch.setattr(module, "check", lambda *given, name=name: [Finding(name, "fine")])
    monkeypatch.setattr(devices, "gpus", lambda: Finding("GPU", devices.NO_GPU))


def examined(capsys):
    with pytest.raises(SystemExit) as stopped:
        doctor.main(["doctor"])
    return stopped.value.code, capsys.readouterr().out


def test_a_machine_that_is_fit(fit, capsys):
    code, text = examined(capsys)
    assert code == 0 and text.splitlines()[-1] == "fit to train"
    block = text[text.index("send us the lines") :]
    assert "no GPU was seen; GPU paths were not tried" in block and "Python 3" in block


def test_a_missing_ffmpeg(fit, capsys, monkeypatch):
    def missing():
        raise RuntimeError("none")

    monkeypatch.setattr(versions.imageio_ffmpeg, "get_ffmpeg_exe", missing)
    code, text = examined(capsys)
    assert code == 1 and text.splitlines()[-1].startswith("not fit to train: ffmpeg")
    assert "pip install imageio-ffmpeg" in text.splitlines()[-1]


def test_a_wrong_warp(fit, capsys, monkeypatch):
    wrong = Finding("warp xla on /CPU:0", "differences 0.1", "train with another --warp_impl")
    monkeypatch.setattr(warps, "check", lambda device: [wrong])
    code, text = examined(capsys)
    assert code == 1 and "another --warp_impl" in text.splitlines()[-1]


def test_a_check_that_breaks_is_a_fault_and_the_others_go_on(fit, capsys, monkeypatch):
    def broken(*arguments):
        raise TypeError("what is this")

    monkeypatch.setattr(step, "check", broken)
    code, text = examined(capsys)
    assert code == 1 and "TypeError: what is this" in text.splitlines()[-1]
    assert "answer: fine" in text
