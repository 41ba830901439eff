-- What keeps one job from harming others, and what was erased from lying in the queue.

-- How often in a row a worker that held the job fell silent. Once is nobody's fault (a crash takes
-- hundreds of jobs that were only claimed ahead), so the job is simply ready again. From 2 on it is
-- suspected of killing its worker: it waits as a deferred job, which only the trial claims
-- (work/trial.rs), one at a time a process. Only a job that is lost on trial is charged a failed
-- attempt. An attempt that ends in an orderly way sets it to 0.
ALTER TABLE spine.job ADD COLUMN losses smallint NOT NULL DEFAULT 0;

-- Whom or what its payload is about, where that can be erased: as in spine.subject_key.
ALTER TABLE spine.job ADD COLUMN subject text COLLATE "C";

-- Live jobs whose subject was erased after they were enqueued. A key that ended because its time
-- was over is no erasure.
CREATE VIEW spine.erased_job AS
    SELECT job.job_id, job.state
      FROM spine.job AS job
     WHERE EXISTS (SELECT FROM spine.subject_key AS key
                    WHERE key.subject = job.subject
                      AND key.destroyed_at >= job.enqueued_at
                      AND (key.expires_at IS NULL OR key.destroyed_at < key.expires_at));

-- As before, but that suspects go back to those who wait for their trial.
CREATE OR REPLACE FUNCTION spine.unblock_jobs(keys text[]) RETURNS SETOF smallint
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
       SET state = CASE WHEN job.losses >= 2 THEN 2 ELSE 0 END
      FROM next
     WHERE job.job_id = next.job_id AND job.state = 3
    RETURNING job.lane;
END
$$;
