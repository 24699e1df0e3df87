"""How the web application is put together: settings, addresses, the WSGI entry."""
