"""The files beside an exported model: metadata, model card, parity, warm-up requests.

Uses: nothing.
"""
