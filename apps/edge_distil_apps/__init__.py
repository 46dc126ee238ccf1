"""What people run: the command line, the demonstration and, later, study, serve and search."""
