-- Channels, conversations, messages and calls.

CREATE SCHEMA IF NOT EXISTS communication;
