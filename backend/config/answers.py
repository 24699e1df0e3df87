"""Errors of the API that are told in its own shape and not by Django's pages."""

from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.response import Response
from rest_framework.views import exception_handler


class BodyTooLarge(APIException):
    """The body is longer than `DATA_UPLOAD_MAX_MEMORY_SIZE`, which also keeps documents far below MongoDB's 16 MB."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"

    def __init__(self) -> None:
        super().__init__(f"A body of up to {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes is allowed.")


def answer(exception: Exception, context: dict[str, Any]) -> Response | None:
    """The API's answer to what a view raised; None for what is the server's own failure."""
    return exception_handler(BodyTooLarge() if isinstance(exception, RequestDataTooBig) else exception, context)
