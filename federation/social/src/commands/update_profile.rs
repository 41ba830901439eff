//! A person's profile and defaults.

use bytes::Bytes;
use serde_json::{Value, json};
use spine::JobOptions;

use super::create_local_account::LONGEST_DISPLAY_NAME;
use super::transaction::transaction;
use crate::events::AccountChanged;
use crate::limits::PROFILE_FIELDS;
use crate::media::{self, NewPicture, ProfilePicture};
use crate::outbound::FederateActor;
use crate::store::unused_files;
use crate::store::write_local_accounts::{self as store, Profile};
use crate::text::{count_characters, format_line, format_text};
use crate::{AccountId, Social, SocialError, Visibility};

/// Longest description, in characters.
const LONGEST_NOTE: usize = 5_000;
/// Longest name or value of a field, in characters.
const LONGEST_FIELD: usize = 500;
/// Longest language code.
const LONGEST_LANGUAGE: usize = 16;

/// What of a profile changes; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    /// The name for people.
    pub display_name: Option<String>,
    /// The description, plain text.
    pub note: Option<String>,
    /// Whether followers are approved by hand.
    pub locked: Option<bool>,
    /// Whether a program posts here.
    pub bot: Option<bool>,
    /// Whether the account wants to be found.
    pub discoverable: Option<bool>,
    /// Whether its posts may be searched.
    pub indexable: Option<bool>,
    /// Whether its followers and follows are not for others.
    pub hide_collections: Option<bool>,
    /// Its fields, all of them; those without a name go.
    pub fields: Option<Vec<ProfileField>>,
    /// Its picture.
    pub avatar: Option<PictureChange>,
    /// Its wide picture.
    pub header: Option<PictureChange>,
    /// Who its new posts are for, unless said otherwise.
    pub default_visibility: Option<Visibility>,
    /// Whether its new posts hide their attachments, unless said otherwise.
    pub default_sensitive: Option<bool>,
    /// The language of its new posts, unless said otherwise; an empty one means none.
    pub default_language: Option<String>,
}

/// What becomes of a picture of a profile.
#[derive(Clone, Debug)]
pub enum PictureChange {
    /// There is none any more.
    Remove,
    /// This file, cut to its shape.
    Replace(Bytes),
}

