//! People: who they are to the node, and their passwords.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use spine::{Snowflake, Spine, Tx};

use crate::events::{AccessRevoked, PersonChanged, PersonRegistered};
use crate::{Identity, IdentityError, password, store};

/// What a person may do on the node as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Made the node; everything.
    Owner,
    /// Looks after people and reports.
    Admin,
    /// Lives here.
    Member,
}

impl Role {
    /// As the database keeps it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}

impl FromStr for Role {
    type Err = IdentityError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "owner" => Ok(Self::Owner),
            "admin" => Ok(Self::Admin),
            "member" => Ok(Self::Member),
            other => Err(IdentityError::Invalid(format!(
                "a role is owner, admin or member, not {other:?}"
            ))),
        }
    }
}

/// Whether a person can log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PersonState {
    /// Yes.
    Active,
    /// Waits for approval.
    Pending,
    /// Was locked out by an admin.
    Suspended,
}

impl PersonState {
    /// As the database keeps it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Pending => "pending",
            Self::Suspended => "suspended",
        }
    }

    pub(crate) fn from_stored(text: &str) -> Self {
        match text {
            "active" => Self::Active,
            "pending" => Self::Pending,
            _ => Self::Suspended,
        }
    }

    /// Lets the active pass.
    pub(crate) fn admit(self) -> Result<(), IdentityError> {
        match self {
            Self::Active => Ok(()),
            Self::Pending => Err(IdentityError::NotActive("Your account waits for approval.")),
            Self::Suspended => Err(IdentityError::NotActive("Your account is suspended.")),
        }
    }
}

/// A person, without secrets.
#[derive(Clone, Debug)]
pub struct Person {
    /// Their social account.
    pub account_id: Snowflake,
    /// The name they log in with.
    pub username: String,
    /// Where they get mail, if they said.
    pub email: Option<String>,
    /// What they may do on the node.
    pub role: Role,
    /// Whether they can log in.
    pub state: PersonState,
    /// Why they want to join.
    pub reason: String,
    /// Their language, a BCP 47 tag.
    pub locale: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// Someone to be registered. The social account is made in the same transaction; for who waits for
/// approval, in the one that approves them ([`Identity::approve`]).
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// The social account's number.
    pub account_id: Snowflake,
    /// The name they log in with: that of the account.
    pub username: String,
    /// Where they get mail.
    pub email: Option<String>,
    /// Their password, in the clear, for this moment only.
    pub password: String,
    /// What they may do.
    pub role: Role,
    /// Whether they wait for approval.
    pub state: PersonState,
    /// Why they want to join.
    pub reason: String,
    /// Their language.
    pub locale: String,
}

impl Identity {
    /// Registers a person as part of a transaction that also makes their social account, unless they
    /// wait for approval.
    ///
    /// # Errors
    /// The name or address is taken or malformed, or the password too short.
    pub async fn register_person(
        &self,
        tx: &mut Tx,
        person: NewPerson,
    ) -> Result<(), IdentityError> {
        let hash = password::hash(&person.password).await?;
        if let Some(email) = &person.email {
            let (name, host) = email.split_once('@').unwrap_or_default();
            if name.is_empty()
                || !host.contains('.')
                || email.len() > 254
                || email.contains(char::is_whitespace)
            {
                return Err(IdentityError::Invalid("that is not an e-mail address".into()));
            }
        }
        if !store::people::insert(tx.conn(), &person, &hash, self.0.spine.clock().now()).await? {
            return Err(IdentityError::Invalid(
                "that user name or e-mail address is already taken".into(),
            ));
        }
        tx.record(&PersonRegistered {
            account: person.account_id,
            username: person.username,
            role: person.role.name().to_owned(),
            state: person.state.name().to_owned(),
        })?;
        Ok(())
    }

    /// The person with this social account.
    ///
    /// # Errors
    /// The database failed.
    pub async fn person(&self, account_id: Snowflake) -> Result<Option<Person>, IdentityError> {
        Ok(store::people::by_account(self.0.spine.pool(), account_id).await?)
    }

    /// The person with this user name.
    ///
    /// # Errors
    /// The database failed.
    pub async fn person_by_username(&self, name: &str) -> Result<Option<Person>, IdentityError> {
        Ok(store::people::by_username(self.0.spine.pool(), name).await?)
    }

