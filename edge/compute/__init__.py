"""Science in a process of its own: the agent asks, a child answers, and a crash there costs one window's result, never the agent.

``messages`` and ``request`` are the agent's side of the contract and never import NumPy; ``worker`` is the child; the other modules turn
one kind of request into an answer by calling `edge.science`. The same functions serve `haitan-edge flux`, so a file computed again gives
the same digits.
"""
