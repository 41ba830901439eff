-- Who may do what with which data, what for, and the proof of it.

CREATE SCHEMA IF NOT EXISTS policy;
