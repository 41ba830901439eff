//! Where new posts belong: their parents and conversations, found in the store or in the same batch.

use std::collections::{HashMap, HashSet};

use super::stored::{ReplyTo, StoredPost};
use crate::PostId;
use crate::store::write_posts::Found;

/// A stored post that others may answer.
#[derive(Clone, Copy)]
pub struct Parent {
    pub id: i64,
    pub author_id: i64,
    pub conversation_id: i64,
}

/// A new post's place.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub parent: Option<Parent>,
    /// The answered post's URI, where that is not stored.
    pub waits_for: Option<&'a str>,
    pub conversation_id: i64,
}

/// What the store knows about a batch.
#[derive(Default)]
pub struct Surroundings {
    pub posts: HashMap<String, Parent>,
    pub deleted: Vec<String>,
    pub awaited: Vec<String>,
    pub taken: HashSet<i64>,
}

impl Surroundings {
    pub fn new(found: Vec<Found>) -> Self {
        let mut all = Self::default();
        for item in found {
            match item {
                Found::Post { uri, id, author_id, conversation_id } => {
                    all.posts.insert(uri, Parent { id, author_id, conversation_id });
                }
                Found::Gone { uri } => all.deleted.push(uri),
                Found::Awaited { uri } => all.awaited.push(uri),
                Found::Taken { id } => {
                    all.taken.insert(id);
                }
            }
        }
        all
    }
}

/// Finds the places of a batch's new posts. A parent may come later in the batch than its answer;
/// posts that answer each other in a ring lose the link that closes the ring.
pub struct Places<'a> {
    posts: &'a [StoredPost],
    ids: Vec<PostId>,
    new: HashMap<&'a str, usize>,
    around: &'a Surroundings,
    known: Vec<Option<Place<'a>>>,
    under_way: Vec<bool>,
}

impl<'a> Places<'a> {
    /// `ids` are the ids the posts will have; `new` names those that will be stored, by URI.
    pub fn new(
        posts: &'a [StoredPost],
        ids: &[PostId],
        new: HashMap<&'a str, usize>,
        around: &'a Surroundings,
    ) -> Self {
        Self {
            posts,
            ids: ids.to_vec(),
            new,
            around,
            known: vec![None; posts.len()],
            under_way: vec![false; posts.len()],
        }
    }

    /// The place of the post at `index`.
    pub fn of(&mut self, index: usize) -> Place<'a> {
        if let Some(place) = self.known[index] {
            return place;
        }
        self.under_way[index] = true;
        let own = self.ids[index].number();
        let (parent, waits_for) = match &self.posts[index].reply_to {
            ReplyTo::Nothing => (None, None),
            ReplyTo::Known { post, author, conversation } => {
                let parent = Parent {
                    id: post.number(),
                    author_id: author.number(),
                    conversation_id: *conversation,
                };
                (Some(parent), None)
            }
            ReplyTo::Uri(uri) if *uri == self.posts[index].uri => (None, None),
            ReplyTo::Uri(uri) => match self.parent(uri) {
                Some(parent) => (Some(parent), None),
                None => (None, Some(uri.as_str())),
            },
        };
        let conversation_id = parent.map_or(own, |parent| parent.conversation_id);
        let place = Place { parent, waits_for, conversation_id };
        self.known[index] = Some(place);
        self.under_way[index] = false;
        place
    }

    fn parent(&mut self, uri: &str) -> Option<Parent> {
        if let Some(parent) = self.around.posts.get(uri) {
            return Some(*parent);
        }
        let index = *self.new.get(uri)?;
        if self.under_way[index] {
            return None;
        }
        let place = self.of(index);
        let post = &self.posts[index];
        Some(Parent {
            id: self.ids[index].number(),
            author_id: post.author.number(),
            conversation_id: place.conversation_id,
        })
    }
}
