"""What every program stands on, once: clock, log, MQTT session, database file."""
