//! Who is who: finds entities of one space that are likely the same.
//!
//! It lives in the data service, because names, aliases and merges are here; anywhere else it would read
//! the whole graph through the API. A clear case (two people who share a phone number, an address or a uid,
//! and have nearly the same name) is merged at once; any other is proposed, and somebody decides. A
//! merge can be undone, and a pair that was refused or taken apart is not brought up again.

mod job;
mod likeness;

use contracts::access::SpaceId;

use crate::graph::Content;

pub(crate) use job::ResolveIdentities;

/// Aliases that mean the same thing wherever they appear.
pub(crate) const STRONG: [&str; 3] = ["tel", "email", "uid"];

/// Whether an entity may turn out to be another one since it changed like this (`None`: it is new).
pub(crate) fn may_be_another(content: &Content, changed: Option<&[String]>) -> bool {
    let changed = |name: &str| changed.is_none_or(|names| names.iter().any(|n| n == name));
    let strong = content.aliases.iter().any(|alias| STRONG.contains(&alias.scheme.as_str()));
    (strong && (changed("aliases") || changed("name")))
        || (content.r#type == "Person" && content.space != SpaceId::public() && changed("name"))
}
