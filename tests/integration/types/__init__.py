"""Every codec on every type of column, on real servers."""
