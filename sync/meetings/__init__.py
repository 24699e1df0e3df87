"""Documents that both sides edited, looked at twice and made equal (design 2.4): each worker's half.

`looking` is the follower's: it reads both sides, marks, decides and writes MongoDB. `settling` is the listener's: it meets
the marks, writes MySQL and closes.
"""
