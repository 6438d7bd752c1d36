"""The development server: model versions, REST, gRPC and the page.

Uses: bundle.
"""
