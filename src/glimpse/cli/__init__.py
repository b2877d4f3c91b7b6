"""What a person or a unit file starts. Everything heavy is imported by the command that needs it."""
