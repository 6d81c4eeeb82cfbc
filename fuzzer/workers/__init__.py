"""Several processes that explore side by side, each with a session of its own, and one result.

The parent owns everything that there must be one of: the shares of the seed that are still to do, the folder of
failures, the budgets, and who shrinks which fingerprint. Workers own nothing but their session. They are told what to
do through their standard input and say what happens through their standard output; when either ends, so do they.
"""
