"""The store: every record the centre has committed, byte for byte, with its ledger and half-hour rollups, in one SQLite file."""
