//! What commands print: tables and lines for people, JSON for programs.

use serde::Serialize;
use serde_json::Value;

/// Where a command's answer goes.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    json: bool,
}

impl Output {
    /// For programs, or for people.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// One thing: as JSON, or as this text.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn one(&self, value: &impl Serialize, text: &str) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(value)?);
        } else {
            println!("{text}");
        }
        Ok(())
    }

    /// Several things of a kind: as a JSON list, or as a table of these columns.
    ///
    /// # Errors
    /// They cannot be written as JSON.
    pub fn many<T: Serialize>(
        &self,
        items: &[T],
        columns: &[&str],
        none: &str,
    ) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(items)?);
            return Ok(());
        }
        if items.is_empty() {
            println!("{none}");
            return Ok(());
        }
        let rows = items
            .iter()
            .map(|item| {
                let value = serde_json::to_value(item)?;
                Ok(columns.iter().map(|column| cell(&value[*column])).collect())
            })
            .collect::<anyhow::Result<Vec<Vec<String>>>>()?;
        print!("{}", table(columns, &rows));
        Ok(())
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn table(columns: &[&str], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> =
        columns.iter().map(|column| column.replace('_', " ").to_uppercase()).collect();
    let widths: Vec<usize> = (0..columns.len())
        .map(|index| {
            rows.iter()
                .chain([&headings])
                .map(|row| row[index].chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<String> =
            row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    [&headings].into_iter().chain(rows).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let rows =
            [vec!["ada".to_owned(), "owner".to_owned()], vec!["b".to_owned(), "-".to_owned()]];
        assert_eq!(
            table(&["user_name", "role"], &rows),
            "USER NAME  ROLE\nada        owner\nb          -\n"
        );
    }
}
