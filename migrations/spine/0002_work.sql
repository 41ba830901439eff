-- The work system: durable jobs in three lanes.
--
-- spine.job holds only live jobs, so that it stays small and hot. A job's state decides which
-- partial index it is in; what a claim must never scan (deferred, blocked, dead) is in none that a
-- claim reads. Finished jobs move to spine.job_done, a partition a day.

CREATE SCHEMA IF NOT EXISTS spine;

-- The smallest UUIDv7 of a moment (RFC 9562, section 5.7): a bound for ranges of ids by time.
CREATE FUNCTION spine.uuid_at(moment timestamptz) RETURNS uuid
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0')
            || '00000000000000000000')::uuid
$$;

CREATE TABLE spine.job (
    job_id            uuid PRIMARY KEY,
    -- The order in which jobs were enqueued.
    position          bigint GENERATED ALWAYS AS IDENTITY,
    enqueued_at       timestamptz NOT NULL,
    -- When a deferred job becomes ready.
    run_at            timestamptz NOT NULL,
    claimed_at        timestamptz,
    -- After this moment another worker may take the job over.
    lease_until       timestamptz,
    died_at           timestamptz,
    -- Counts claims: with job_id it fences completions, failures and lease extensions.
    claim             integer NOT NULL DEFAULT 0,
    lease_ms          integer NOT NULL,
    -- 0 ready, 1 running (or claimed ahead), 2 deferred until run_at, 3 blocked by its key, 4 dead.
    state             smallint NOT NULL,
    -- 0 realtime, 1 interactive, 2 background.
    lane              smallint NOT NULL,
    priority          smallint NOT NULL,
    failures          smallint NOT NULL DEFAULT 0,
    max_attempts      smallint NOT NULL,
    concurrency_limit smallint,
    concurrency_key   text COLLATE "C",
    kind              text COLLATE "C" NOT NULL,
    payload           text NOT NULL,
    cause             text,
    last_error        text,
    CHECK (state BETWEEN 0 AND 4)
) WITH (
    fillfactor = 80,
    -- Every job is one insert, one update and one delete: vacuum early, often and without naps.
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.2,
    autovacuum_analyze_threshold = 2000,
    -- Truncation takes an exclusive lock, and the pages are wanted again at once.
    vacuum_truncate = off
);

-- As few indexes as will do: each costs every insert, also where its predicate excludes the row.
CREATE INDEX job_ready ON spine.job (lane, priority DESC, position) WHERE state = 0;
CREATE INDEX job_deferred ON spine.job (run_at) WHERE state = 2;
-- Counts the running jobs of a key, finds expired leases, the next blocked job of a key, the dead.
CREATE INDEX job_held ON spine.job (state, concurrency_key, priority DESC, position)
    WHERE state IN (1, 3, 4);

-- Remembers which jobs were ever enqueued for an event, also after they are done: the id of such a
-- job is made from the event's id, the kind and the part, and starts with the event's time. By day,
-- so that forgetting is dropping a partition.
CREATE TABLE spine.job_key (
    job_id   uuid PRIMARY KEY,
    noted_on date NOT NULL DEFAULT current_date
) PARTITION BY RANGE (job_id);

-- Jobs for events of days that have no partition (any more).
CREATE TABLE spine.job_key_other PARTITION OF spine.job_key DEFAULT;

-- What was done, without payloads.
CREATE TABLE spine.job_done (
    job_id      uuid NOT NULL,
    enqueued_at timestamptz NOT NULL,
    claimed_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    lane        smallint NOT NULL,
    failures    smallint NOT NULL,
    -- A dead letter that was thrown away.
    discarded   boolean NOT NULL,
    kind        text COLLATE "C" NOT NULL
) PARTITION BY RANGE (finished_at);

CREATE INDEX job_done_id ON spine.job_done USING brin (job_id);

CREATE TABLE spine.job_done_other PARTITION OF spine.job_done DEFAULT;

-- What is paused: a lane ('lane:background') or a concurrency key ('key:host:slow.example').
CREATE TABLE spine.job_pause (
    subject   text COLLATE "C" PRIMARY KEY,
    paused_at timestamptz NOT NULL
);

-- Schedules: when each runs next, shared by all processes.
CREATE TABLE spine.job_cron (
    name       text COLLATE "C" PRIMARY KEY,
    expression text NOT NULL,
    next_at    timestamptz NOT NULL,
    last_at    timestamptz
);

-- One claimer at a time decides about a key. Keys share 64 locks, taken in order.
CREATE FUNCTION spine.lock_job_keys(keys text[]) RETURNS void
    LANGUAGE plpgsql
AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1936747621, bucket)
       FROM (SELECT DISTINCT hashtext(key) & 63 AS bucket
               FROM unnest(keys) AS key
              ORDER BY 1) AS buckets;
END
$$;

-- Of freshly claimed jobs with keys, blocks those for which their key has no room, and returns
-- them. The count needs a snapshot younger than the lock: hence a function of two statements.
CREATE FUNCTION spine.block_jobs(ids uuid[], claims integer[], keys text[], limits smallint[])
    RETURNS SETOF uuid
    LANGUAGE plpgsql
    SET enable_seqscan = off
