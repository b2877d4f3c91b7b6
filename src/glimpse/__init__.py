"""Glimpse: an Image service for virtual-machine images that speaks the OpenStack Image API v2."""

__version__ = "0.1.0"
