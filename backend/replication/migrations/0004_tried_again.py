from django.db import migrations, models


class Migration(migrations.Migration):
    """What the engine's own table has; `lockstep setup` makes the column."""

    dependencies = [("replication", "0003_collectionstanding")]

    operations = [
        migrations.AddField("conflictdetail", "tried_again", models.BooleanField(default=False)),
    ]
