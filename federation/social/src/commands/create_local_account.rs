//! Making a local account.

use spine::Tx;

use crate::events::AccountChanged;
use crate::signing::NewKeys;
use crate::store::write_local_accounts::{self as store, NewLocal};
use crate::{AccountId, Social, SocialError};

/// Longest user name, as on Mastodon.
const LONGEST: usize = 30;
/// Longest name for people, in characters.
pub(super) const LONGEST_DISPLAY_NAME: usize = 100;

/// Names that mean the node, its people of trust, or one of its own addresses.
const RESERVED: [&str; 50] = [
    "abuse",
    "about",
    "account",
    "accounts",
    "actor",
    "admin",
    "administration",
    "administrator",
    "admins",
    "api",
    "apps",
    "auth",
    "autoconfig",
    "autodiscover",
    "billing",
    "contact",
    "everyone",
    "explore",
    "feed",
    "help",
    "helpdesk",
    "home",
    "host",
    "hostmaster",
    "inbox",
    "info",
    "instance",
    "internal",
    "login",
    "mail",
    "media",
    "mod",
    "moderator",
    "moderators",
    "nodeinfo",
    "noreply",
    "oauth",
    "owner",
    "postmaster",
    "relay",
    "root",
    "security",
    "settings",
    "signup",
    "sovereign",
    "staff",
    "static",
    "support",
    "system",
    "webmaster",
];

/// A local account to create.
#[derive(Clone, Debug)]
pub struct NewLocalAccount {
    /// The user name: letters, digits and `_`, at most 30; case is kept and means nothing.
    pub username: String,
    /// The name for people; may be empty.
    pub display_name: String,
}

impl Social {
    /// Creates a local account with its keys, in the caller's transaction.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where the name is malformed, reserved or taken; the store or the
    /// randomness failed.
    pub async fn create_local_account(
        &self,
        tx: &mut Tx,
        new: NewLocalAccount,
    ) -> Result<AccountId, SocialError> {
        let id = AccountId(self.spine().snowflakes().next());
        self.create_local_account_as(tx, id, new).await?;
        Ok(id)
    }

    /// Refuses a name that no new local account could have now: before an account is made for which
    /// somebody still has to be let in.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where the name is malformed, reserved or taken; the store failed.
    pub async fn check_new_username(&self, tx: &mut Tx, username: &str) -> Result<(), SocialError> {
        check_username(username)?;
        if store::is_taken(tx.conn(), username).await? { Err(taken()) } else { Ok(()) }
    }

    /// [`Social::create_local_account`] under a number that was given out before.
    ///
    /// # Errors
    /// See there.
    pub async fn create_local_account_as(
        &self,
        tx: &mut Tx,
        id: AccountId,
        new: NewLocalAccount,
    ) -> Result<(), SocialError> {
        check_username(&new.username)?;
        let display_name = new.display_name.trim();
        if display_name.chars().count() > LONGEST_DISPLAY_NAME {
            return Err(SocialError::Invalid(format!(
                "Display name is too long (maximum is {LONGEST_DISPLAY_NAME} characters)"
            )));
        }
        let keys = NewKeys::make(self.spine()).await?;
        let origin = self.own_origin();
        let name = &new.username;
        let uri = format!("{origin}/users/{name}");
        let row = NewLocal {
            id: id.number(),
            uri: &uri,
            url: &format!("{origin}/@{name}"),
            username: name,
            kind: "Person",
            display_name,
            locked: false,
            inbox_url: &format!("{uri}/inbox"),
            shared_inbox_url: &format!("{origin}/inbox"),
            outbox_url: &format!("{uri}/outbox"),
            followers_url: &format!("{uri}/followers"),
            following_url: &format!("{uri}/following"),
            featured_url: &format!("{uri}/collections/featured"),
            created_at: self.spine().clock().now(),
            rsa_key_sealed: &keys.rsa_key_sealed,
            rsa_public_pem: &keys.rsa_public_pem,
            ed25519_key_sealed: &keys.ed25519_key_sealed,
            ed25519_multibase: &keys.ed25519_multibase,
        };
        if !store::insert_local(tx.conn(), &row).await? {
            return Err(taken());
        }
        tx.record(&AccountChanged { account: id, uri, local: true, change: "created".to_owned() })?;
        Ok(())
    }
}

fn taken() -> SocialError {
    SocialError::Invalid("Username has already been taken".to_owned())
}

fn check_username(name: &str) -> Result<(), SocialError> {
    let invalid = |what: &str| Err(SocialError::Invalid(what.to_owned()));
    if name.is_empty() || name.len() > LONGEST {
        return invalid("Username must have one to thirty characters");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return invalid("Username must contain only letters, numbers and underscores");
    }
    if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
        return invalid("Username is reserved");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_username;

    #[test]
    fn names_are_short_plain_and_free() {
        for good in ["a", "Alice", "alice_2", "___", &"x".repeat(30)] {
            assert!(check_username(good).is_ok(), "{good}");
        }
        for bad in ["", "a-b", "a.b", "ä", "a b", "Admin", "root", &"x".repeat(31)] {
            assert!(check_username(bad).is_err(), "{bad}");
        }
    }
}
