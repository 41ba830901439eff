-- Hosts that stay away: on how many days deliveries to them failed since they last answered or wrote.
ALTER TABLE social.remote_host
    ADD COLUMN failing_days integer NOT NULL DEFAULT 0,
    ADD COLUMN failed_on    date;                     -- the last of these days, UTC

-- Those that fail now: few, and asked for as a whole.
CREATE INDEX remote_host_failing ON social.remote_host (domain) WHERE failing_days > 0;
