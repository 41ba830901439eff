-- The audit log's key and name are for ever: with another, another log could be shown as the first.
CREATE TRIGGER audit_key_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON policy.audit_key
    FOR EACH STATEMENT EXECUTE FUNCTION policy.refuse_change();

-- Who else saw a person's data: by far the fewest of the entries about them.
CREATE INDEX audit_entry_by_others ON policy.audit_entry (subject, id DESC)
    WHERE subject IS NOT NULL AND principal <> 'person:' || subject::text;
