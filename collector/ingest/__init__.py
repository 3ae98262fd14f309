"""Ingest: from the broker to one committed transaction, then the acknowledgement; never the other way round."""
