"""The web application on a real MySQL: rights, documents over REST, people, loading, pages."""
