//! What is remembered from one call to the next.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use url::Url;

use crate::page::Next;
use crate::resource::Resource;

/// How many items a page is asked to have.
const PAGE: u32 = 50;
/// A delta link of the calendar is about a window that does not move: after so long it gets another.
const WINDOW_MILLISECONDS: u64 = 7 * 24 * 60 * 60 * 1000;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// The API that it is about.
    base: String,
    #[serde(default)]
    resources: BTreeMap<Resource, Progress>,
    /// Resources that are through in this pass. A pass goes through all of them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    done: BTreeSet<Resource>,
    /// Smaller than usual, where pages were too large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    page_size: Option<u32>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Progress {
    /// The next page, or what changed; none: from the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// When it last began from the beginning, in milliseconds since 1970.
    #[serde(default)]
    began: u64,
    /// The delta link of the calendar's window before. What it tells once the next window is through went away
    /// meanwhile, and no other link knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// The delta link of the next window, while that of the window before is followed for the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl Cursor {
    /// The cursor for this API: one for another is of no use.
    pub fn about(self, base: &Url) -> Self {
        if self.base == base.as_str() {
            self
        } else {
            Self { base: base.to_string(), ..Self::default() }
        }
    }

    /// Whose turn it is.
    pub fn current(&mut self, wanted: &[Resource]) -> Resource {
        let next = wanted.iter().find(|resource| !self.done.contains(resource));
        if let Some(resource) = next {
            return *resource;
        }
        self.done.clear();
        wanted.first().copied().unwrap_or(Resource::Mail)
    }

    pub fn link(&self, resource: Resource) -> Option<&str> {
        self.resources.get(&resource)?.link.as_deref()
    }

    pub fn begins(&mut self, resource: Resource, now: u64) {
        self.resources.entry(resource).or_default().began = now;
    }

    /// A page came.
    pub fn follows(&mut self, resource: Resource, next: &Next, now: u64) {
        let progress = self.resources.entry(resource).or_default();
        match next {
            Next::Page(link) => progress.link = Some(link.clone()),
            Next::Delta(link) => {
                if let Some(after) = progress.after.take() {
                    progress.link = Some(after);
                } else if let Some(before) = progress.before.take() {
                    progress.after = Some(link.clone());
                    progress.link = Some(before);
                    return;
                } else if resource == Resource::Calendar
                    && now.saturating_sub(progress.began) > WINDOW_MILLISECONDS
                {
                    progress.before = Some(link.clone());
                    progress.link = None;
                } else {
                    progress.link = Some(link.clone());
                }
                self.done.insert(resource);
            }
        }
    }

    /// A link expired.
    pub fn restart(&mut self, resource: Resource, address: Option<String>) {
        let progress = self.resources.entry(resource).or_default();
        match progress.after.take() {
            // Only that of a window which is over: there is a newer one.
            Some(after) => {
                progress.link = Some(after);
                self.done.insert(resource);
            }
            None => progress.link = address,
        }
    }

    /// Whether the pass goes on.
    pub fn has_more(&self, wanted: &[Resource]) -> bool {
        wanted.iter().any(|resource| !self.done.contains(resource))
    }

    pub fn end_pass(&mut self) {
        self.done.clear();
        self.page_size = None;
    }

    pub fn page_size(&self) -> u32 {
        self.page_size.unwrap_or(PAGE)
    }

    /// Whether smaller pages are possible, which they are from now on.
    pub fn smaller_pages(&mut self) -> bool {
        let size = self.page_size();
        self.page_size = Some((size / 4).max(1));
        size > 1
    }
}
