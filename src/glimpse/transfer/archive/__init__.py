"""Archives: what holds a disk image among other files. Found by content, parsed in a confined child process.

``magic`` tells which archive a stream is, ``reader`` what is in it, ``disk`` which member is the disk. To add a format
that libarchive can read: a line in ``magic`` and one in ``program``.
"""
