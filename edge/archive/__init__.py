"""The raw archive: every aligned high-rate sample of a window, in one file that EddyPro opens.

While a window is open its rows are appended to a *live* file: gzip members of at most 60 s, each synced, so that a kill costs no
more than the open block. At the window's end the live file is packed into a ``.ghg`` (zip of ``.data`` and ``.metadata``), synced,
renamed and only then removed. A live file carries everything its packing needs; a later program with another station file packs it
just the same.

``layout``   columns, the header of a live file, rows as text
``live``     writing and recovering live files
``pack``     from live file to ``.ghg``
``metadata`` the ``.metadata`` that EddyPro reads
``store``    folders, names, quota
``reader``   a window as NumPy arrays (the only module here that imports NumPy)
"""
