"""The MongoDB side: a source (change stream) and a target. Never imports `sync.mysql`."""
