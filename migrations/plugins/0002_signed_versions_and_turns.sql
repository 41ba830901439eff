-- Who signed a version: one that waits for its grant brings its publisher's key along when it takes over.
ALTER TABLE plugins.version ADD COLUMN publisher_key bytea;
UPDATE plugins.version v
   SET publisher_key = p.publisher_key
  FROM plugins.plugin p
 WHERE p.id = v.plugin AND p.version = v.version;

-- Until when a process has the turn to refresh this token: services take a refresh token once, and some end
-- the whole sign-in where it comes twice.
ALTER TABLE plugins.secret ADD COLUMN refreshing_until timestamptz;
