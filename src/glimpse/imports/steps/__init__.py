"""The steps of the import flow, one file each: what it does and how it is taken back."""
