"""Whose word a target takes: bytes, keys, what was accepted before → a wanted state, or an error.

A site that names keys has its wanted states and bundles signed. A target notes the keys with the
first that it accepts, and from then on takes nothing that they have not signed: the next site's
keys are noted only when one of the present ones has signed for them. No file is read and no program
run here: nodes need no OpenSSH.
"""
