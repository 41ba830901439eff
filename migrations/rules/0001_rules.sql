-- Rules: when something happens and this holds, do that.

CREATE SCHEMA IF NOT EXISTS rules;
