"""The web application: people, their roles, the domain's REST API and a view of the engine.

It writes its own tables in MySQL and nothing else; it never moves data between the databases.
"""
