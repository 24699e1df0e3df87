"""Lockstep's engine: keeps a MySQL database and a MongoDB database equal. It never imports Django."""
