"""The full cycle on PostgreSQL with what gathers there, beside an empty one.

Ten days of history, and what is due next week, are written by SQL as copies of
a row that a server made, in partitions as a server would have made them. Last,
a transaction keeps a snapshot while notifications flow at half of the empty
one's rate; nothing that ends meanwhile can be cleaned away."""

from databases import Postgres
from rig import Result, median
from rows import growth
from server import Belfry, batch_body, request

BATCH = 1000
DAYS = 10
PARTED = ('notification', 'ended', 'attempt')

DAY_PARTITIONS = '''
DO $$
DECLARE
    today date := (clock_timestamp() AT TIME ZONE 'UTC')::date;
    below bigint := belfry_first_id(today - %d);
    parent text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['notification', 'ended', 'attempt'] LOOP
        EXECUTE format('ALTER TABLE %%I DETACH PARTITION %%I', parent,
            parent || '_old');
        EXECUTE format('ALTER TABLE %%I ATTACH PARTITION %%I FOR VALUES FROM '
            '(MINVALUE) TO (%%s)', parent, parent || '_old', below);
        FOR day IN 1 .. %d LOOP
            EXECUTE format('CREATE TABLE %%I PARTITION OF %%I FOR VALUES FROM '
                '(%%s) TO (%%s)', parent || to_char(today - day, '_YYYYMMDD'),
                parent, belfry_first_id(today - day),
                belfry_first_id(today - day + 1));
        END LOOP;
    END LOOP;
    UPDATE meta SET value = below WHERE name = 'old_below';
END $$''' % (DAYS, DAYS)

# Evenly over a day: the i-th notification and, by the next id, its delivery.
COPIES = '''
(SELECT first + i * ((86400000::bigint << 22) / {n}) AS id,
((first + i * ((86400000::bigint << 22) / {n})) >> 22) + 1704067200000 AS ms,
'user-' || (i::bigint * 7919 %% 100000) AS user_id
FROM belfry_first_id((clock_timestamp() AT TIME ZONE 'UTC')::date - {day})
AS first, generate_series(0, {n} - 1) AS i) AS x'''.replace('%%', '%')

NOTIFICATIONS = '''
INSERT INTO notification (tenant, id, created_ms, first_delivery,
last_delivery, template_version, n_recipients, priority, is_cancelled,
template_key, note, request_id, traceparent, doc)
SELECT n.tenant, x.id, x.ms, x.id + 1, x.id + 1, n.template_version,
n.n_recipients, n.priority, false, n.template_key, n.note, n.request_id,
n.traceparent, n.doc FROM sample_notification n, ''' + COPIES

ENDED = '''
INSERT INTO ended (tenant, id, notification, created_ms, updated_ms, at_ms,
recipient, attempts, call_ms, call_status, priority, status, user_id, channel,
provider, reason, error, verdict, detail)
SELECT e.tenant, x.id + 1, x.id, x.ms, x.ms + 5, x.ms + 5, e.recipient,
e.attempts, e.call_ms, e.call_status, e.priority, e.status, x.user_id,
e.channel, e.provider, e.reason, e.error, e.verdict, e.detail
FROM sample_ended e, ''' + COPIES

# In the order of when they are due, which is not that of their ids.
WAITING = '''
INSERT INTO waiting (tenant, id, notification, due_ms, lane, rank, created_ms,
updated_ms, recipient, attempts, priority, status, user_id, channel, provider)
SELECT e.tenant, x.id + 1, x.id,
x.ms + 86400000 * (7 + {day}) + (x.id >> 22) * 7919 % 86400000,
p.num, x.ms, x.ms, x.ms, e.recipient, 0, e.priority, 3, x.user_id, e.channel,
e.provider FROM (SELECT num FROM object WHERE kind = 3 LIMIT 1) p,
sample_ended e, ''' + COPIES

DEAD_TUPLES = '''
SELECT relname AS name, n_dead_tup::int AS n FROM pg_stat_user_tables
WHERE relname IN ('ready', 'intent', 'lane', 'node', 'meta') ORDER BY 2 DESC'''

# What a lane reads when it begins at its start, as each does now and then.
SWEEP = '''
EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM ready
WHERE lane <> 0 AND lane =
(SELECT num FROM object WHERE kind = 3 LIMIT 1)
AND (rank, id) > (-9223372036854775808, -9223372036854775808)
ORDER BY rank, id LIMIT 500'''


