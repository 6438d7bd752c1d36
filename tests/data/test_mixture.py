"""Several data sets as one: shares held exactly, samples spread evenly, clear errors."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from aquanet_tf.config.options import Config
from aquanet_tf.data import manifest, mixture

WEIGHTS = st.lists(st.floats(0.01, 100), min_size=1, max_size=5)


@given(WEIGHTS, st.integers(1, 500))
def test_quotas_keep_the_sum_and_the_shares(weights, samples):
    shares = np.array(weights) / sum(weights)
    quotas = mixture.quotas(shares, samples)
    assert sum(quotas) == samples
    np.testing.assert_array_less(np.abs(quotas - shares * samples), 1 + 1e-5)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_quotas_of_counts_are_the_counts(counts):
    """By default an epoch takes no triplet twice, with the last, incomplete batch left out too."""
    shares = [count / sum(counts) for count in counts]
    assert mixture.quotas(shares, sum(counts)) == counts
    fewer = mixture.quotas(shares, sum(counts) // 3)
    assert all(quota <= count for quota, count in zip(fewer, counts))


def test_decimal_shares_are_no_trap():
    assert mixture.quotas([0.7, 0.3], 10) == [7, 3]
    assert mixture.quotas([0.1] * 10, 30) == [3] * 10
    assert mixture.quotas([1 / 3] * 3, 8) == [3, 3, 2]


def set_indices(numbers, *seed):
    return mixture.set_indices(numbers, tf.constant(seed, tf.int64)).numpy()


@pytest.mark.parametrize("numbers", [[70, 30], [8, 8], [50, 30, 15, 5], [40], [3, 0, 5]])
def test_any_stretch_of_an_epoch_has_its_share_of_every_set(numbers):
    found = set_indices(numbers, 3, 1)
    np.testing.assert_array_equal(np.bincount(found, minlength=len(numbers)), numbers)
    shares = np.array(numbers) / sum(numbers)
    for length in (2, 4, 8, 13):
        for start in range(sum(numbers) - length + 1):
            stretch = found[start : start + length]
            counts = np.bincount(stretch, minlength=len(numbers))
            bound = 1 + shares * len(numbers)
            assert (np.abs(counts - length * shares) < bound + 1e-9).all()


def test_set_indices_depend_on_the_seed_alone():
    np.testing.assert_array_equal(set_indices([20, 30], 1, 2), set_indices([20, 30], 1, 2))
    assert not np.array_equal(set_indices([20, 30], 1, 2), set_indices([20, 30], 1, 3))


def test_directories():
    assert mixture.directories("a") == ["a"]
    assert mixture.directories("a, b/c") == ["a", "b/c"]
    with pytest.raises(ValueError, match="--data_dir=a,: an empty name"):
        mixture.directories("a,")


def test_a_comma_in_a_path(tmp_path):
    both, a, b = tmp_path / "a,b", tmp_path / "a", tmp_path / "b"
    both.mkdir()
    assert mixture.directories(str(both)) == [str(both)]
    assert mixture.directories(f"{tmp_path}/x, {both},{a}") == [f"{tmp_path}/x", str(both), str(a)]
    (tmp_path / "b,").mkdir()
    assert mixture.directories(f"{both},{tmp_path}/b,") == [str(both), f"{tmp_path}/b,"]
    for folder in (a, b):
        folder.mkdir()
    assert mixture.directories(f"{a},{b}") == [str(a), str(b)]


def sets(names, weights=""):
    return mixture.training_sets(Config(data_dir=",".join(map(str, names)), data_weights=weights))


def test_shares_follow_the_numbers_of_triplets_or_the_weights(pair_of_sets):
    found = sets(pair_of_sets)
    assert [each.directory for each in found] == list(pair_of_sets)
    assert [each.share for each in found] == pytest.approx([14 / 18, 4 / 18])
    assert [each.share for each in sets(pair_of_sets, "3,1")] == [0.75, 0.25]
    summary = {"directory": str(pair_of_sets[1]), "share": pytest.approx(4 / 18), "count": 4}
    assert found[1].summary() == {**summary, "image_height": 18, "image_width": 60}


def test_errors_name_the_directory_or_the_flag(pair_of_sets, tmp_path):
    with pytest.raises(ValueError, match="--data_weights=1,2,3 has 3 numbers for the 2 dir"):
        sets(pair_of_sets, "1,2,3")
    with pytest.raises(ValueError, match="nowhere/manifest.json: no such file"):
        sets([pair_of_sets[0], tmp_path / "nowhere"])
    empty = {**manifest.read(pair_of_sets[1]), "count": 0, "shards": []}
    manifest.write(tmp_path, empty)
    with pytest.raises(ValueError, match=f"{tmp_path} holds no triplets"):
        sets([pair_of_sets[0], tmp_path])


@pytest.mark.parametrize("text", ["0.7,x", "1,0", "1,-2", "1,,2", "nan,1", "inf,1"])
def test_weights_must_be_positive_numbers(text):
    with pytest.raises(ValueError, match="--data_weights=.*expected positive numbers"):
        Config(data_weights=text)
