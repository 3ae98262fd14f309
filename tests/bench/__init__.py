"""The performance table: ``python -m tests.bench [NAME…]`` (``make bench``). Each module here measures one thing and gives its rows."""
