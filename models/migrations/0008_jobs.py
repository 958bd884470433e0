"""The job queue of procrastinate 3.10 in a schema of its own, as its package writes it.

An upgrade of the package that changes the queue brings a migration of ours with it.
"""

from pathlib import Path

from tortoise import migrations
from tortoise.migrations import operations as ops

FORWARD = [
    "CREATE SCHEMA jobs",
    "SET LOCAL search_path TO jobs, public",
    (Path(__file__).parent / "procrastinate_3_10.sql").read_text(),
    # Called from our own transactions, whose connections do not look into this schema.
    "ALTER FUNCTION jobs.procrastinate_defer_jobs_v1 SET search_path = jobs, public",
    "SET LOCAL search_path TO DEFAULT",
]


class Migration(migrations.Migration):
    dependencies = [("lianhu", "0007_rosters")]
    operations = [ops.RunSQL(FORWARD, ["DROP SCHEMA jobs CASCADE"])]
