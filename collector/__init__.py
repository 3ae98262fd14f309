"""The centre: takes records in, keeps them, watches them, shows them, and hands them on. Promises nothing it has not committed."""
