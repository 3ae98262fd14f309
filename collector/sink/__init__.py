"""The sink: hands committed records on to a time-series database, with its own cursor, never in the way of ingest."""
