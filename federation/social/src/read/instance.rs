//! What the node says about itself.

use super::entities::{Instance, InstanceActivity, InstanceV1, Rule};
use crate::{Social, SocialError};

impl Social {
    /// The node (`/api/v2/instance`).
    ///
    /// # Errors
    /// The store failed.
    pub async fn instance_v2(&self) -> Result<Instance, SocialError> {
        todo!()
    }
    /// The node as older clients ask for it (`/api/v1/instance`).
    ///
    /// # Errors
    /// The store failed.
    pub async fn instance_v1(&self) -> Result<InstanceV1, SocialError> {
        todo!()
    }
    /// The node's rules: none yet.
    pub fn instance_rules(&self) -> Vec<Rule> {
        todo!()
    }
    /// The servers that we know, by name, at most 10,000.
    ///
    /// # Errors
    /// The store failed.
    pub async fn instance_peers(&self) -> Result<Vec<String>, SocialError> {
        todo!()
    }
    /// The last twelve weeks, newest first.
    ///
    /// # Errors
    /// The store failed.
    pub async fn activity(&self) -> Result<Vec<InstanceActivity>, SocialError> {
        todo!()
    }
}
