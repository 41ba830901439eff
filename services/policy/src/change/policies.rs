//! The household's own policies.

use contracts::api::Conditions;
use contracts::events::policy::PolicyChanged;
use spine::{Cause, Problem};

use crate::engine::{OwnPolicy, built_in_texts};
use crate::store::policies::PolicyVersion;
use crate::{PolicyError, PolicyService, store};

/// Most own policies, and bytes of them altogether: every decision looks at them.
const MOST: usize = 100;
const MOST_BYTES: usize = 256 << 10;

impl PolicyService {
    /// Checks a text as if it were to be kept.
    ///
    /// # Errors
    /// [`PolicyError::Unacceptable`].
    pub(crate) async fn check_policy(&self, name: &str, text: &str) -> Result<(), PolicyError> {
        let policy = OwnPolicy { name: name.to_owned(), text: text.to_owned() };
        if policy.text.contains('\0') {
            return Err(PolicyError::Unacceptable("there is a NUL character in it".to_owned()));
        }
        let service = self.clone();
        // Typing a large text takes a while, which others need not wait for.
        let checked = tokio::task::spawn_blocking(move || {
            service.snapshot().policies.accept(&service.0.vocabulary, &policy)
        });
        checked.await.map_err(|error| PolicyError::BuiltIn(error.to_string()))?
    }

    /// Adds an own policy, or a version of it. The same text again is no new version.
    pub(crate) async fn put_policy(
        &self,
        cause: Cause,
        by: String,
        (name, text): (&str, &str),
        conditions: &Conditions,
    ) -> Result<PolicyVersion, Problem> {
        if !is_name(name) {
            let title = "a policy's name is 1 to 64 of the characters a-z, 0-9 and -".to_owned();
            return Err(PolicyError::Invalid("invalid-name", title).into());
        }
        if built_in_texts()?.iter().any(|policy| policy.id == name) {
            let title = "a policy of the program has this name";
            return Err(PolicyError::Conflict("name-taken", title).into());
        }
        self.check_policy(name, text).await?;
        let mut tx = self.0.spine.begin(cause).await?;
        // One change at a time, so that versions follow each other.
        store::revision::count(tx.conn()).await?;
        let before = store::policies::newest(tx.conn(), name).await?;
        let kept = before.as_ref().filter(|before| before.text.is_some());
        conditions.check(kept.map_or(0, |kept| kept.version))?;
        if let Some(kept) = kept.filter(|kept| kept.text.as_deref() == Some(text)) {
            let kept = kept.clone();
            tx.rollback().await?;
            return Ok(kept);
        }
        let others = store::policies::all(tx.conn()).await?;
        let others = others.iter().filter(|other| other.name != name);
        let bytes: usize = others.clone().map(|other| other.text.len()).sum();
        if others.count() >= MOST || bytes + text.len() > MOST_BYTES {
            let title = "there are as many policies as there can be (100, of 256 KiB altogether)";
            return Err(PolicyError::Conflict("too-many-policies", title).into());
        }
        let change = if kept.is_some() { "changed" } else { "added" };
        let new = PolicyVersion {
            name: name.to_owned(),
            version: before.map_or(0, |before| before.version) + 1,
            text: Some(text.to_owned()),
            changed_by: by,
            changed_at: self.0.spine.clock().now(),
        };
        store::policies::insert(tx.conn(), &new).await?;
        tx.record(&PolicyChanged { policy: name.to_owned(), change: change.to_owned() })?;
        self.changed(&mut tx).await?;
        tx.commit().await?;
        Ok(new)
    }

    /// Removes an own policy. Its versions stay known.
    pub(crate) async fn remove_policy(
        &self,
        cause: Cause,
        by: String,
        name: &str,
        conditions: &Conditions,
    ) -> Result<(), Problem> {
        let mut tx = self.0.spine.begin(cause).await?;
        store::revision::count(tx.conn()).await?;
        let before = store::policies::newest(tx.conn(), name).await?;
        let before = before.filter(|before| before.text.is_some()).ok_or(PolicyError::NotFound)?;
        conditions.check(before.version)?;
        let gone = PolicyVersion {
            version: before.version + 1,
            text: None,
            changed_by: by,
            changed_at: self.0.spine.clock().now(),
            ..before
        };
        store::policies::insert(tx.conn(), &gone).await?;
        tx.record(&PolicyChanged { policy: name.to_owned(), change: "removed".to_owned() })?;
        self.changed(&mut tx).await?;
        Ok(tx.commit().await?)
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
