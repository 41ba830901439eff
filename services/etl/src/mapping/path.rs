//! Paths into a record: `a.b`, `a[].b`, `a[0]`, `links[rel=alternate].href`, `$.a` from the record itself, `.` for
//! the item, and JSON Pointers (RFC 6901), in which `[]` stands for each.

use serde_json::Value;

use super::compile::MappingError;

/// The longest path, in bytes, and the most steps of one.
const LONGEST: usize = 200;
const MOST_STEPS: usize = 16;

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Member(String),
    Each,
    At(usize),
    /// Items whose member is this text; with empty text, those that have none.
    Where(String, String),
}

/// A path, read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    from_record: bool,
    steps: Vec<Step>,
    /// Whether it can lead to many values.
    pub(super) many: bool,
}

/// Where paths begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    pub(super) record: &'a Value,
    pub(super) item: &'a Value,
}

impl Path {
    pub(super) fn parse(text: &str) -> Result<Self, MappingError> {
        let wrong = |why: &str| MappingError::new(format!("the path {text:?} {why}"));
        if text.is_empty() || text.len() > LONGEST || text.contains('\0') {
            let shown: String = text.chars().take(40).collect();
            return Err(MappingError::new(format!(
                "the path {shown:?} must have 1 to {LONGEST} bytes, none of them NUL"
            )));
        }
        let mut steps = Vec::new();
        let mut from_record = false;
        if let Some(pointer) = text.strip_prefix('/') {
            for token in pointer.split('/') {
                steps.push(match token {
                    "[]" => Step::Each,
                    _ => match token.parse() {
                        Ok(index) => Step::At(index),
                        Err(_) => Step::Member(token.replace("~1", "/").replace("~0", "~")),
                    },
                });
            }
        } else {
            let rest = match text.strip_prefix("$.") {
                Some(rest) => {
                    from_record = true;
                    rest
                }
                None => text,
            };
            if rest != "." {
                for part in rest.split('.') {
                    dotted(part, &mut steps).map_err(wrong)?;
                }
            }
        }
        if steps.len() > MOST_STEPS {
            return Err(wrong("has too many steps"));
        }
        let many = steps.iter().any(|step| matches!(step, Step::Each | Step::Where(..)));
        Ok(Self { from_record, steps, many })
    }

    /// The values there; nulls are none. How many had to be looked at is added to `seen`.
    pub(super) fn find<'a>(&self, scope: Scope<'a>, seen: &mut usize) -> Vec<&'a Value> {
        let mut found = vec![if self.from_record { scope.record } else { scope.item }];
        for step in &self.steps {
            let mut further = Vec::new();
            for value in found {
                if let (Step::Where(..), Value::Array(items)) = (step, value) {
                    *seen += items.len();
                }
                step.follow(value, &mut further);
            }
            *seen += further.len();
            found = further;
        }
        found.retain(|value| !value.is_null());
        found
    }
}

impl Step {
    fn follow<'a>(&self, value: &'a Value, further: &mut Vec<&'a Value>) {
        match (self, value) {
            (Self::Member(name), Value::Object(members)) => further.extend(members.get(name)),
            (Self::At(index), Value::Array(items)) => further.extend(items.get(*index)),
            // In a JSON Pointer a number can also be a member's name.
            (Self::At(index), Value::Object(members)) => {
                further.extend(members.get(&index.to_string()));
            }
            (Self::Each, Value::Array(items)) => further.extend(items),
            (Self::Where(name, wanted), Value::Array(items)) => {
                further.extend(items.iter().filter(|item| match item.get(name) {
                    Some(Value::String(text)) => text == wanted,
                    None | Some(Value::Null) => wanted.is_empty(),
                    Some(other) => super::transform::as_text(other).as_ref() == Some(wanted),
                }));
            }
            _ => {}
        }
    }
}

/// `name`, `name[]`, `name[0]`, `name[rel=alternate]`.
fn dotted(part: &str, steps: &mut Vec<Step>) -> Result<(), &'static str> {
    let (name, mut brackets) = match part.find('[') {
        Some(at) => part.split_at(at),
        None => (part, ""),
    };
    if !name.is_empty() {
        steps.push(Step::Member(name.to_owned()));
    } else if brackets.is_empty() {
        return Err("has an empty step");
    }
    while let Some(inner) = brackets.strip_prefix('[') {
        let end = inner.find(']').ok_or("has a bracket that does not close")?;
        let within = &inner[..end];
        steps.push(match (within, within.split_once('='), within.parse()) {
            ("", ..) => Step::Each,
            (_, Some((name, value)), _) if !name.is_empty() => {
                Step::Where(name.to_owned(), value.to_owned())
            }
            (_, None, Ok(index)) => Step::At(index),
            _ => return Err("has a bracket with neither nothing, a number nor `name=value` in it"),
        });
        brackets = &inner[end + 1..];
    }
    if brackets.is_empty() { Ok(()) } else { Err("goes on after a bracket without a dot") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn find(path: &str, item: &Value) -> Vec<Value> {
        let record = json!({ "top": 1 });
        let path = Path::parse(path).unwrap();
        path.find(Scope { record: &record, item }, &mut 0).into_iter().cloned().collect()
    }

    #[test]
    fn paths_lead_to_one_value_or_to_many() {
        let item = json!({
            "a": { "b": [ { "c": 1 }, { "c": null }, { "c": [2, 3] } ] },
            "@odata.type": "x", "links": [ { "rel": "self", "href": "s" }, { "href": "p" } ],
        });
        assert_eq!(find("a.b[].c", &item), [json!(1), json!([2, 3])]);
        assert_eq!(find("a.b[2].c[]", &item), [json!(2), json!(3)]);
        assert_eq!(find("/a/b/0/c", &item), [json!(1)]);
        assert_eq!(find("/a/b/[]/c", &item).len(), 2);
        assert_eq!(find("/@odata.type", &item), [json!("x")]);
        assert_eq!(find("links[rel=self].href", &item), [json!("s")]);
        assert_eq!(find("links[rel=].href", &item), [json!("p")]);
        assert_eq!(find("$.top", &item), [json!(1)]);
        assert_eq!(find(".", &json!("me")), [json!("me")]);
        assert!(find("a.b.c.d", &item).is_empty());
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let long = "a".repeat(201);
        let deep = ["a"; 17].join(".");
        for wrong in ["", "a..b", "a[", "a[x]", "a[]b", "a[=b]", "a\0", &long, &deep] {
            assert!(Path::parse(wrong).is_err(), "{wrong}");
        }
    }
}
