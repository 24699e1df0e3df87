"""The exhaustive search for counter-examples to the meeting: one document, every interleaving of its users and both workers.

Read `state` (what a moment is), `rules` (the product's own functions, which a test may leave out one by one), `moves` (who
may do what), `laws` (what must hold at the end) and `search` in this order.
"""
