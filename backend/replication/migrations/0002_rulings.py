from django.db import migrations, models


class Migration(migrations.Migration):
    """The engine adds the columns itself; here only Django is told of them."""

    dependencies = [("replication", "0001_initial")]

    operations = [
        migrations.AddField("conflictdetail", "rulings", models.JSONField(null=True)),
        migrations.AddField("conflictdetail", "questions", models.JSONField(null=True)),
        migrations.AddField("conflictdetail", "asked_at", models.DateTimeField(null=True)),
    ]
