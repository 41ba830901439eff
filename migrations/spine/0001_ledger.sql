-- The ledger: every event that ever happened, append-only, in commit order.
--
-- Order. An event carries the number of the transaction that wrote it (transaction_order) and its
-- place within that transaction (sequence). Readers look only below the oldest transaction still
-- running (spine.transaction_horizon()), so nothing can appear behind them: gap-free commit order.

CREATE SCHEMA IF NOT EXISTS spine;

-- Both functions share one offset. It is 0 until a dump is restored into another cluster, where
-- transaction numbers start again: spine.guard_order() then raises it above all that is recorded.
CREATE FUNCTION spine.transaction_order() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL RESTRICTED
    RETURN 0::bigint + pg_current_xact_id()::text::bigint;

CREATE FUNCTION spine.transaction_horizon() RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN 0::bigint + pg_snapshot_xmin(pg_current_snapshot())::text::bigint;

-- One row: what this ledger is, and which key file belongs to it.
CREATE TABLE spine.ledger (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    key_fingerprint bytea,
    transaction_offset bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO spine.ledger DEFAULT VALUES;

CREATE SEQUENCE spine.process_number AS bigint;

-- The data keys that seal payloads, wrapped by the node's own key. A row without a wrapped key is a
-- tombstone: its subject was erased or its time is over, and what it sealed is unreadable for ever.
CREATE TABLE spine.subject_key (
    id uuid PRIMARY KEY,
    subject text COLLATE "C" NOT NULL,
    -- Empty, or the retention and time span whose payloads this key seals.
    bucket text COLLATE "C" NOT NULL DEFAULT '',
    wrapped bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    destroyed_at timestamptz,
    CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);
CREATE UNIQUE INDEX subject_key_live ON spine.subject_key (subject, bucket)
    WHERE wrapped IS NOT NULL;
CREATE INDEX subject_key_expiry ON spine.subject_key (expires_at)
    WHERE wrapped IS NOT NULL AND expires_at IS NOT NULL;
CREATE INDEX subject_key_destroyed ON spine.subject_key (destroyed_at)
    WHERE destroyed_at IS NOT NULL;

CREATE TABLE spine.event (
    transaction_order bigint NOT NULL DEFAULT spine.transaction_order(),
    sequence integer NOT NULL,
    id uuid NOT NULL,
    type text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    time timestamptz NOT NULL,
    actor text COLLATE "C",
    space text COLLATE "C",
    purpose text COLLATE "C",
    correlation_id uuid,
    causation_id uuid,
    traceparent text COLLATE "C",
    -- Which key seals `data`; null: `data` is open.
    key_id uuid,
    -- JSON text, sealed where key_id says so.
    data bytea NOT NULL,
    PRIMARY KEY (transaction_order, sequence)
) PARTITION BY RANGE (transaction_order);
CREATE INDEX event_id ON spine.event (id);
CREATE INDEX event_subject ON spine.event (subject, transaction_order, sequence);
CREATE INDEX event_time ON spine.event USING brin (time) WITH (pages_per_range = 32);

CREATE FUNCTION spine.refuse_change() RETURNS trigger
    LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger is append-only: % on % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END
$$;
-- Row triggers are copied to every partition, truncate triggers are not (see add_partition).
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON spine.event
    FOR EACH ROW EXECUTE FUNCTION spine.refuse_change();
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON spine.event
    FOR EACH STATEMENT EXECUTE FUNCTION spine.refuse_change();

-- Partitions follow the order that readers follow, so that a reader touches one or two of them
-- however old the ledger is; each is meant to last about a month (see ensure_partitions).
CREATE TABLE spine.event_partition (
    name text PRIMARY KEY,
    from_order bigint NOT NULL,
    to_order bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The safety net: never needed while housekeeping runs.
CREATE TABLE spine.event_beyond PARTITION OF spine.event DEFAULT;
CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON spine.event_beyond
    FOR EACH STATEMENT EXECUTE FUNCTION spine.refuse_change();

CREATE FUNCTION spine.add_partition(lower_bound bigint, upper_bound bigint) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    partition_name text := 'event_' || lower_bound;
BEGIN
    -- Made apart and then attached: that does not stop readers and writers of the ledger.
    EXECUTE format('CREATE TABLE spine.%I (LIKE spine.event INCLUDING ALL)', partition_name);
    EXECUTE format(
        'CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON spine.%I '
        'FOR EACH STATEMENT EXECUTE FUNCTION spine.refuse_change()', partition_name);
    EXECUTE format(
        'ALTER TABLE spine.event ATTACH PARTITION spine.%I FOR VALUES FROM (%s) TO (%s)',
        partition_name, lower_bound, upper_bound);
    INSERT INTO spine.event_partition (name, from_order, to_order)
        VALUES (partition_name, lower_bound, upper_bound);
END
$$;

-- Sees to it that the ledger has a partition for now and a whole spare one after it. A partition
-- that was used up within two weeks is followed by one twice its size. Returns how many were made.
CREATE FUNCTION spine.ensure_partitions(smallest bigint DEFAULT 67108864) RETURNS integer
    LANGUAGE plpgsql AS $$
DECLARE
    present bigint;
    last_one spine.event_partition;
    beyond_highest bigint;
    upper_bound bigint;
    size bigint;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('spine.ensure_partitions', 0));
    present := spine.transaction_horizon();
    SELECT * INTO last_one FROM spine.event_partition ORDER BY from_order DESC LIMIT 1;
    IF last_one.name IS NULL THEN
        PERFORM spine.add_partition(0, present + smallest);
        made := 1;
        SELECT * INTO last_one FROM spine.event_partition ORDER BY from_order DESC LIMIT 1;
    END IF;
    SELECT max(transaction_order) INTO beyond_highest FROM spine.event_beyond;
    IF beyond_highest IS NOT NULL THEN
        -- Events got past the last partition: the safety net itself becomes the next partition.
        upper_bound := greatest(beyond_highest, present) + smallest;
        ALTER TABLE spine.event DETACH PARTITION spine.event_beyond;
        EXECUTE format('ALTER TABLE spine.event_beyond RENAME TO %I', 'event_' || last_one.to_order);
        EXECUTE format(
            'ALTER TABLE spine.event ATTACH PARTITION spine.%I FOR VALUES FROM (%s) TO (%s)',
            'event_' || last_one.to_order, last_one.to_order, upper_bound);
        INSERT INTO spine.event_partition (name, from_order, to_order)
            VALUES ('event_' || last_one.to_order, last_one.to_order, upper_bound);
        CREATE TABLE spine.event_beyond PARTITION OF spine.event DEFAULT;
        CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON spine.event_beyond
            FOR EACH STATEMENT EXECUTE FUNCTION spine.refuse_change();
        made := made + 1;
        SELECT * INTO last_one FROM spine.event_partition ORDER BY from_order DESC LIMIT 1;
    END IF;
    WHILE present >= last_one.from_order LOOP
        size := greatest(smallest, last_one.to_order - greatest(last_one.from_order, 1));
        IF made = 0 AND last_one.created_at > now() - interval '14 days' THEN
            size := size * 2;
        END IF;
        PERFORM spine.add_partition(last_one.to_order, last_one.to_order + size);
        made := made + 1;
        SELECT * INTO last_one FROM spine.event_partition ORDER BY from_order DESC LIMIT 1;
    END LOOP;
    RETURN made;
END
$$;

-- Raises the offset where this cluster counts its transactions from below what is recorded (a dump
-- restored elsewhere). Harmless at any time: what is recorded and visible is always below the
-- number of the next transaction otherwise. Returns whether it did anything.
CREATE FUNCTION spine.guard_order() RETURNS boolean
    LANGUAGE plpgsql AS $$
DECLARE
    present_offset bigint;
    next_transaction bigint;
    highest bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('spine.guard_order', 0));
    SELECT transaction_offset INTO present_offset FROM spine.ledger FOR UPDATE;
    SELECT transaction_order INTO highest FROM spine.event
        ORDER BY transaction_order DESC, sequence DESC LIMIT 1;
    next_transaction := pg_snapshot_xmax(pg_current_snapshot())::text::bigint;
    IF highest IS NULL OR highest < present_offset + next_transaction THEN
        RETURN false;
    END IF;
    present_offset := highest + 1 - pg_current_xact_id()::text::bigint;
    UPDATE spine.ledger SET transaction_offset = present_offset;
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION spine.transaction_order() RETURNS bigint '
        'LANGUAGE sql STABLE PARALLEL RESTRICTED '
        'RETURN %s::bigint + pg_current_xact_id()::text::bigint', present_offset);
    EXECUTE format(
        'CREATE OR REPLACE FUNCTION spine.transaction_horizon() RETURNS bigint '
        'LANGUAGE sql STABLE PARALLEL SAFE '
        'RETURN %s::bigint + pg_snapshot_xmin(pg_current_snapshot())::text::bigint',
        present_offset);
    RETURN true;
