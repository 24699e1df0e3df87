"""People and role requests as the API shows them."""

from rest_framework import serializers

from backend.accounts.models import RoleRequest, User


class MeSerializer(serializers.ModelSerializer[User]):
    """Who is logged in."""

    requested_role = serializers.CharField(read_only=True, allow_null=True)

    class Meta:
        model = User
        fields = ("email", "role", "requested_role", "date_joined")
        read_only_fields = fields


class RoleRequestSerializer(serializers.ModelSerializer[RoleRequest]):
    """A wish for a role."""

    email = serializers.EmailField(source="user.email", read_only=True)
    decided_by = serializers.EmailField(source="decided_by.email", read_only=True, allow_null=True, default=None)

    class Meta:
        model = RoleRequest
        fields = ("id", "email", "role", "state", "requested_at", "decided_by", "decided_at")
        read_only_fields = fields
