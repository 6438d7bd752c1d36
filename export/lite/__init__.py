"""From a depth network to the bytes of a TFLite file: `graph` is the network at one fixed size,
`conversion` makes the file, `float_tensors` says what int8 leaves in float, `calibration` reads the
images that set its scales.

Uses: nothing.
"""