    /// Everyone, oldest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn people(&self) -> Result<Vec<Person>, IdentityError> {
        Ok(store::people::all(self.0.spine.pool()).await?)
    }

    /// Whether nobody has registered yet.
    ///
    /// # Errors
    /// The database failed.
    pub async fn is_empty(&self) -> Result<bool, IdentityError> {
        Ok(!store::people::any(self.0.spine.pool()).await?)
    }

    /// The active person behind a name (or e-mail address) and password.
    ///
    /// # Errors
    /// The two do not match, the person may not log in, or there were too many tries.
    pub async fn log_in(&self, login: &str, password: &str) -> Result<Person, IdentityError> {
        let login = login.trim().trim_start_matches('@');
        if !self.0.throttle.admits(login) {
            return Err(IdentityError::TooManyAttempts);
        }
        let found = store::people::by_login(self.0.spine.pool(), login).await?;
        let (person, hash) = found.unzip();
        if !password::verify(password, hash).await? {
            self.0.throttle.failed(login);
            tracing::info!("a login failed");
            return Err(IdentityError::WrongPassword);
        }
        self.0.throttle.succeeded(login);
        let person = person.ok_or(IdentityError::WrongPassword)?;
        person.state.admit()?;
        Ok(person)
    }

    /// Sets a new password and ends every session and token of the person.
    ///
    /// # Errors
    /// The password is too short, or there is no such person.
    pub async fn set_password(
        &self,
        account_id: Snowflake,
        new_password: &str,
    ) -> Result<(), IdentityError> {
        let hash = password::hash(new_password).await?;
        let mut tx = self.begin_for(account_id).await?;
        store::people::set_password(tx.conn(), account_id, &hash).await?;
        self.lock_out(tx, account_id, "password").await
    }

    /// Lets a person in who waits for that, as part of the transaction that makes their social
    /// account. Whether they waited; if not, nothing changed.
    ///
    /// # Errors
    /// The database failed.
    pub async fn approve(&self, tx: &mut Tx, account_id: Snowflake) -> Result<bool, IdentityError> {
        let (waits, may) = (PersonState::Pending, PersonState::Active);
        if !store::people::change_state(tx.conn(), account_id, waits, may).await? {
            return Ok(false);
        }
        tx.record(&PersonChanged { account: account_id, change: "approved".into() })?;
        Ok(true)
    }

    /// Locks an active person out: their sessions and tokens end. Whether they were active.
    ///
    /// # Errors
    /// The database failed.
    pub async fn suspend(&self, account_id: Snowflake) -> Result<bool, IdentityError> {
        let mut tx = self.begin_for(account_id).await?;
        let (may, may_not) = (PersonState::Active, PersonState::Suspended);
        if !store::people::change_state(tx.conn(), account_id, may, may_not).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        self.lock_out(tx, account_id, "suspended").await?;
        Ok(true)
    }

    /// Lets a suspended person log in again. Whether they were suspended.
    ///
    /// # Errors
    /// The database failed.
    pub async fn restore(&self, account_id: Snowflake) -> Result<bool, IdentityError> {
        let mut tx = self.begin_for(account_id).await?;
        let (may_not, may) = (PersonState::Suspended, PersonState::Active);
        if !store::people::change_state(tx.conn(), account_id, may_not, may).await? {
            tx.rollback().await?;
            return Ok(false);
        }
        tx.record(&PersonChanged { account: account_id, change: "restored".into() })?;
        tx.commit().await?;
        Ok(true)
    }

    /// Removes a person's login, sessions and tokens, and makes what the ledger holds of them
    /// unreadable, as part of the transaction that deletes their account, where they have one.
    ///
    /// # Errors
    /// The database failed.
    pub async fn delete_person(
        &self,
        tx: &mut Tx,
        account_id: Snowflake,
    ) -> Result<(), IdentityError> {
        let revoked =
            store::tokens::revoke_all_of(tx.conn(), account_id, self.0.spine.clock().now()).await?;
        store::people::delete(tx.conn(), account_id).await?;
        // Who still waits has no social account with whose end this would be done.
        Spine::erase(tx, &format!("account:{account_id}")).await?;
        tx.record(&AccessRevoked { tokens: revoked, account: Some(account_id) })?;
        tx.record(&PersonChanged { account: account_id, change: "deleted".into() })?;
        self.0.grants.invalidate_all();
        Ok(())
    }

    async fn begin_for(&self, account_id: Snowflake) -> Result<Tx, IdentityError> {
        let cause = spine::Cause::by(format!("account:{account_id}"));
        Ok(self.0.spine.begin(cause).await?)
    }

    async fn lock_out(
        &self,
        mut tx: Tx,
        account_id: Snowflake,
        change: &str,
    ) -> Result<(), IdentityError> {
        let now = self.0.spine.clock().now();
        let revoked = store::tokens::revoke_all_of(tx.conn(), account_id, now).await?;
        store::sessions::delete_all_of(tx.conn(), account_id).await?;
        tx.record(&PersonChanged { account: account_id, change: change.to_owned() })?;
        tx.record(&AccessRevoked { tokens: revoked, account: Some(account_id) })?;
        tx.commit().await?;
        self.0.grants.invalidate_all();
        Ok(())
    }
}
