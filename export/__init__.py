"""What leaves the project: served models and reports. Imports aquanet_tf, never the reverse."""

import aquanet_tf  # noqa: F401, before TensorFlow, whose log it makes quieter
