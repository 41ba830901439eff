//! What the node says about itself.

use chrono::{DateTime, Datelike, Duration, NaiveTime, Utc};

use super::entities::{
    Account, AccountLimits, ApiVersions, Configuration, ConfigurationUrls, Contact, Icon, Instance,
    InstanceActivity, InstanceV1, InstanceV1Urls, MediaLimits, PollLimits, Registrations, Rule,
    Shared, Stats, StatusLimits, Thumbnail, Translation, Usage, Users,
};
use crate::limits;
use crate::media::ACCEPTED_TYPES;
use crate::store::read_instance::{self, NumbersRow};
use crate::{AccountId, Social, SocialError};

/// The Mastodon release whose API this is; clients read the leading number.
const COMPATIBLE_WITH: &str = "4.4.0";
/// Mastodon's API counter: 2 is grouped notifications. Only what is true is claimed.
const API_VERSION: u32 = 2;
/// Servers that are named at most.
const MOST_PEERS: i64 = 10_000;
/// Weeks of activity.
const WEEKS: i64 = 12;

impl Social {
    /// The node (`/api/v2/instance`).
    ///
    /// # Errors
    /// The store failed.
    pub async fn instance_v2(&self) -> Result<Instance, SocialError> {
        let settings = self.settings();
        let numbers = self.numbers().await?;
        Ok(Instance {
            domain: settings.domain(),
            title: settings.title.clone(),
            version: version(),
            source_url: self.source_url(),
            description: settings.description.clone(),
            usage: Usage { users: Users { active_month: numbers.active_month } },
            thumbnail: Thumbnail { url: self.addresses().fixed("header.png") },
            icon: vec![Icon { src: self.addresses().fixed("avatar.png"), size: "400x400" }],
            languages: vec!["en".to_owned()],
            configuration: self.configuration(),
            registrations: Registrations {
                enabled: settings.registrations_open,
                approval_required: settings.approval_required,
                reason_required: settings.approval_required,
                message: None,
                min_age: None,
                url: None,
            },
            api_versions: ApiVersions { mastodon: API_VERSION },
            contact: Contact {
                email: settings.contact_email.clone(),
                account: self.contact_account().await?,
            },
            rules: self.instance_rules(),
        })
    }

    /// The node as older clients ask for it (`/api/v1/instance`).
    ///
    /// # Errors
    /// The store failed.
    pub async fn instance_v1(&self) -> Result<InstanceV1, SocialError> {
        let settings = self.settings();
        let numbers = self.numbers().await?;
        Ok(InstanceV1 {
            uri: settings.domain(),
            title: settings.title.clone(),
            short_description: settings.description.clone(),
            description: settings.description.clone(),
            email: settings.contact_email.clone(),
            version: version(),
            urls: InstanceV1Urls { streaming_api: self.addresses().streaming() },
            stats: Stats {
                user_count: numbers.people,
                status_count: numbers.posts,
                domain_count: numbers.domains,
            },
            thumbnail: self.addresses().fixed("header.png"),
            languages: vec!["en".to_owned()],
            registrations: settings.registrations_open,
            approval_required: settings.approval_required,
            invites_enabled: false,
            configuration: self.configuration(),
            contact_account: self.contact_account().await?,
            rules: self.instance_rules(),
        })
    }

    /// Where the source of what runs here is: as configured, else the page that says whom to ask.
    fn source_url(&self) -> String {
        match &self.settings().source_url {
            Some(url) => url.to_string(),
            None => self.addresses().page("about"),
        }
    }

    /// The node's rules: none yet.
    pub fn instance_rules(&self) -> Vec<Rule> {
        Vec::new()
    }

    /// The servers that we know, by name, at most 10,000.
    ///
    /// # Errors
    /// The store failed.
    pub async fn instance_peers(&self) -> Result<Vec<String>, SocialError> {
        Ok(read_instance::peers(self.spine().pool(), MOST_PEERS).await?)
    }

