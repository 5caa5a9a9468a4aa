"""Ten times the indicators and ten times the months of the demo data, in less than a minute.

History is ten times as many months, not ten states of each figure: months are what grows in use (60 of them in five
years), and pages that show a series have more to show, so this is the harder of the two. 600 indicators × 600 months
× 5 districts are 1.4 million figures with their states, ranks and judgements, a hundred times the demo data.

Rows are copied inside PostgreSQL: a copy's key is the row's own plus as many whole tables as copies come before it,
and the same goes for each key that it names. Copies of an indicator do not stand in the cockpit: which ones do is
chosen, not a matter of size. Constraints and indexes are taken away and made again, which also checks every row.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import psycopg

INDICATORS, PASTS, YEARS = 10, 10, 5  # the demo data has five years of months
BY_INDICATOR = tuple(f"indicators_{name}" for name in ("indicator", "indicatorversion", "indicatornode", "assignment"))
BY_MONTH = tuple(
    f"indicators_{name}" for name in ("target", "targetpoint", "observation", "vintage", "rank", "lightresult")
)
TABLES = (*BY_INDICATOR, *BY_MONTH)
# Of a copy: number i of the indicator, h times YEARS ago.
OTHERWISE = {
    ("indicators_indicator", "code"): "code || '-' || i",
    ("indicators_indicator", "name"): "name || '（' || i || '）'",
    ("indicators_indicator", "is_headline"): "false",
    ("indicators_target", "code"): "code || '-' || i || '-' || h",
    ("indicators_target", "is_headline"): "false",
    ("indicators_vintage", "entry_id"): "NULL::bigint",
}


@dataclass
class Table:
    name: str
    rows: int = 0  # at most; the largest key
    columns: dict[str, str] = field(default_factory=dict)  # name → type
    keys: dict[str, str] = field(default_factory=dict)  # column → table that grows as well

    @property
    def number(self) -> str:
        """SQL for the number of the copy."""
        return "i" if self.name in BY_INDICATOR else f"(i + {INDICATORS} * h)"


def grow(owner_url: str) -> None:
    """Grows a database that holds the demo data; for reading only, since new rows would meet the copies' keys."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        with owner.transaction():
            owner.execute("SET LOCAL maintenance_work_mem = '256MB'")
            tables = read_tables(owner)
            restore = strip(owner)
            for name in TABLES:
                owner.execute(f"ALTER TABLE {name} DISABLE TRIGGER USER")  # history, and refusals to write it
                owner.execute(copy_statement(tables[name], tables))
            for statement in restore:
                owner.execute(statement)
            for name in TABLES:
                owner.execute(f"ALTER TABLE {name} ENABLE TRIGGER USER")
        owner.execute("VACUUM ANALYZE")


def read_tables(owner: psycopg.Connection) -> dict[str, Table]:
    tables = {name: Table(name) for name in TABLES}
    for name, column, kind in owner.execute(
        "SELECT attrelid::regclass::text, attname, atttypid::regtype::text FROM pg_attribute"
        " WHERE attrelid::regclass::text = ANY(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        [list(TABLES)],
    ):
        tables[name].columns[column] = kind
    for name, column, target in owner.execute(
        "SELECT conrelid::regclass::text, attname, confrelid::regclass::text FROM pg_constraint"
        " JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]"
        " WHERE contype = 'f' AND conrelid::regclass::text = ANY(%(names)s)"
        " AND confrelid::regclass::text = ANY(%(names)s)",
        {"names": list(TABLES)},
    ):
        tables[name].keys[column] = target
    for table in tables.values():
        ((table.rows,),) = owner.execute(f"SELECT max(id) FROM {table.name}")
    return tables


def strip(owner: psycopg.Connection) -> list[str]:
    """Takes constraints and indexes off the tables; the statements that make them again, in an order that works."""
    constraints = owner.execute(
        "SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid), contype::text"
        " FROM pg_constraint WHERE contype = 'f' AND (conrelid::regclass::text = ANY(%(all)s)"
        " OR confrelid::regclass::text = ANY(%(all)s))"
        " OR contype IN ('p', 'u', 'c', 'x') AND conrelid::regclass::text = ANY(%(large)s)",
        {"all": list(TABLES), "large": list(BY_MONTH)},
    ).fetchall()
    indexes = owner.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indrelid::regclass::text = ANY(%s) AND NOT EXISTS"
        " (SELECT 1 FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))",
        [list(BY_MONTH)],
    ).fetchall()
    kinds = defaultdict(list)
    for table, name, definition, kind in constraints:
        kinds[kind].append((table, name, definition))
    for kind in "fpucx":  # foreign keys stand on the others
        for table, name, _ in kinds[kind]:
            owner.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    for name, _ in indexes:
        owner.execute(f"DROP INDEX {name}")
    made = {
        kind: [f"ALTER TABLE {table} ADD CONSTRAINT {name} {text}" for table, name, text in found]
        for kind, found in kinds.items()
    }
    return [
        *(statement for kind in "pucx" for statement in made.get(kind, [])),
        *(definition for _, definition in indexes),
        *made["f"],
    ]


def copy_statement(table: Table, tables: dict[str, Table]) -> str:
    """One INSERT that makes all copies of a table's rows."""
    values = []
    for column, kind in table.columns.items():
        if (table.name, column) in OTHERWISE:
            values.append(OTHERWISE[table.name, column])
        elif column == "id":
            values.append(f"id + {table.number} * {table.rows}")
        elif column in table.keys:
            target = tables[table.keys[column]]
            values.append(f"{column} + {target.number} * {target.rows}")
        elif table.name in BY_MONTH and kind == "date":
            # By the day after, so that the last of a month stays the last of a month.
            values.append(f"({column} + 1 - make_interval(years => {YEARS} * h))::date - 1")
        elif table.name in BY_MONTH and kind == "timestamp with time zone":
            values.append(f"{column} - make_interval(years => {YEARS} * h)")
        else:
            values.append(f'"{column}"')
    columns = ", ".join(f'"{column}"' for column in table.columns)
    pasts = f"generate_series(0, {PASTS - 1}) h, " if table.name in BY_MONTH else ""
    return (
        f"INSERT INTO {table.name} ({columns}) SELECT {', '.join(values)}"
        f" FROM {pasts}generate_series(0, {INDICATORS - 1}) i, {table.name} WHERE {table.number} > 0"
    )
