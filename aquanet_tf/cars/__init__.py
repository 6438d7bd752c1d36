"""Cars in hand-labeled boxes: does their depth stand on the road, and do masks find those that
move? NumPy only.

`boxes` reads and checks the boxes, `contact` divides the depth of a car by that of the road around
it, `masks` measures SPIMO masks inside and outside the boxes. The verb is `aquanet_tf.contact`.

Uses: evaluation, media.
"""
