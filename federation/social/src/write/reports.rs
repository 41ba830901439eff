//! Reports to the node's moderators.

use spine::Tx;

use crate::events::ReportFiled;
use crate::store::write_reports::{self as store, ReportRow};
use crate::{AccountId, PostId, Social, SocialError};

/// A report.
#[derive(Clone, Debug)]
pub struct NewReport {
    /// Who reports; the remote instance's actor for one from elsewhere.
    pub account: AccountId,
    /// Who is reported.
    pub target: AccountId,
    /// What the person says, plain text.
    pub comment: String,
    /// Mastodon's category: `spam`, `legal`, `violation`, `other`.
    pub category: String,
    /// The posts that it is about.
    pub posts: Vec<PostId>,
    /// The Flag's ActivityPub id.
    pub uri: Option<String>,
    /// Whether the reported account's server is told.
    pub forwarded: bool,
}

/// Files a report: its id, or `None` where one with its URI is filed.
///
/// # Errors
/// The store failed.
pub async fn file(
    social: &Social,
    tx: &mut Tx,
    report: &NewReport,
) -> Result<Option<i64>, SocialError> {
    let id = social.spine().snowflakes().next().0;
    let posts: Vec<i64> = report.posts.iter().map(|post| post.number()).collect();
    let row = ReportRow {
        id,
        account_id: report.account.number(),
        target_id: report.target.number(),
        comment: &report.comment,
        category: &report.category,
        post_ids: &posts,
        uri: report.uri.as_deref(),
        forwarded: report.forwarded,
        created_at: social.spine().clock().now(),
    };
    if !store::insert(tx.conn(), &row).await? {
        return Ok(None);
    }
    tx.record(&ReportFiled {
        report: id.to_string(),
        account: report.account,
        target: report.target,
        forwarded: report.forwarded,
    })?;
    Ok(Some(id))
}