END
$$;

-- Where each durable consumer is, whichever bus carries its events. Moved in the handler's own
-- transaction, so that each event takes effect exactly once.
CREATE TABLE spine.consumer (
    name text COLLATE "C" PRIMARY KEY,
    transaction_order bigint NOT NULL,
    sequence integer NOT NULL,
    -- The event it cannot get past at the moment, and why.
    failing_event uuid,
    failing_attempts integer NOT NULL DEFAULT 0,
    failing_error text,
    moved_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Events that a consumer could not handle, kept until somebody has them tried again.
CREATE TABLE spine.dead_event (
    consumer text COLLATE "C" NOT NULL,
    event_id uuid NOT NULL,
    transaction_order bigint NOT NULL,
    sequence integer NOT NULL,
    type text COLLATE "C" NOT NULL,
    error text NOT NULL,
    attempts integer NOT NULL,
    died_at timestamptz NOT NULL,
    retry_wanted_at timestamptz,
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX dead_event_retry ON spine.dead_event (consumer, transaction_order, sequence)
    WHERE retry_wanted_at IS NOT NULL;

-- Ranges of events that are to be delivered again to a consumer, beside its live flow.
CREATE TABLE spine.replay (
    id uuid PRIMARY KEY,
    consumer text COLLATE "C" NOT NULL,
    -- Done up to here.
    transaction_order bigint NOT NULL,
    sequence integer NOT NULL,
    -- Up to and including here.
    until_order bigint NOT NULL,
    until_sequence integer NOT NULL,
    delivered bigint NOT NULL DEFAULT 0,
    wanted_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX replay_open ON spine.replay (consumer, wanted_at) WHERE finished_at IS NULL;

-- How far the ledger has been published to an outside bus.
CREATE TABLE spine.relay (
    stream text COLLATE "C" PRIMARY KEY,
    transaction_order bigint NOT NULL,
    sequence integer NOT NULL,
    stream_sequence bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
