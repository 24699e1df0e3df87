"""Addresses that differ by an accent are different people; the server's default collation takes them for one."""

from django.db import migrations

import backend.accounts.fields


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_cache_table")]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="email",
            field=backend.accounts.fields.ExactEmailField(max_length=254, unique=True),
        ),
    ]
