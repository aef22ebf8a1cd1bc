"""The tables of the shop, as `makemigrations` has written it."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import gateway_django.fields


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Book",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                ("author", models.CharField(max_length=200)),
                ("price", gateway_django.fields.MoneyField()),
                ("stock", models.PositiveIntegerField()),
            ],
            options={
                "db_table": "books",
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("email", models.EmailField(max_length=200)),
                ("amount", gateway_django.fields.MoneyField()),
                ("placed_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("reserved", models.BooleanField(default=True, help_text="Its books are off the shelf.")),
                (
                    "trouble",
                    models.CharField(blank=True, help_text="What to tell a buyer who has not paid.", max_length=200),
                ),
                ("paid_at", models.DateTimeField(blank=True, null=True)),
                ("refunded_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "orders",
            },
        ),
        migrations.CreateModel(
            name="Mail",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("recipient", models.EmailField(max_length=200)),
                ("subject", models.CharField(max_length=200)),
                ("order", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="django_shop.order")),
            ],
            options={
                "db_table": "mails",
            },
        ),
        migrations.CreateModel(
            name="Line",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                ("price", gateway_django.fields.MoneyField()),
                ("book", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="django_shop.book")),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="lines", to="django_shop.order"
                    ),
                ),
            ],
            options={
                "db_table": "order_lines",
            },
        ),
        migrations.CreateModel(
            name="Errand",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("capture", "Capture"), ("refund", "Refund")], max_length=16)),
                ("invoice_id", models.CharField(max_length=255)),
                ("done_at", models.DateTimeField(blank=True, db_index=True, null=True)),
                ("order", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="django_shop.order")),
            ],
            options={
                "db_table": "errands",
            },
        ),
        migrations.CreateModel(
            name="Parcel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("packed_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("order", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="django_shop.order")),
            ],
            options={
                "db_table": "parcels",
            },
        ),
    ]
