"""The centre's HTTP interface: answers to questions, server-sent events, metrics, and the page."""
