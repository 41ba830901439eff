-- What reported a reading, as the subject of its events: its readings go with it.
ALTER TABLE present.reading ADD COLUMN source text COLLATE "C" NOT NULL DEFAULT '';
