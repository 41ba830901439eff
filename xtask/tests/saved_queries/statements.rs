//! The statements that the query macros are given, read from the sources.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{Group, TokenStream, TokenTree};
use syn::LitStr;

use crate::Outcome;

/// The macros.
const MACROS: [&str; 6] = [
    "query",
    "query_unchecked",
    "query_scalar",
    "query_scalar_unchecked",
    "query_as",
    "query_as_unchecked",
];

/// All statements of a crate, each with where it stands.
pub fn of_member(member: &Path) -> Outcome<Vec<(String, String)>> {
    let mut found = Vec::new();
    for folder in ["src", "tests", "benches"].map(|folder| member.join(folder)) {
        if folder.is_dir() {
            collect(&folder, &mut found)?;
        }
    }
    Ok(found)
}

/// What a folder holds, in order.
pub fn entries(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let entries = folder.read_dir()?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<std::io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) -> Outcome {
    for path in entries(folder)? {
        if path.is_dir() {
            collect(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let place = path.display().to_string();
            let source = fs::read_to_string(&path)?;
            // Far quicker than reading its tokens, and true of most files.
            if source.contains("query") {
                let tokens = source.parse().map_err(|error| format!("{place}: {error}"))?;
                let statements = in_tokens(tokens).map_err(|error| format!("{place}: {error}"))?;
                found.extend(statements.into_iter().map(|statement| (place.clone(), statement)));
            }
        }
    }
    Ok(())
}

/// Also within other macros, which is why this is not a visit of the syntax tree.
fn in_tokens(tokens: TokenStream) -> Outcome<Vec<String>> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let TokenTree::Group(group) = token else { continue };
        let before = index.checked_sub(2).map(|name| &tokens[name..index]);
        if let Some([TokenTree::Ident(name), TokenTree::Punct(mark)]) = before
            && mark.as_char() == '!'
            && MACROS.iter().any(|known| name == known)
        {
            found.push(statement(group)?);
        }
        found.extend(in_tokens(group.stream())?);
    }
    Ok(found)
}

/// The statement among a macro's arguments: the first text, or several with `+` between them. (Before it there
/// is at most a type.)
fn statement(group: &Group) -> Outcome<String> {
    let mut tokens = group.stream().into_iter();
    let mut statement = String::new();
    let mut next = tokens.find(|token| matches!(token, TokenTree::Literal(_)));
    while let Some(TokenTree::Literal(literal)) = next {
        statement += &syn::parse2::<LitStr>(TokenTree::from(literal).into())?.value();
        let goes_on =
            matches!(tokens.next(), Some(TokenTree::Punct(mark)) if mark.as_char() == '+');
        next = goes_on.then(|| tokens.next()).flatten();
    }
    if statement.is_empty() {
        return Err(format!("a query macro without a statement: {group}").into());
    }
    Ok(statement)
}

#[test]
fn statements_are_found_wherever_they_stand() -> Outcome {
    let source = r##"
        fn plain() { sqlx::query!("SELECT 1", a, b); query_scalar!(r#"SELECT "2""#) }
        fn typed() { query_as!(Row<'_, T>, "SELECT " + "3", x).fetch_one(tx) }
        fn nested() { tokio::join!(sqlx::query!("SELECT 4").execute(&pool)); }
        fn unchecked() { sqlx::query("SELECT 5"); let query = !true; }
    "##;
    assert_eq!(in_tokens(source.parse()?)?, ["SELECT 1", r#"SELECT "2""#, "SELECT 3", "SELECT 4"]);
    assert!(in_tokens("query!($statement)".parse()?).is_err());
    Ok(())
}
