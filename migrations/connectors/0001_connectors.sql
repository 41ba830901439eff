-- Accounts at outside services, their schedules and webhooks, and devices: all that comes in lands as records.

CREATE SCHEMA IF NOT EXISTS connectors;
