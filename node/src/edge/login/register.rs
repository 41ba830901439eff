//! Making a person: their social account and their login, in one transaction.
//!
//! Who has to be approved first gets the login alone, with the number of the account that they will
//! have. The account itself is made when they are let in, so that nobody finds it before, here or
//! elsewhere.

use identity::{Identity, NewPerson, Person, PersonState, Role};
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
    /// Their language.
    pub locale: String,
}

/// Someone who asks to be let in.
pub struct Application {
    /// The user name.
    pub username: String,
    /// Where they get mail.
    pub email: String,
    /// Their password, in the clear, for this moment only.
    pub password: String,
    /// Why they want to join.
    pub reason: String,
    /// Their language.
    pub locale: String,
}

/// The name without what people write around it.
fn plain(username: &str) -> String {
    username.trim().trim_start_matches('@').to_owned()
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
    let username = plain(&new.username);
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
        state: PersonState::Active,
        reason: String::new(),
        locale: new.locale,
    };
    identity.register_person(tx, person).await?;
    Ok(account)
}

/// Notes within a transaction who asks to be let in, and keeps the name for them. The number of the
/// account that they will have.
///
/// # Errors
/// The name is taken or malformed, the password too short.
pub async fn apply_in(
    social: &Social,
    identity: &Identity,
    tx: &mut Tx,
    new: Application,
) -> Result<AccountId, Problem> {
    let username = plain(&new.username);
    social.check_new_username(tx, &username).await?;
    let account = AccountId(identity.spine().snowflakes().next());
    let person = NewPerson {
        account_id: account.0,
        username,
        email: Some(new.email),
        password: new.password,
        role: Role::Member,
        state: PersonState::Pending,
        reason: new.reason,
        locale: new.locale,
    };
    identity.register_person(tx, person).await?;
    Ok(account)
}

/// Lets someone in who waits for that, and makes their social account. Whether they waited.
///
/// # Errors
/// The database is away.
pub async fn approve(
    spine: &Spine,
    social: &Social,
    identity: &Identity,
    person: &Person,
) -> Result<bool, Problem> {
    let mut tx = spine.begin(Cause::system()).await?;
    if !identity.approve(&mut tx, person.account_id).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    let username = person.username.clone();
    let new = NewLocalAccount { username, display_name: String::new() };
    social.create_local_account_as(&mut tx, AccountId(person.account_id), new).await?;
    tx.commit().await?;
    Ok(true)
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
