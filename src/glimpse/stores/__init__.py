"""Where images' bytes are kept: the interface (``base``), the drivers, and the registry that makes them."""
