"""Rays, textures and light: a view of the world as an image."""
