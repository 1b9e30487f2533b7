"""The tests, in the shape of the package; a package themselves, so that two may share a name."""
