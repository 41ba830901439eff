//! Hosts that the whole node wants nothing of.

use spine::Cause;

use crate::remote::hosts::normalize_domain;
use crate::store::write_node_blocks as store;
use crate::{Social, SocialError};

impl Social {
    /// Makes the hosts that the node's configuration blocks, with their subdomains, exactly these.
    /// Blocks that an admin made while the node ran stay.
    ///
    /// # Errors
    /// [`SocialError::Invalid`] where one is no host, or ours; or the store failed.
    pub async fn block_for_node(&self, hosts: &[String]) -> Result<(), SocialError> {
        let mut domains = hosts
            .iter()
            .map(|host| {
                normalize_domain(host)
                    .filter(|domain| *domain != self.settings().domain())
                    .ok_or_else(|| SocialError::Invalid(format!("{host:?} is not a host to block")))
            })
            .collect::<Result<Vec<_>, _>>()?;
        domains.sort_unstable();
        domains.dedup();
        let ids: Vec<i64> = domains.iter().map(|_| self.spine().snowflakes().next().0).collect();
        let mut tx = self.spine().begin(Cause::system()).await?;
        store::replace(tx.conn(), &ids, &domains, self.spine().clock().now()).await?;
        tx.commit().await?;
        Ok(())
    }
}
