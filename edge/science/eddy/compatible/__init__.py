"""What EddyPro 7 does differently, faults included: the steps that take the place of ours in the compatible chain.

Held to the digits EddyPro 7.0.0 prints for real half-hours. Each difference to the correct chain is named in the module that has it, and
listed with its size in the README of the science package.
"""