AS $$
BEGIN
    PERFORM spine.lock_job_keys(keys);
    RETURN QUERY
    WITH mine AS (
        SELECT id, claim, key, max_running,
               row_number() OVER (PARTITION BY key ORDER BY place) AS turn
          FROM unnest(ids, claims, keys, limits)
               WITH ORDINALITY AS m (id, claim, key, max_running, place)
    ), room AS (
        SELECT key,
               CASE WHEN EXISTS (SELECT FROM spine.job_pause WHERE subject = 'key:' || key) THEN 0
                    ELSE max(max_running) - (SELECT count(*) FROM spine.job AS other
                                              WHERE other.state = 1
                                                AND other.concurrency_key = key
                                                AND other.job_id <> ALL (ids))
               END AS free
          FROM mine
         GROUP BY key
    )
    UPDATE spine.job AS job
       SET state = 3, lease_until = NULL
      FROM mine JOIN room USING (key)
     WHERE mine.turn > room.free
       AND job.job_id = mine.id AND job.claim = mine.claim AND job.state = 1
    RETURNING job.job_id;
END
$$;

-- Makes blocked jobs ready for which their key has room again; returns their lanes. That one too
-- many becomes ready does no harm: it is blocked again when it is claimed.
CREATE FUNCTION spine.unblock_jobs(keys text[]) RETURNS SETOF smallint
    LANGUAGE plpgsql
    SET enable_seqscan = off
AS $$
BEGIN
    PERFORM spine.lock_job_keys(keys);
    RETURN QUERY
    WITH room AS (
        SELECT key,
               greatest(0, (SELECT head.concurrency_limit FROM spine.job AS head
                             WHERE head.state = 3 AND head.concurrency_key = key
                             ORDER BY head.priority DESC, head.position LIMIT 1)
                         - (SELECT count(*) FROM spine.job AS other
                             WHERE other.state = 1 AND other.concurrency_key = key)) AS free
          FROM (SELECT DISTINCT key FROM unnest(keys) AS key) AS wanted
         WHERE NOT EXISTS (SELECT FROM spine.job_pause WHERE subject = 'key:' || key)
    ), next AS (
        SELECT waiting.job_id
          FROM room
         CROSS JOIN LATERAL (SELECT blocked.job_id FROM spine.job AS blocked
                              WHERE blocked.state = 3 AND blocked.concurrency_key = room.key
                              ORDER BY blocked.priority DESC, blocked.position
                              LIMIT room.free
                                FOR UPDATE SKIP LOCKED) AS waiting
    )
    UPDATE spine.job AS job
       SET state = 0
      FROM next
     WHERE job.job_id = next.job_id AND job.state = 3
    RETURNING job.lane;
END
$$;

-- Every key with blocked jobs, in as many index probes as there are keys.
CREATE FUNCTION spine.blocked_job_keys() RETURNS SETOF text
    LANGUAGE sql STABLE
    SET enable_seqscan = off
AS $$
    WITH RECURSIVE walk AS (
        (SELECT concurrency_key AS key FROM spine.job
          WHERE state = 3 ORDER BY concurrency_key LIMIT 1)
        UNION ALL
        SELECT (SELECT job.concurrency_key FROM spine.job AS job
                 WHERE job.state = 3 AND job.concurrency_key > walk.key
                 ORDER BY job.concurrency_key LIMIT 1)
          FROM walk
         WHERE walk.key IS NOT NULL
    )
    SELECT key FROM walk WHERE key IS NOT NULL
$$;

-- Makes the partition of one day, apart and then attached, which stops nobody. A day of which rows
-- are already in the default partition stays there.
CREATE FUNCTION spine.add_job_day(parent text, day date, from_value text, to_value text)
    RETURNS void
    LANGUAGE plpgsql
AS $$
DECLARE
    name text := format('%s_%s', parent, to_char(day, 'YYYYMMDD'));
BEGIN
    IF to_regclass('spine.' || name) IS NULL THEN
        EXECUTE format('CREATE TABLE spine.%I (LIKE spine.%I INCLUDING ALL)', name, parent);
        EXECUTE format('ALTER TABLE spine.%I ATTACH PARTITION spine.%I FOR VALUES FROM (%L) TO (%L)',
                       parent, name, from_value, to_value);
    END IF;
EXCEPTION
    WHEN check_violation OR lock_not_available THEN
        RAISE NOTICE 'spine.% was not made: %', name, sqlerrm;
END
$$;

-- Makes the partitions of the coming days and drops those older than `keep_days`. What a busy table
-- refuses now is done the next time.
CREATE FUNCTION spine.keep_job_days(moment timestamptz, keep_days integer) RETURNS void
    LANGUAGE plpgsql
    SET lock_timeout = '2s'
    SET timezone = 'UTC'
AS $$
DECLARE
    today date := moment::date;
    since date := today - keep_days;
    day date;
    old text;
BEGIN
    -- One process at a time.
    PERFORM pg_advisory_xact_lock(1936747622);
    FOR day IN SELECT today + n FROM generate_series(0, 3) AS n LOOP
        PERFORM spine.add_job_day('job_key', day, spine.uuid_at(day)::text,
                                  spine.uuid_at(day + 1)::text);
        PERFORM spine.add_job_day('job_done', day, day::text, (day + 1)::text);
    END LOOP;
    FOR old IN
        SELECT child.relname
          FROM pg_inherits
          JOIN pg_class AS child ON child.oid = inhrelid
         WHERE inhparent IN ('spine.job_key'::regclass, 'spine.job_done'::regclass)
           AND child.relname ~ '_\d{8}$'
           AND to_date(right(child.relname, 8), 'YYYYMMDD') < since
    LOOP
        BEGIN
            EXECUTE format('DROP TABLE spine.%I', old);
        EXCEPTION
            WHEN lock_not_available THEN
                RAISE NOTICE 'spine.% was not dropped: %', old, sqlerrm;
        END;
    END LOOP;
    DELETE FROM spine.job_key_other WHERE noted_on < since;
    DELETE FROM spine.job_done_other WHERE finished_at < since;
END
$$;

SELECT spine.keep_job_days(now(), 7);
