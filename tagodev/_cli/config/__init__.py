"""Settings of the command line: the config file, the keyring, and which value wins."""
