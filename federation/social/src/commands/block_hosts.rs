//! Hosts that the whole node wants nothing of.

use spine::Cause;

use crate::remote::hosts::normalize_domain;
use crate::store::write_node_blocks as store;
use crate::{Social, SocialError};

/// Longest reason, in characters.
const LONGEST_REASON: usize = 500;

/// Who wants hosts blocked for the whole node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostBlocks<'a> {
    /// Somebody who keeps the node: these hosts too, for this reason.
    Also(&'a str),
    /// The node's configuration: exactly these hosts. What somebody blocked while the node ran
    /// stays.
    Configured,
}

impl Social {
    /// Blocks hosts, with their subdomains, for the whole node: nothing comes from there, nothing
    /// goes there, nothing of them is shown.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where one is no host, or ours; or the store failed.
    pub async fn block_hosts(
        &self,
        hosts: &[String],
        wanted: HostBlocks<'_>,
    ) -> Result<(), SocialError> {
        let mut domains =
            hosts.iter().map(|host| self.other_host(host)).collect::<Result<Vec<_>, _>>()?;
        domains.sort_unstable();
        domains.dedup();
        let spine = self.spine();
        let ids: Vec<i64> = domains.iter().map(|_| spine.snowflakes().next().0).collect();
        let mut tx = spine.begin(Cause::system()).await?;
        let reason = match wanted {
            HostBlocks::Also(reason) => reason.chars().take(LONGEST_REASON).collect(),
            HostBlocks::Configured => {
                store::keep_configured(tx.conn(), &domains).await?;
                store::CONFIGURATION.to_owned()
            }
        };
        store::insert(tx.conn(), &ids, &domains, &reason, spine.clock().now()).await?;
        tx.commit().await?;
        self.saw_host_block();
        Ok(())
    }

    /// Ends the block of a host for the whole node; where there is none changes nothing.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where it is no host, or ours; or the store failed.
    pub async fn unblock_host(&self, host: &str) -> Result<(), SocialError> {
        let domain = self.other_host(host)?;
        let mut tx = self.spine().begin(Cause::system()).await?;
        store::delete(tx.conn(), &domain).await?;
        tx.commit().await?;
        self.saw_host_block();
        Ok(())
    }

    /// A host as it is stored, if it is not ours.
    pub(super) fn other_host(&self, typed: &str) -> Result<String, SocialError> {
        normalize_domain(typed).filter(|domain| *domain != self.settings().domain()).ok_or_else(
            || SocialError::Invalid(format!("Domain {typed:?} is not a valid domain name")),
        )
    }

    /// Lets this process see a changed block list at once; others see it within seconds.
    fn saw_host_block(&self) {
        self.0.remote.blocked.forget();
        self.forget_cached();
    }
}
