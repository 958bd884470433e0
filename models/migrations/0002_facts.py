"""What Tortoise cannot declare: ranges kept from dates, exclusion and check constraints, unique keys on bytes."""

from tortoise import migrations
from tortoise.migrations import operations as ops

DATED = (
    "region",
    "branch",
    "responsibility",
    "membership",
    "exemption",
    "role_grant",
    "residence",
    "tier",
    "home",
    "assignment",
)
# The owner stands in these indexes as bytes and the days as a range of their own, so that the planner cannot mistake
# them for a way to look something up:
# reading goes through the btree on the id, which is twice as fast, and which never lost an entry.
ONE_AT_A_TIME = {  # constraint -> (table, whose, condition)
    "responsibility_one_branch": ("responsibility", "region_id", "kind = 'branch_micro_grid'"),
    "membership_one_branch": ("membership", "person_id", "true"),
    "residence_one_place": ("residence", "household_id", "true"),
    "home_one_household": ("home", "person_id", "true"),
    "assignment_one_primary": ("assignment", "household_id", "role = 'primary'"),
}
CHOICES = {
    "region": "level IN ('province', 'city', 'county', 'township', 'village', 'group', 'grid', 'micro_grid')",
    "branch": "kind IN ('general_branch', 'branch', 'party_group')",
    "responsibility": "kind IN ('branch_village', 'cadre_area', 'branch_micro_grid')"
    " AND num_nonnulls(branch_id, person_id) = 1 AND (kind <> 'branch_micro_grid' OR branch_id IS NOT NULL)",
    "membership": "kind IN ('full', 'probationary', 'cadre', 'grid_worker', 'villager_rep')",
    "exemption": "reason IN ('age', 'illness', 'away', 'other')",
    "role_grant": "num_nonnulls(region_id, branch_id) = 1",
    "residence": "status IN ('resident', 'away', 'nominal')",
    "assignment": "role IN ('primary', 'backup') AND source IN ('mutual_choice', 'appointed')",
    "session": "kind IN ('phone', 'console') AND num_nonnulls(identity_id, account_id) > 0",
    "visit": "mode IN ('in_person', 'remote', 'gathering') AND outcome IN ('met', 'not_home', 'declined')",
    "household": "closed_on IS NULL OR closed_on >= opened_on",
}
UNIQUE = {
    "wechat_identity_openid": "wechat_identity (openid_index)",
    "session_token": "session (token_hash)",
    "invitation_code": "invitation (code_hash)",
    "region_code_level": "region (code, level, valid_from) WHERE code IS NOT NULL",
    "household_code": "household (code) WHERE code IS NOT NULL",
}

FORWARD = [
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    *(
        f"ALTER TABLE {table} ADD CONSTRAINT {table}_dates CHECK (valid_to >= valid_from),"
        f" ADD COLUMN during daterange GENERATED ALWAYS AS (daterange(valid_from, valid_to)) STORED"
        for table in DATED
    ),
    *(
        f"ALTER TABLE {table} ADD CONSTRAINT {name}"
        f" EXCLUDE USING gist (uuid_send({whose}) WITH =, daterange(valid_from, valid_to) WITH &&) WHERE ({condition})"
        for name, (table, whose, condition) in ONE_AT_A_TIME.items()
    ),
    *(f"ALTER TABLE {table} ADD CONSTRAINT {table}_choices CHECK ({check})" for table, check in CHOICES.items()),
    *(f"CREATE UNIQUE INDEX {name} ON {target}" for name, target in UNIQUE.items()),
    # A visit is a fact of one day; whether it is a contact follows from the row alone.
    "ALTER TABLE visit"
    " ADD COLUMN during daterange GENERATED ALWAYS AS (daterange(occurred_on, occurred_on + 1)) STORED,"
    " ADD COLUMN contact boolean GENERATED ALWAYS AS (voided_at IS NULL AND outcome = 'met') STORED",
    "ALTER TABLE audit_entry SET (fillfactor = 80)",  # sealing updates each row once
    "CREATE INDEX audit_entry_unsealed ON audit_entry (id) WHERE seal_no IS NULL",
    "CREATE INDEX audit_entry_sealed ON audit_entry (seal_no) WHERE seal_no IS NOT NULL",
]
BACKWARD = [
    "DROP INDEX audit_entry_sealed",
    "DROP INDEX audit_entry_unsealed",
    "ALTER TABLE audit_entry RESET (fillfactor)",
    "ALTER TABLE visit DROP COLUMN contact, DROP COLUMN during",
    *(f"DROP INDEX {name}" for name in UNIQUE),
    *(f"ALTER TABLE {table} DROP CONSTRAINT {table}_choices" for table in CHOICES),
    *(f"ALTER TABLE {table} DROP CONSTRAINT {name}" for name, (table, _, _) in ONE_AT_A_TIME.items()),
    *(f"ALTER TABLE {table} DROP COLUMN during, DROP CONSTRAINT {table}_dates" for table in DATED),
]


class Migration(migrations.Migration):
    dependencies = [("lianhu", "0001_initial")]
    operations = [ops.RunSQL(FORWARD, BACKWARD)]
