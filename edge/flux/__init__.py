"""``haitan-edge flux``: raw files in, one table of fluxes out, by the same science that runs on the station.

``foreign``  plain CSV of other systems, through a column map beside the station file
``table``    FLUXNET names and units
``command``  the files one after the other, with progress; a bad file is reported and skipped
"""
