"""Eq. 10: the weights of the options, the sum, the term that is not finite."""

import numpy as np
import pytest
import tensorflow as tf

from aquanet_tf.config.options import Config
from aquanet_tf.losses import objective


def test_weights_are_the_papers_by_default():
    values = dict.fromkeys(("photometric", "perceptual", "smoothness", "boosting"), tf.ones([2]))
    terms = objective.terms(Config(), **values)
    assert [term.weight for term in terms.values()] == [1.0, 0.01, 0.1, 0.1]


def test_total_is_the_weighted_sum_of_the_means():
    config = Config(smoothness_weight=0.5)
    values = {"photometric": tf.constant([1.0, 3.0]), "smoothness": tf.constant([2.0, 4.0])}
    loss, means = objective.total(objective.terms(config, **values))
    assert float(loss) == 3.5
    assert {name: float(mean) for name, mean in means.items()} == {
        "photometric": 2.0,
        "smoothness": 3.0,
    }


def test_the_term_that_is_not_finite_is_named():
    values = {"photometric": tf.ones([2]), "boosting": tf.constant([1.0, np.nan])}
    with pytest.raises(tf.errors.InvalidArgumentError, match="the boosting loss is not finite"):
        objective.total(objective.terms(Config(), **values))
