//! Parameters as one tree, whatever way they came.
//!
//! Keys follow what Rails and most clients write: `a[b]=1` goes down, `a[]=1` appends,
//! `a[][b]=1` appends a group (and fills the last one until a name repeats), `a[0][b]=1` numbers
//! them. A plain name that repeats is remembered as such: a list where a list is wanted, else its
//! last value.

use std::collections::{BTreeMap, BTreeSet};

/// Names below names: enough for every call of the API.
const DEEPEST: usize = 6;
/// Values in one request.
const MOST_VALUES: usize = 2_000;

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Null,
    Flag(bool),
    Number(serde_json::Number),
    Text(String),
    List(Vec<Node>),
    /// A plain name that came several times.
    Repeated(Vec<Node>),
    Group(BTreeMap<String, Node>),
}

/// Why parameters cannot be put into one tree.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TreeError {
    #[error("the name `{0}` is not well formed")]
    Name(String),
    #[error("`{0}` is used both for a value and for a group of values")]
    Conflict(String),
    #[error("there are too many parameters")]
    TooMany,
    #[error("a parameter holds a zero byte")]
    ZeroByte,
}

/// All parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) root: BTreeMap<String, Node>,
    /// What a JSON body names and leaves empty.
    nulls: BTreeSet<String>,
    values: usize,
}

impl Tree {
    /// Adds one pair of a query string or a form.
    pub(super) fn insert(&mut self, key: &str, value: String) -> Result<(), TreeError> {
        self.count()?;
        if value.contains('\0') || key.contains('\0') {
            return Err(TreeError::ZeroByte);
        }
        let path = segments(key)?;
        let (first, rest) = path.split_first().ok_or_else(|| TreeError::Name(key.to_owned()))?;
        put(&mut self.root, first, rest, Node::Text(value), key)
    }

    /// Adds what a JSON body holds. Explicit nulls count as absent, except to who asks
    /// [`Tree::is_null`].
    pub(super) fn merge_json(
        &mut self,
        object: serde_json::Map<String, serde_json::Value>,
    ) -> Result<(), TreeError> {
        for (key, value) in object {
            // Some clients keep the form's spelling of a list in JSON.
            let name = key.strip_suffix("[]").unwrap_or(&key).to_owned();
            match self.node(value)? {
                Node::Null => self.nulls.insert(name),
                node => self.root.insert(name, node).is_some(),
            };
        }
        Ok(())
    }

    /// Takes over every parameter of a later source, which wins.
    pub(super) fn override_with(&mut self, later: Self) {
        self.root.extend(later.root);
        self.nulls.extend(later.nulls);
    }

    /// Whether a parameter was sent as an explicit null, and not otherwise.
    pub(super) fn is_null(&self, name: &str) -> bool {
        self.nulls.contains(name) && !self.root.contains_key(name)
    }

    fn count(&mut self) -> Result<(), TreeError> {
        self.values += 1;
        if self.values > MOST_VALUES { Err(TreeError::TooMany) } else { Ok(()) }
    }

    fn node(&mut self, value: serde_json::Value) -> Result<Node, TreeError> {
        self.count()?;
        Ok(match value {
            serde_json::Value::Null => Node::Null,
            serde_json::Value::Bool(flag) => Node::Flag(flag),
            serde_json::Value::Number(number) => Node::Number(number),
            serde_json::Value::String(text) if text.contains('\0') => {
                return Err(TreeError::ZeroByte);
            }
            serde_json::Value::String(text) => Node::Text(text),
            serde_json::Value::Array(items) => Node::List(
                items
                    .into_iter()
                    .map(|item| self.node(item))
                    .filter(|item| !matches!(item, Ok(Node::Null)))
                    .collect::<Result<_, _>>()?,
            ),
            serde_json::Value::Object(members) => {
                let mut group = BTreeMap::new();
                for (name, member) in members {
                    let node = self.node(member)?;
                    if node != Node::Null {
                        group.insert(name, node);
                    }
                }
                Node::Group(group)
            }
        })
    }
}

/// One step of a key: a name, or the empty brackets that append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment<'a> {
    Name(&'a str),
    Append,
}

fn segments(key: &str) -> Result<Vec<Segment<'_>>, TreeError> {
    let malformed = || TreeError::Name(key.chars().take(100).collect());
    let (name, mut rest) = key.split_at(key.find('[').unwrap_or(key.len()));
    if name.is_empty() {
        return Err(malformed());
    }
    let mut path = vec![Segment::Name(name)];
    while let Some(inner) = rest.strip_prefix('[') {
        let (step, after) = inner.split_once(']').ok_or_else(malformed)?;
        path.push(if step.is_empty() { Segment::Append } else { Segment::Name(step) });
        rest = after;
    }
    if !rest.is_empty() || path.len() > DEEPEST {
        return Err(malformed());
    }
    Ok(path)
}

