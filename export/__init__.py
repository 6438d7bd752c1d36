"""What leaves the project: served models and reports. Imports aquanet_tf, never the reverse."""
