-- Files in the media store that no profile shows, and when they are to be removed: profile pictures
-- that were replaced, those of deleted accounts, and those that a profile has not taken yet.

CREATE TABLE social.unused_file (
    path            text PRIMARY KEY,                 -- key in the media store
    remove_after    timestamptz NOT NULL
);
CREATE INDEX unused_file_remove_after ON social.unused_file (remove_after);
