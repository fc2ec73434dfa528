"""Erasure: what is ours of a user is taken away, for he has a right to be forgotten. `run.py erase --user N`.

Not in `app.FEATURES`: no server runs its statements, so none needs the rights for them. The command runs its actions
one after the other, each a short transaction of its own beside running servers; all of them may be run again.

- His messages stay as deleted ones without text and picture, for a thread holds together. Partners' logs tell of it.
- Partners' logs hold neither what he wrote nor his name. Every number stays, so clients converge.
- His own log, idempotency keys, blocks and cleared conversations go; pictures that no one else's message uses, too.

What others wrote to him is theirs, and so are their blocks. `Users` and `Posts` are ReGoods'.
"""
