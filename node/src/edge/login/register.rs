//! Making a person: their social account and their login, in one transaction.

use identity::{Identity, NewPerson, PersonState, Role};
use social::commands::NewLocalAccount;
use social::{AccountId, Social};
use spine::{Cause, Problem, Spine, Tx};

/// Someone to be made.
pub struct Registration {
    /// The user name.
    pub username: String,
    /// The name for people; empty: the user name.
    pub display_name: String,
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

/// Makes a person within a transaction; nothing happened if it fails.
///
/// # Errors
/// The name is taken or malformed, the password too short.
pub async fn register_in(
    social: &Social,
    identity: &Identity,
    tx: &mut Tx,
    new: Registration,
) -> Result<AccountId, Problem> {
    let username = new.username.trim().trim_start_matches('@').to_owned();
    let display_name = new.display_name.trim().to_owned();
    let account = social
        .create_local_account(tx, NewLocalAccount { username: username.clone(), display_name })
        .await?;
    let person = NewPerson {
        account_id: account.0,
        username,
        email: new.email.filter(|email| !email.is_empty()),
        password: new.password,
        role: new.role,
        state: new.state,
        reason: new.reason,
        locale: new.locale,
    };
    identity.register_person(tx, person).await?;
    Ok(account)
}

/// Makes a person in a transaction of its own.
///
/// # Errors
/// As [`register_in`], or the database is away.
pub async fn register(
    spine: &Spine,
    social: &Social,
    identity: &Identity,
    new: Registration,
) -> Result<AccountId, Problem> {
    let mut tx = spine.begin(Cause::system()).await?;
    let account = register_in(social, identity, &mut tx, new).await?;
    tx.commit().await?;
    Ok(account)
}