    /// The last twelve weeks, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn activity(&self) -> Result<Vec<InstanceActivity>, SocialError> {
        let this_week = start_of_week(self.spine().clock().now());
        let starts: Vec<DateTime<Utc>> =
            (0..WEEKS).map(|back| this_week - Duration::weeks(back)).collect();
        let rows = read_instance::weeks(self.spine().pool(), &starts).await?;
        Ok(rows
            .into_iter()
            .map(|row| InstanceActivity {
                week: row.start.timestamp().to_string(),
                statuses: row.posts.to_string(),
                logins: row.authors.to_string(),
                registrations: row.joined.to_string(),
            })
            .collect())
    }

    /// The node's numbers, counted at most once a minute: every app that starts asks for them.
    async fn numbers(&self) -> Result<NumbersRow, SocialError> {
        let now = self.spine().clock().now();
        if let Some(numbers) = self.0.cache.numbers(now) {
            return Ok(numbers);
        }
        let since = now - Duration::weeks(4);
        let numbers = read_instance::numbers(self.spine().pool(), since).await?;
        self.0.cache.keep_numbers(numbers, now + Duration::minutes(1));
        Ok(numbers)
    }

    async fn contact_account(&self) -> Result<Option<Shared<Account>>, SocialError> {
        let Some(id) = read_instance::contact(self.spine().pool()).await? else {
            return Ok(None);
        };
        Ok(self.accounts_in_order(&[AccountId::from_number(id)]).await?.pop())
    }

    fn configuration(&self) -> Configuration {
        let settings = self.settings();
        Configuration {
            urls: ConfigurationUrls { streaming: self.addresses().streaming() },
            accounts: AccountLimits {
                max_featured_tags: 0,
                max_pinned_statuses: limits::PINNED_POSTS,
                max_profile_fields: limits::PROFILE_FIELDS,
            },
            statuses: StatusLimits {
                max_characters: settings.max_post_characters,
                max_media_attachments: settings.max_media_attachments,
                characters_reserved_per_url: limits::LINK_CHARACTERS,
            },
            media_attachments: MediaLimits {
                supported_mime_types: ACCEPTED_TYPES.to_vec(),
                description_limit: limits::DESCRIPTION_CHARACTERS,
                image_size_limit: settings.max_image_bytes,
                image_matrix_limit: limits::PICTURE_PIXELS,
                video_size_limit: settings.max_video_bytes,
                video_frame_rate_limit: limits::VIDEO_FRAMES_A_SECOND,
                video_matrix_limit: limits::VIDEO_PIXELS,
            },
            polls: PollLimits {
                max_options: *limits::POLL_OPTIONS.end(),
                max_characters_per_option: limits::POLL_OPTION_CHARACTERS,
                min_expiration: *limits::POLL_SECONDS.start(),
                max_expiration: *limits::POLL_SECONDS.end(),
            },
            translation: Translation { enabled: false },
        }
    }
}

/// `4.4.0 (compatible; Sovereign 0.1.0)`.
fn version() -> String {
    format!("{COMPATIBLE_WITH} (compatible; Sovereign {})", env!("CARGO_PKG_VERSION"))
}

/// Midnight of the week's Monday.
fn start_of_week(now: DateTime<Utc>) -> DateTime<Utc> {
    let monday = now.date_naive() - Duration::days(now.weekday().num_days_from_monday().into());
    monday.and_time(NaiveTime::MIN).and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_leads_with_a_number_that_clients_know() {
        assert!(version().starts_with("4.4.0 (compatible; Sovereign "));
    }

    #[test]
    fn weeks_begin_on_monday() {
        let sunday = DateTime::from_timestamp(1_795_345_537, 0).unwrap();
        assert_eq!(start_of_week(sunday).to_rfc3339(), "2026-11-16T00:00:00+00:00");
    }
}