class Contestant:
    """A server on a database of its own, and how many it has delivered."""

    def __init__(self, r, database, name):
        self.r, self.database, self.name = r, database, name
        self.s = Belfry(r, name, database.fresh(name))
        self.s.provide('webhook', 'null', {}, concurrency=1024)
        self.ended = 0

    def ask(self, *statements):
        return self.database.ask(*statements, database=self.name)

    def cycle(self, n):
        own, its = self.s.cpu_us(), self.database.cpu_us()
        written = self.database.written()
        rate = growth.cycle(self.r, self.s, n, self.ended)
        self.ended += n
        return {'rate': rate, 'own': (self.s.cpu_us() - own) / n,
                'database': (self.database.cpu_us() - its) / n,
                'written': (self.database.written() - written) / n}

    def flow(self, rate, seconds):
        """By an open loop."""
        answer = self.r.load(
            self.s, request('POST', '/v1/notifications/batch',
                            batch_body(BATCH, 'webhook')), '-c', 8, '-t',
            seconds, '-q', max(1, int(rate / BATCH)))
        self.ended += answer['requests'] * BATCH
        self.s.wait_until_ended(self.ended, 600)
        return answer

    def take_samples(self):
        self.cycle(BATCH)
        self.ask(*(f'CREATE TABLE sample_{t} AS SELECT * FROM {t} LIMIT 1'
                   for t in ('notification', 'ended')))

    def end(self):
        self.r.end(self.s)
        self.database.ask(f'DROP DATABASE {self.name} WITH (FORCE)')


def settle(one, *tables):
    """As autovacuum leaves it."""
    one.ask('DROP TABLE sample_notification, sample_ended',
            *(f'VACUUM (ANALYZE) {t}' for t in tables), 'CHECKPOINT')


def add_history(one, n):
    one.take_samples()
    one.ask('BEGIN', DAY_PARTITIONS, 'COMMIT')
    for day in range(1, DAYS + 1):
        one.ask(*(text.format(n=n // DAYS, day=day)
                  for text in (NOTIFICATIONS, ENDED)))
    settle(one, *PARTED)


def add_scheduled(one, n):
    one.take_samples()
    one.ask('BEGIN', DAY_PARTITIONS, 'COMMIT')
    for day in range(1, DAYS + 1):
        one.ask(*(text.format(n=n // DAYS, day=day)
                  for text in (NOTIFICATIONS, WAITING)))
    settle(one, 'notification', 'waiting')


def in_turns(one, empty, rounds, n):
    """Rates of it and of the empty one."""
    ours, beside = [], []
    for _ in range(rounds):
        beside.append(empty.cycle(n))
        ours.append(one.cycle(n))
    return ours, beside


def middle(rounds, key):
    return median([one[key] for one in rounds])


def costs(rounds):
    return (f"{middle(rounds, 'own'):.1f} µs of CPU each and "
            f"{middle(rounds, 'database'):.1f} in the database, "
            f"{middle(rounds, 'written'):,.0f} bytes of log")


def result(what, rounds, goal, notes):
    ours, beside = rounds
    rate, bare = middle(ours, 'rate'), middle(beside, 'rate')
    return Result('growth_pg', what, rate, '/s', bare, 'empty', f'≥ {goal}',
                  rate >= goal * bare, [f'{costs(ours)}; empty: '
                                        f'{costs(beside)}', *notes],
                  [ours, beside])


def grown(r, database, empty, n, what, add, goal):
    one = Contestant(r, database, 'grown')
    add(one)
    rounds = in_turns(one, empty, r.size.rounds, n)
    size = one.ask("SELECT pg_size_pretty(pg_database_size('grown')) AS s")
    one.end()
    return result(what, rounds, goal, [f"the database has {size[0]['s']}"])


def what_is_dead(one):
    one.ask('SELECT pg_stat_force_next_flush()')
    dead = ', '.join(f"{row['name']} {row['n']:,}" for row in
                     one.ask(DEAD_TUPLES))
    plan = one.ask(SWEEP)[0]['QUERY PLAN'][0]
    blocks = sum(plan['Plan'][k] for k in ('Shared Hit Blocks',
                                           'Shared Read Blocks'))
    return [f'dead rows: {dead}',
            f"the queue read from its start: {plan['Execution Time']:.1f} ms, "
            f'{blocks:,} blocks']


def held(r, database, empty, n):
    seconds = r.size.seconds(300)
    one = Contestant(r, database, 'held')
    one.cycle(n)
    snapshot = database.hold('held')
    flow = one.flow(empty.cycle(n)['rate'] / 2, seconds)
    rounds = in_turns(one, empty, r.size.rounds, n)
    notes = what_is_dead(one)
    r.end(snapshot)
    one.end()
    return result(f'with a snapshot held for {seconds} s', rounds, 0.5,
                  [f"{flow['requests'] * BATCH:,} came in that time, in "
                   f"batches with a p99 of {flow['p99_us'] / 1000:.0f} ms",
                   *notes])


def measure(r):
    n, scheduled = r.size.of(100_000), r.size.of(2_000_000)
    history = r.size.history or r.size.of(10_000_000)
    database = Postgres(r)
    empty = Contestant(r, database, 'empty')
    empty.cycle(n)
    results = [
        grown(r, database, empty, n, f'{history:,} of history',
              lambda one: add_history(one, history), 0.9),
        grown(r, database, empty, n, f'{scheduled:,} due next week',
              lambda one: add_scheduled(one, scheduled), 0.9),
        held(r, database, empty, n),
    ]
    empty.end()
    r.end(database)
    return results
