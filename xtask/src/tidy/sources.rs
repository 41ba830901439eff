//! Rules about source files: their size, where SQL may be, and whose tables it may name.

use std::path::Path;

/// Past this a file has more than one purpose.
const LONGEST_FILE: usize = 600;
const EXTENSIONS: [&str; 9] = ["rs", "sql", "toml", "html", "css", "js", "mjs", "py", "sh"];
/// Spelled so that this file does not find itself.
const UNFINISHED: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
const QUERIES: [&str; 6] = [
    "query!(",
    "query_as!(",
    "query_scalar!(",
    "sqlx::query(",
    "sqlx::query_as(",
    "sqlx::query_scalar(",
];
/// After these words SQL names a table.
const BEFORE_TABLE: [&str; 4] = ["FROM ", "JOIN ", "INTO ", "UPDATE "];

/// Whether the rules are about this file.
pub fn is_source(file: &Path) -> bool {
    let extension = file.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension))
}

/// Checks one file, whose path is relative to the workspace. Each finding is a line for a person.
pub fn check(file: &Path, text: &str, schemas: &[String]) -> Vec<String> {
    let mut findings = Vec::new();
    let is_rust = file.extension().is_some_and(|extension| extension == "rs");
    let mut find = |line: usize, what: String| {
        findings.push(format!("{}:{}: {what}", file.display(), line + 1));
    };
    let lines = text.lines().count();
    if is_rust && lines > LONGEST_FILE {
        find(lines, format!("has {lines} lines; {LONGEST_FILE} are the most"));
    }
    let mut in_tests = is_test(file);
    for (number, line) in text.lines().enumerate() {
        // What follows is the file's own tests.
        in_tests |= matches!(line, "#[cfg(test)]" | "#![cfg(test)]");
        if let Some(word) = UNFINISHED.iter().find(|word| has_word(line, word)) {
            find(number, format!("says {word}; finish it or write an issue"));
        }
        if is_rust
            && !in_tests
            && !may_hold_sql(file)
            && QUERIES.iter().any(|query| line.contains(query))
        {
            find(number, "SQL belongs into the crate's `store`".to_owned());
        }
        if !in_tests
            && let Some(schema) = own_schema(file)
            && let Some(other) = foreign_table(line, schema, schemas)
        {
            find(number, format!("names `{other}`, which is another service's table"));
        }
    }
    findings
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        let after = line[start + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Tests and measurements may look at any table, to see what only it knows.
fn is_test(file: &Path) -> bool {
    let mut parts = file.components().filter_map(|part| part.as_os_str().to_str());
    parts.any(|part| matches!(part, "tests" | "tests.rs" | "bench" | "benches"))
}

/// The spine is made of SQL; a service keeps all of it in its `store`.
fn may_hold_sql(file: &Path) -> bool {
    let mut parts = file.components().filter_map(|part| part.as_os_str().to_str());
    file.starts_with("spine")
        || file.starts_with("xtask")
        || parts.any(|part| matches!(part, "store" | "store.rs"))
}

/// The schema of the service that the file belongs to: both have the crate's folder name.
fn own_schema(file: &Path) -> Option<&str> {
    let mut parts = file.components().map(|part| part.as_os_str().to_str());
    let area = parts.next()??;
    let name = parts.next()??;
    let in_sources = area == "migrations"
        || (matches!(area, "services" | "federation") && parts.next()?? == "src");
    (in_sources && name != "activitypub").then_some(name)
}

/// A schema-qualified table of another service that this line of SQL names.
fn foreign_table<'a>(line: &'a str, own: &str, schemas: &[String]) -> Option<&'a str> {
    BEFORE_TABLE.iter().find_map(|word| {
        line.match_indices(word).find_map(|(start, _)| {
            let rest = &line[start + word.len()..];
            let end = rest.find(|c: char| !(c.is_ascii_lowercase() || c == '_' || c == '.'));
            let table = &rest[..end.unwrap_or(rest.len())];
            let (schema, name) = table.split_once('.')?;
            let foreign = schema != own && schemas.iter().any(|known| known == schema);
            (foreign && !name.is_empty()).then_some(table)
        })
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn check(file: &str, text: &str) -> Vec<String> {
        let schemas = ["rules", "social"].map(str::to_owned);
        super::check(Path::new(file), text, &schemas)
    }

    #[test]
    fn sql_outside_of_a_store_is_found() {
        let line = "    sqlx::query!(\"SELECT 1\")";
        assert_eq!(check("services/rules/src/api.rs", line).len(), 1);
        for allowed in ["services/rules/src/store.rs", "services/rules/src/store/rule.rs"] {
            assert!(check(allowed, line).is_empty(), "{allowed}");
        }
    }

    #[test]
    fn tests_may_hold_sql() {
        let text = "#[cfg(test)]\nmod tests {\n    sqlx::query!(\"SELECT 1\")";
        assert!(check("services/rules/src/api.rs", text).is_empty());
        assert!(check("services/rules/tests/api.rs", "sqlx::query!(\"SELECT 1\")").is_empty());
    }

    #[test]
    fn a_table_of_another_service_is_found() {
        let file = "services/rules/src/store.rs";
        assert_eq!(check(file, "SELECT id FROM social.post").len(), 1);
        assert!(check(file, "SELECT id FROM rules.rule JOIN rules.run USING (id)").is_empty());
        assert!(check(file, "WHERE a IS DISTINCT FROM item.id").is_empty());
        assert!(check(file, "// taken from social.post by an event").is_empty());
    }

    #[test]
    fn unfinished_work_and_long_files_are_found() {
        let file = "spine/src/lib.rs";
        assert_eq!(check(file, concat!("// TO", "DO: later")).len(), 1);
        assert!(check(file, "// mastodon").is_empty());
        assert_eq!(check(file, &"\n".repeat(601)).len(), 1);
    }
}