fn put(
    group: &mut BTreeMap<String, Node>,
    first: &Segment<'_>,
    rest: &[Segment<'_>],
    value: Node,
    key: &str,
) -> Result<(), TreeError> {
    let Segment::Name(name) = first else { return Err(TreeError::Name(key.to_owned())) };
    let conflict = || TreeError::Conflict(key.to_owned());
    match rest.split_first() {
        None => match group.get_mut(*name) {
            None => {
                group.insert((*name).to_owned(), value);
            }
            Some(Node::Repeated(values)) => values.push(value),
            Some(Node::List(_) | Node::Group(_)) => return Err(conflict()),
            Some(slot) => {
                let before = std::mem::replace(slot, Node::Null);
                *slot = Node::Repeated(vec![before, value]);
            }
        },
        Some((Segment::Append, below)) => {
            let slot = group.entry((*name).to_owned()).or_insert_with(|| Node::List(Vec::new()));
            let Node::List(items) = slot else { return Err(conflict()) };
            append(items, below, value, key)?;
        }
        Some((next, below)) => {
            let slot =
                group.entry((*name).to_owned()).or_insert_with(|| Node::Group(BTreeMap::new()));
            let Node::Group(inner) = slot else { return Err(conflict()) };
            put(inner, next, below, value, key)?;
        }
    }
    Ok(())
}

/// Appends to a list: a value, or a member of its last group, or of a new group where the last one
/// has that member already.
fn append(
    items: &mut Vec<Node>,
    below: &[Segment<'_>],
    value: Node,
    key: &str,
) -> Result<(), TreeError> {
    let Some((first, rest)) = below.split_first() else {
        items.push(value);
        return Ok(());
    };
    let Segment::Name(name) = first else { return Err(TreeError::Name(key.to_owned())) };
    let fits = match items.last() {
        Some(Node::Group(group)) => !rest.is_empty() || !group.contains_key(*name),
        _ => false,
    };
    if !fits {
        items.push(Node::Group(BTreeMap::new()));
    }
    match items.last_mut() {
        Some(Node::Group(group)) => put(group, first, rest, value, key),
        _ => Err(TreeError::Conflict(key.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(pairs: &[(&str, &str)]) -> Result<String, TreeError> {
        let mut tree = Tree::default();
        for (key, value) in pairs {
            tree.insert(key, (*value).to_owned())?;
        }
        Ok(format!("{:?}", Node::Group(tree.root)))
    }

    #[test]
    fn brackets_build_lists_and_groups() {
        let form = tree(&[
            ("id[]", "1"),
            ("id[]", "2"),
            ("poll[options][]", "a"),
            ("poll[options][]", "b"),
            ("poll[expires_in]", "60"),
        ]);
        let mut json = Tree::default();
        let body = serde_json::json!({
            "id": ["1", "2"], "poll": { "options": ["a", "b"], "expires_in": "60", "x": null }
        });
        let serde_json::Value::Object(body) = body else { unreachable!() };
        json.merge_json(body).unwrap();
        assert_eq!(form.unwrap(), format!("{:?}", Node::Group(json.root)));
    }

    #[test]
    fn a_repeated_member_starts_the_next_group() {
        let form = tree(&[("a[][id]", "1"), ("a[][d]", "x"), ("a[][id]", "2")]).unwrap();
        assert_eq!(form.matches("Group").count(), 3, "{form}");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(tree(&[("[x]", "1")]).is_err());
        assert!(tree(&[("a[x", "1")]).is_err());
        assert!(tree(&[("a]x", "1")]).is_ok());
        assert!(tree(&[("a[b]c", "1")]).is_err());
        assert!(tree(&[("a", "1"), ("a[b]", "1")]).is_err());
        assert!(tree(&[("a[b]", "1"), ("a", "1")]).is_err());
        assert!(tree(&[("a[][]", "1")]).is_err());
        assert!(tree(&[("a[b][c][d][e][f][g]", "1")]).is_err());
        assert_eq!(tree(&[("a", "x\0y")]), Err(TreeError::ZeroByte));
    }

    #[test]
    fn there_is_a_limit_to_the_number_of_values() {
        let mut tree = Tree::default();
        let outcome = (0..=MOST_VALUES).try_for_each(|_| tree.insert("a[]", String::new()));
        assert_eq!(outcome, Err(TreeError::TooMany));
    }
}
