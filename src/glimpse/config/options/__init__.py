"""Every option, one file per group of sections."""
