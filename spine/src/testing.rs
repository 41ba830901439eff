//! Databases for tests: real ones, fresh, on the server that `SOVEREIGN_TEST_DATABASE_URL` names.
