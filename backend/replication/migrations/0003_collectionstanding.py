from django.db import migrations, models


class Migration(migrations.Migration):
    """Of the engine's own table and column; here only Django is told of them."""

    dependencies = [
        ("replication", "0002_rulings"),
    ]

    operations = [
        migrations.AddField("conflictdetail", "base", models.JSONField(null=True)),
        migrations.CreateModel(
            name="CollectionStanding",
            fields=[
                ("name", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("state", models.CharField(max_length=16)),
                ("side", models.CharField(max_length=8)),
                ("reason", models.TextField()),
                ("whole", models.BooleanField()),
                ("committed_at", models.BigIntegerField()),
                ("position", models.JSONField()),
                ("version", models.BigIntegerField()),
                ("since", models.DateTimeField()),
            ],
            options={
                "db_table": "sync_collection",
                "managed": False,
            },
        ),
    ]
