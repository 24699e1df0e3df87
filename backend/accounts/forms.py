"""What sign-up asks beyond e-mail and password."""

from django import forms
from django.http import HttpRequest

from backend.accounts.models import Role, RoleRequest, User


class RequestedRoleForm(forms.Form):
    """The role a person would like. Everybody starts as a customer; a higher role is only asked for here."""

    requested_role = forms.ChoiceField(
        choices=Role.choices,
        required=False,
        initial=Role.CUSTOMER,
        label="Role",
        help_text="You start as a customer. Any other role is a request that an authorised person grants or refuses.",
    )

    def signup(self, request: HttpRequest, user: User) -> None:
        """Called once the user is saved; notes the wish and changes nothing about the user."""
        role = self.cleaned_data["requested_role"] or Role.CUSTOMER
        if role != Role.CUSTOMER:
            RoleRequest.objects.create(user=user, role=role)
