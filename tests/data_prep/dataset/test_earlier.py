"""What an earlier run has left: kept by the same plan alone."""

import types

import pytest

from aquanet_tf import files
from data_prep.dataset import earlier
from data_prep.dataset.plan import Plan


def plan(count=2, **arguments):
    items = [types.SimpleNamespace(key=str(i), paths=()) for i in range(count)]
    return Plan(items, None, arguments, "png", 8, "raw", {})


def begin(folder, made):
    folder.mkdir()
    state = {"arguments": made.arguments, "plan": made.fingerprint(), "shards": {}}
    files.write(folder / earlier.PROGRESS, state)


def test_an_empty_folder_has_nothing_to_keep(tmp_path):
    assert earlier.kept(tmp_path / "new", plan()) == {} == earlier.kept(tmp_path, plan())
    assert earlier.arguments(tmp_path) is None
    for name in (".manifest.json.0123456789ab.tmp", "triplets-00000-of-00001.tfrecord.error.tmp"):
        (tmp_path / name).touch()
    assert earlier.kept(tmp_path, plan()) == {}
    (tmp_path / "mine.tmp").touch()
    with pytest.raises(ValueError, match="not empty and not a data set"):
        earlier.kept(tmp_path, plan())


def test_the_same_plan_goes_on(tmp_path):
    begin(tmp_path / "out", plan(stride=1))
    assert earlier.kept(tmp_path / "out", plan(stride=1)) == {}, "no shard is finished yet"
    assert earlier.arguments(tmp_path / "out") == {"stride": 1}


def test_the_place_of_a_split_does_not_matter(tmp_path):
    """Earlier versions noted it as it was typed."""
    begin(tmp_path / "out", plan(split="train.txt", split_content="1a"))
    assert earlier.kept(tmp_path / "out", plan(split="/a/train.txt", split_content="1a")) == {}
    with pytest.raises(ValueError, match="split was 'train.txt', is '/a/b.txt'; split_content was"):
        earlier.kept(tmp_path / "out", plan(split="/a/b.txt", split_content="2b"))
    with pytest.raises(ValueError, match=r"\(stride was None, is 2\)"):
        earlier.kept(tmp_path / "out", plan(split="/a/c.txt", split_content="1a", stride=2))


@pytest.mark.parametrize(
    "other, words",
    [
        (plan(stride=2), r"with other arguments \(stride was 1, is 2\); choose another --out"),
        (plan(3, stride=1), r"raw data has changed .*\(other triplets are chosen now\); restore"),
    ],
)
def test_another_plan_is_refused(other, words, tmp_path):
    begin(tmp_path / "out", plan(stride=1))
    with pytest.raises(ValueError, match=words):
        earlier.kept(tmp_path / "out", other)


def test_what_is_no_data_set_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match="not empty and not a data set"):
        earlier.kept(tmp_path, plan())
    with pytest.raises(ValueError, match="not a directory"):
        earlier.kept(tmp_path / "notes.txt", plan())
    (tmp_path / earlier.PROGRESS).write_text("[]")
    for read in (earlier.arguments, lambda folder: earlier.kept(folder, plan())):
        with pytest.raises(ValueError, match="progress.json: damaged, or not of a data set"):
            read(tmp_path)
