"""What the service costs: speed and memory, measured on a real one. README.md has method, machine and figures."""
