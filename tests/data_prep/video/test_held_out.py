"""What is held out shares no frame with what is trained on."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.video import held_out, prepare
from tests.data_prep.video.test_prepare import drive, folder

SCENES = st.lists(st.integers(1, 60), min_size=1, max_size=5)


def frames_of(lines, stride):
    """(drive, frame) of all frames that the triplets of these lines touch."""
    found = set()
    for line in lines:
        drive, frame = line.split()
        found |= {(drive, int(frame) + step) for step in (-stride, 0, stride)}
    return found


@settings(max_examples=60, deadline=None)
@given(lengths=SCENES, stride=st.integers(1, 4), share=st.sampled_from([0.1, 0.25, 0.5]))
def test_no_frame_is_in_both(lengths, stride, share):
    scenes = {f"date/drive_{i}": list(range(length)) for i, length in enumerate(lengths)}
    try:
        found = held_out.choose(scenes, stride, share, 0)
    except ValueError:
        return
    touched = [frames_of(lines, stride) for lines in found.values()]
    assert not touched[0] & touched[1]
    for name, frame in touched[0] | touched[1]:
        assert 0 <= frame < len(scenes[name])


def test_the_end_of_the_video_is_held_out():
    found = held_out.choose({"d/a": list(range(50)), "d/b": list(range(50))}, 1, 0.1, 0)
    assert found[held_out.HELD_OUT] == [f"d/b {i}" for i in range(41, 49)]
    assert len(found[held_out.TRAIN]) == 48 + 38


def test_without_a_share_all_is_trained_on():
    found = held_out.choose({"d/a": list(range(9))}, 2, 0.0, 0)
    assert found == {held_out.TRAIN: [f"d/a {i}" for i in range(2, 7)], held_out.HELD_OUT: []}


def test_fewer_triplets_are_evenly_spread():
    found = held_out.choose({"d/a": list(range(102))}, 1, 0.0, 11)
    frames = [int(line.split()[1]) for line in found[held_out.TRAIN]]
    assert len(frames) == 11 and frames[0] == 1 and frames[-1] == 100
    assert {b - a for a, b in zip(frames, frames[1:])} <= {9, 10, 11}


def test_of_a_short_video_more_is_held_out():
    found = held_out.choose({"d/a": list(range(40))}, 3, 0.1, 0)
    assert [len(lines) for lines in found.values()] == [24, 4]


def test_too_short_a_video_and_wrong_numbers_are_refused():
    with pytest.raises(ValueError, match="--held_out=0.1: of 8 frames 0 triplets .* 2 are held"):
        held_out.choose({"d/a": list(range(4)), "d/b": list(range(4))}, 1, 0.1, 0)
    with pytest.raises(ValueError, match="--held_out=0.9: expected"):
        held_out.check(0.9, 0)
    with pytest.raises(ValueError, match="--max_triplets=-1"):
        held_out.check(0.1, -1)


def test_the_end_is_held_out(tmp_path):
    source = folder(tmp_path / "trip", [drive(n) for n in range(24)])
    options = prepare.Options(
        *(str(source), str(tmp_path / "out"), "", 70.0),
        stride="1",
        held_out=0.25,
        max_triplets=10,
    )
    report, prepared = prepare.prepare(options)
    counts = {name: manifest["count"] for name, manifest in prepared.items()}
    assert counts == {prepare.RECORDS: 10, prepare.HELD_OUT_RECORDS: 4}
    assert prepare.prepare(options) == (report, prepared)
    names = "train.txt", "held_out.txt"
    lines = [(tmp_path / "out" / name).read_text() for name in names]
    for other in ({"held_out": 0.4}, {"max_triplets": 5}, {"held_out": 0.0, "max_triplets": 0}):
        with pytest.raises(ValueError, match="--held_out=.* --max_triplets=.* made with other val"):
            prepare.prepare(dataclasses.replace(options, **other))
    with pytest.raises(ValueError, match="--stride=2: .*records was made with 1; keep it"):
        prepare.prepare(dataclasses.replace(options, stride="2"))
    assert lines == [(tmp_path / "out" / name).read_text() for name in names]
    assert prepare.prepare(options) == (report, prepared)


def test_a_data_set_without_held_out_frames_is_left_as_it_is(tmp_path):
    source = folder(tmp_path / "trip", [drive(n) for n in range(24)])
    options = prepare.Options(str(source), str(tmp_path / "out"), fov_deg=70.0, stride="1")
    prepare.prepare(options)
    before = sorted((tmp_path / "out").rglob("*"))
    words = "--held_out=0.25 --max_triplets=0: .*records was made without these flags; keep"
    with pytest.raises(ValueError, match=words) as error:
        prepare.prepare(dataclasses.replace(options, held_out=0.25))
    assert "split" not in str(error.value)
    assert sorted((tmp_path / "out").rglob("*")) == before


def test_a_list_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / held_out.TRAIN).mkdir()
    with pytest.raises(OSError, match=f"cannot write {tmp_path / held_out.TRAIN}: .*; re-run"):
        held_out.write(tmp_path, {held_out.TRAIN: ["d/a 1"], held_out.HELD_OUT: []})
