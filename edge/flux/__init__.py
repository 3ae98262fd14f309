"""``haitan-edge flux``: raw files in, one table of fluxes out, by the same science that runs on the station.

``files``    any raw file, by its content: our own archive, CSV, TOA5, TOB1, gzipped or not
``text``     CSV and TOA5, through the column map of the station file's ``raw`` section
``tob1``     Campbell's binary TOB1
``periods``  rows with times to windows of one averaging period each
``work``     one file to rows of the table; what a worker process does
``pool``     the files spread over processes; a process that dies costs one file
``table``    FLUXNET names and units (``fluxnet.yaml``), reasons
``command``  progress, notes, exit status
"""
