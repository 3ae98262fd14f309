"""The operator's page: its sources (TypeScript), and the door that bundles them into ``dist``, which the collector serves."""
