"""Import plugins of others: an entry point that names ``get_flow(**kwargs)``, as plugins for Glance do.

What such a plugin may count on is written down in ``docs/plugins/writing.md``; nothing here is for it to import.
"""
