//! `sovereign user`.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use identity::{Identity, Person, PersonState, Role};
use serde::Serialize;
use serde_json::json;
use social::AccountId;
use social::read::{SearchKind, SearchQuery};

use super::backend::Backend;
use super::output::Output;
use crate::edge::login::register::{self, Registration};

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an account; its password is printed, or read with --password-stdin
    Create(Create),
    /// List all accounts
    List,
    /// Set a new password; sessions and apps of the account are signed out
    Password {
        /// The user name
        name: String,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// Let someone in who waits for approval
    Approve {
        /// The user name
        name: String,
    },
    /// Move an account's followers to another account, which must name this one as its alias
    Move {
        /// The user name
        name: String,
        /// The other account, such as ada@other.example
        to: String,
    },
    /// Delete an account with everything in it, here and on the servers that follow it; or turn
    /// down someone who waits for approval
    Delete {
        /// The user name
        name: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub struct Create {
    /// The user name: letters, digits and underscores
    name: String,
    /// The name for people
    #[arg(long, default_value = "")]
    display_name: String,
    /// Where they get mail; they can log in with it too
    #[arg(long)]
    email: Option<String>,
    /// The node's owner
    #[arg(long, conflicts_with = "admin")]
    owner: bool,
    /// An admin of the node
    #[arg(long)]
    admin: bool,
    #[command(flatten)]
    password: PasswordSource,
}

#[derive(Debug, Args)]
pub struct PasswordSource {
    /// Read the password from standard input instead of making one up
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordSource {
    /// The password, and whether the person must be told it.
    fn obtain(&self) -> anyhow::Result<(String, bool)> {
        if !self.password_stdin {
            // Two random UUIDs' worth of letters and digits: nothing to guess, easy to paste.
            let password = uuid::Uuid::new_v4().simple().to_string();
            return Ok((password, true));
        }
        let mut password = String::new();
        std::io::stdin()
            .take(4_096)
            .read_to_string(&mut password)
            .context("the password could not be read")?;
        let password = password.trim_end_matches(['\r', '\n']).to_owned();
        if password.is_empty() {
            bail!("the password on standard input is empty");
        }
        Ok((password, false))
    }
}

/// A person as they are printed.
#[derive(Serialize)]
struct Row {
    account_id: String,
    username: String,
    email: Option<String>,
    role: &'static str,
    state: &'static str,
    created_at: String,
}

impl From<&Person> for Row {
    fn from(person: &Person) -> Self {
        Self {
            account_id: person.account_id.to_string(),
            username: person.username.clone(),
            email: person.email.clone(),
            role: person.role.name(),
            state: person.state.name(),
            created_at: person.created_at.to_rfc3339(),
        }
    }
}

/// Does it.
pub async fn run(command: Command, backend: Backend, output: &Output) -> anyhow::Result<()> {
    match command {
        Command::Create(create) => self::create(create, &backend, output).await,
        Command::List => {
            let people = backend.identity().await?.people().await?;
            let rows: Vec<Row> = people.iter().map(Row::from).collect();
            let columns = ["username", "role", "state", "email", "account_id", "created_at"];
            output.many(&rows, &columns, "Nobody yet: sovereign user create NAME --owner")
        }
        Command::Password { name, password } => {
            let identity = backend.identity().await?;
            let person = find(&identity, &name).await?;
            let (password, tell) = password.obtain()?;
            identity.set_password(person.account_id, &password).await?;
            tell_password(output, &person.username, "The new password of", &password, tell)
        }
        Command::Approve { name } => approve(&name, &backend, output).await,
        Command::Move { name, to } => move_to(&name, &to, &backend, output).await,
        Command::Delete { name, yes } => delete(&name, yes, &backend, output).await,
    }
}

async fn create(create: Create, backend: &Backend, output: &Output) -> anyhow::Result<()> {
    let (social, identity) = (backend.social().await?, backend.identity().await?);
    let (password, tell) = create.password.obtain()?;
    let role = match (create.owner, create.admin) {
        (true, _) => Role::Owner,
        (false, true) => Role::Admin,
        (false, false) => Role::Member,
    };
    let registration = Registration {
        username: create.name.clone(),
        display_name: create.display_name,
        email: create.email,
        password: password.clone(),
        role,
        locale: "en".to_owned(),
    };
    register::register(&backend.spine, &social, &identity, registration).await?;
    let domain = social.settings().domain();
    let text = format!("Made @{}@{domain}, with the password", create.name);
    tell_password(output, &create.name, &text, &password, tell)
}

fn tell_password(
    output: &Output,
    username: &str,
    sentence: &str,
    password: &str,
    tell: bool,
) -> anyhow::Result<()> {
    if !tell {
        return output.one(&json!({ "username": username }), "Done.");
    }
    let value = json!({ "username": username, "password": password });
    output.one(&value, &format!("{sentence} ({username}):\n\n    {password}\n"))
}

async fn approve(name: &str, backend: &Backend, output: &Output) -> anyhow::Result<()> {
    let (social, identity) = (backend.social().await?, backend.identity().await?);
    let person = find(&identity, name).await?;
    let waited = register::approve(&backend.spine, &social, &identity, &person).await?;
    if !waited && person.state == PersonState::Suspended {
        bail!("{} does not wait for approval, but is suspended", person.username);
    }
    let text = format!("{} may log in.", person.username);
    output.one(&json!({ "username": person.username, "state": "active" }), &text)
}

async fn delete(name: &str, yes: bool, backend: &Backend, output: &Output) -> anyhow::Result<()> {
    let (social, identity) = (backend.social().await?, backend.identity().await?);
    let person = find(&identity, name).await?;
    if !yes && !confirmed(&person.username)? {
        bail!("nothing was deleted");
    }
    let account = AccountId(person.account_id);
    let mut tx = backend.spine.begin(spine::Cause::system()).await?;
    // Who still waits for approval has no account yet.
    if person.state != PersonState::Pending {
        social.delete_local_account_in(&mut tx, account).await?;
    }
    identity.delete_person(&mut tx, person.account_id).await?;
    tx.commit().await?;
    let text = match person.state {
        PersonState::Pending => format!("Deleted {}, who waited for approval.", person.username),
        _ => format!("Deleted {}. Other servers are told by the running node.", person.username),
    };
    output.one(&json!({ "username": person.username, "deleted": true }), &text)
}

async fn move_to(name: &str, to: &str, backend: &Backend, output: &Output) -> anyhow::Result<()> {
    let (social, identity) = (backend.social().await?, backend.identity().await?);
    let person = find(&identity, name).await?;
    let account = AccountId(person.account_id);
    let query = SearchQuery {
        q: to.to_owned(),
        kind: Some(SearchKind::Accounts),
        resolve: true,
        limit: Some(1),
        ..SearchQuery::default()
    };
    let found = social.search_accounts(Some(account), &query).await?;
    let target = found.first().with_context(|| format!("nobody was found as {to}"))?;
    social.move_account(account, target.id).await?;
    let text = format!(
        "{} moved to {}. The followers' servers are told by the running node.",
        person.username, target.acct
    );
    output.one(&json!({ "username": person.username, "moved_to": target.acct }), &text)
}

fn confirmed(name: &str) -> anyhow::Result<bool> {
    use std::io::Write as _;

    print!("Delete {name} with every post and picture, for ever? Type the name to go on: ");
    std::io::stdout().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(answer.trim() == name)
}

async fn find(identity: &Identity, name: &str) -> anyhow::Result<Person> {
    let name = name.trim_start_matches('@');
    identity
        .person_by_username(name)
        .await?
        .with_context(|| format!("nobody is called {name} here"))
}
