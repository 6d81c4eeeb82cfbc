"""``hubfuzz init``: a commented target file, and a first look at the live server, step by step."""