/// A field of a profile, plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileField {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl Social {
    /// Changes the actor's profile and defaults; followers elsewhere hear of the new profile.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where something is too long or no picture: then nothing changes and
    /// nothing is stored. Or a store failed.
    pub async fn update_profile(
        &self,
        actor: AccountId,
        change: ProfileChange,
    ) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        check(&change)?;
        let avatar = self.prepared_picture(ProfilePicture::Avatar, change.avatar.as_ref()).await?;
        let header = self.prepared_picture(ProfilePicture::Header, change.header.as_ref()).await?;
        let mut texts: Vec<&str> = change.note.as_deref().into_iter().collect();
        let fields = change.fields.iter().flatten();
        texts.extend(fields.map(|field| field.value.as_str()));
        let named = self.people_named(&texts).await?;
        let origin = self.own_origin();
        let note_html = change.note.as_ref().map(|note| format_text(note, &named.known, origin));
        let fields = change.fields.as_ref().map(|fields| {
            let shown = fields.iter().filter(|field| !field.name.trim().is_empty());
            shown
                .map(|field| {
                    json!({
                        "name": field.name.trim(),
                        "value_html": format_line(&field.value, &named.known, origin),
                        "value_text": field.value.trim(),
                        "verified_at": null,
                    })
                })
                .collect::<Value>()
        });
        let (avatar, header) =
            (self.stored_picture(avatar).await?, self.stored_picture(header).await?);
        let profile = Profile {
            display_name: change.display_name.as_deref().map(str::trim),
            note_html: note_html.as_deref(),
            note_text: change.note.as_deref(),
            fields: fields.as_ref(),
            avatar_url: avatar.as_deref(),
            header_url: header.as_deref(),
            locked: change.locked,
            bot: change.bot,
            discoverable: change.discoverable,
            indexable: change.indexable,
            hide_collections: change.hide_collections,
            also_known_as: None,
            default_visibility: change.default_visibility.map(|visibility| visibility as i16),
            default_sensitive: change.default_sensitive,
            default_language: change.default_language.as_deref(),
        };
        let event = AccountChanged {
            account: actor,
            uri: me.uri.clone(),
            local: true,
            change: "updated".to_owned(),
        };
        transaction!(self, &me.uri, tx => {
            let new = [&avatar, &header].into_iter().flatten();
            let new: Vec<&str> = new.map(String::as_str).filter(|path| !path.is_empty()).collect();
            // A picture that waited so long that it was removed is not shown.
            if !new.is_empty() && !unused_files::take(tx.conn(), &new).await? {
                return Err(SocialError::Raced);
            }
            let left = store::change_profile(tx.conn(), actor.number(), &profile)
                .await?
                .ok_or(SocialError::NotFound)?
                .left_pictures();
            if !left.is_empty() {
                let left: Vec<&str> = left.iter().map(String::as_str).collect();
                let remove_after = self.spine().clock().now() + media::STAYS;
                unused_files::insert(tx.conn(), &left, remove_after).await?;
            }
            tx.record(&event)?;
            tx.schedule_with(&FederateActor { account: actor }, JobOptions::default())?;
            Ok(())
        });
        self.saw_account_change(&event).await;
        Ok(())
    }

    async fn prepared_picture(
        &self,
        picture: ProfilePicture,
        change: Option<&PictureChange>,
    ) -> Result<Option<Prepared>, SocialError> {
        Ok(match change {
            None => None,
            Some(PictureChange::Remove) => Some(Prepared::None),
            Some(PictureChange::Replace(bytes)) => {
                Some(Prepared::New(self.prepare_profile_picture(picture, bytes.clone()).await?))
            }
        })
    }

    /// The path of the picture; empty where there is to be none.
    async fn stored_picture(
        &self,
        picture: Option<Prepared>,
    ) -> Result<Option<String>, SocialError> {
        Ok(match picture {
            None => None,
            Some(Prepared::None) => Some(String::new()),
            Some(Prepared::New(picture)) => Some(self.store_profile_picture(picture).await?),
        })
    }

    /// Sets the accounts elsewhere that are the same person: the other half of a move to here.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where one cannot be found, or the store failed.
    pub async fn set_aliases(
        &self,
        actor: AccountId,
        handles: &[String],
    ) -> Result<(), SocialError> {
        let me = self.actor(actor).await?;
        let mut uris = Vec::with_capacity(handles.len());
        for handle in handles.iter().take(10) {
            let account = self.resolve_handle(handle).await?;
            let Some(account) = account.filter(|account| *account != actor) else {
                return Err(SocialError::Invalid(format!("{handle} could not be found")));
            };
            uris.push(self.target(actor, account).await?.uri);
        }
        let profile = Profile { also_known_as: Some(&uris), ..Profile::default() };
        let event = AccountChanged {
            account: actor,
            uri: me.uri.clone(),
            local: true,
            change: "updated".to_owned(),
        };
        transaction!(self, &me.uri, tx => {
            store::change_profile(tx.conn(), actor.number(), &profile).await?;
            tx.record(&event)?;
            tx.schedule_with(&FederateActor { account: actor }, JobOptions::default())?;
            Ok(())
        });
        self.saw_account_change(&event).await;
        Ok(())
    }

    /// Lets this process read what just changed of a local account.
    pub(super) async fn saw_account_change(&self, event: &AccountChanged) {
        self.forget_actor(event.account).await;
        self.0.documents.forget_all();
        self.invalidate(event);
    }
}

/// A picture of a profile before it is stored.
enum Prepared {
    None,
    New(NewPicture),
}

fn check(change: &ProfileChange) -> Result<(), SocialError> {
    let too_long = |what: &str, most: usize| {
        Err(SocialError::Invalid(format!("{what} is too long (maximum is {most} characters)")))
    };
    let length = |text: &str| text.chars().count();
    if change.display_name.as_deref().is_some_and(|name| length(name) > LONGEST_DISPLAY_NAME) {
        return too_long("Display name", LONGEST_DISPLAY_NAME);
    }
    if change.note.as_deref().is_some_and(|note| count_characters(note) > LONGEST_NOTE) {
        return too_long("Note", LONGEST_NOTE);
    }
    if change.default_language.as_deref().is_some_and(|code| length(code) > LONGEST_LANGUAGE) {
        return too_long("Language", LONGEST_LANGUAGE);
    }
    let Some(fields) = &change.fields else { return Ok(()) };
    if fields.len() > PROFILE_FIELDS {
        return Err(SocialError::Invalid(format!("A profile has at most {PROFILE_FIELDS} fields")));
    }
    for field in fields {
        if length(&field.name) > LONGEST_FIELD || length(&field.value) > LONGEST_FIELD {
            return too_long("A profile field", LONGEST_FIELD);
        }
    }
    Ok(())
}
