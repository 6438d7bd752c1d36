"""The losses of Eq. 10 to 12, as Keras layers and as the functions underneath; all return [B].

`objective` is Eq. 10: which terms there are and what each weighs.

Uses: nothing.
"""

from aquanet_tf.losses.boosting import BoostingLoss
from aquanet_tf.losses.smoothness import SmoothnessLoss
from aquanet_tf.losses.synthesis import SynthesisLoss
from aquanet_tf.losses.vgg import VGG19Features

__all__ = ["BoostingLoss", "SmoothnessLoss", "SynthesisLoss", "VGG19Features"]
