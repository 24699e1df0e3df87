"""How lists are cut into pages; every list of the API uses this."""

from rest_framework.pagination import PageNumberPagination


class Pages(PageNumberPagination):
    """20 entries a page; `page_size` asks for up to 100."""

    page_size = 20
    page_size_query_param = "page_size"
    max_page_size = 100
