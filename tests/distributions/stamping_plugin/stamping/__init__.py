"""Import plugins that leave a mark."""
