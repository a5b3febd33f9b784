"""What ``vibn bench`` measures: rows of figures, each beside its budget and its peers.

Every ratio is between two figures of the same run, measured in turns (one round of ours, one of
the peer), because machines are shared and noisy.
"""
