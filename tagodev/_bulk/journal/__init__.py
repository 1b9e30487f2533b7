"""The journal of a bulk run: an SQLite file, its writer and its reader."""
