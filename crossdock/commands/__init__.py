"""What the command line says: one module a group of commands, imported when it is used."""
