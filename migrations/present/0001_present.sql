-- The state of now: presence, location, calls and devices, made from events.

CREATE SCHEMA IF NOT EXISTS present;
