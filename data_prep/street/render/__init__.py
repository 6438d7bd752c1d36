"""Rays, textures and light: the world as images, depth maps and motion masks."""
