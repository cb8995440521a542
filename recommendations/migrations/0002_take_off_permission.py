"""Taking a movie off a user's currently watching is a right of its own."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("recommendations", "0001_user_lists"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="userlists",
            options={
                "permissions": [("take_off", "Can take movies off currently watching, and bring them back")],
                "verbose_name_plural": "user lists",
            },
        ),
    ]
