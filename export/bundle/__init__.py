"""What lies beside an exported model: metadata, card, parity, warm-up requests.

Uses: nothing.
"""
