"""The agent: one process that reads the instruments of a station, keeps what they said, and hands records to the outbox.

    links → `acquisition` → drivers' readings ─→ `book` (slow series: judged, gathered by the minute)
                                              └→ `highrate` → `sampletimes`, `grid` → `windows` → raw archive → `results` (eddy)
    `products` (tide, gas) ask the science child; `recorder` commits; `health`, `presence` tell how the station is; `agent` assembles.

One event loop; what blocks (archive, outbox) has a thread of its own; science has a process of its own. Nothing here imports NumPy. A part
that fails is reported and started again and never touches another (`tasks`).
"""
