//! The typed schema that every policy is validated against, made from the actions there are.

use contracts::access::{Action, actions};

/// Reading of data: what the guard on special categories and consent are about.
pub(super) const SEE: &[Action] = &[
    actions::ENTITY_READ,
    actions::RECORD_READ,
    actions::SEARCH_QUERY,
    actions::PRESENT_READ,
    actions::MESSAGE_READ,
    actions::POST_READ,
];

const ENTITIES: &str = r#"
entity Space;
// People are in the household and in circles; their own space is `own`; `keeps` are circles that they run.
entity Person in [Space] = { role: String, active: Bool, own: Space, keeps: Set<Space> };
entity App = { name: String };
entity Device in [Person] = { id: String, removed: Bool, own?: Space };
entity Plugin = { name: String };
entity Service = { name: String };
entity Remote = { name: String };
entity Anonymous;
entity Operator;
// Whatever is accessed. `special`: those of its labels that are special categories.
entity Thing in [Space] = {
    kind: String,
    id: String,
    space: Space,
    labels: Set<String>,
    special: Set<String>,
    class?: String,
    subject?: Person,
    keeper?: String,
};
// `covered`: special categories that the subject lets this caller see for this purpose, now.
// `consented`: the subject lets this caller see this very thing for this purpose, now.
// `scoped`: the caller has a token, whose scopes were checked.
type Circumstances = {
    purpose: String,
    behalf?: Person,
    via?: App,
    scoped: Bool,
    covered: Set<String>,
    consented: Bool,
    time: __cedar::datetime,
};
action "see";
action "read";
action "write";
"#;

const PRINCIPALS: &str = "Person, App, Device, Plugin, Service, Remote, Anonymous, Operator";

/// Whether it changes nothing.
pub(crate) fn is_read(action: Action) -> bool {
    action.name.ends_with(".read") || action == actions::SEARCH_QUERY
}

/// Whether it reads data.
pub(super) fn sees(action: Action) -> bool {
    SEE.contains(&action)
}

/// The groups that an action is in.
pub(super) fn groups(action: Action) -> Vec<&'static str> {
    let mut groups = vec![if is_read(action) { "read" } else { "write" }];
    if sees(action) {
        groups.push("see");
    }
    groups
}

/// The whole schema, in Cedar's own notation.
pub(super) fn text() -> String {
    let mut text = ENTITIES.to_owned();
    for action in actions::ALL {
        let groups: Vec<String> =
            groups(*action).into_iter().map(|group| format!("\"{group}\"")).collect();
        text.push_str(&format!(
            "action \"{}\" in [{}] appliesTo {{ principal: [{PRINCIPALS}], resource: Thing, context: Circumstances }};\n",
            action.name,
            groups.join(", ")
        ));
    }
    text
}
