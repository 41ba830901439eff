//! Circles and who is in them.

use contracts::access::SpaceId;
use contracts::api::Conditions;
use contracts::events::policy::SpaceChanged;
use spine::{Cause, Problem, Snowflake, Tx};
use uuid::Uuid;

use crate::engine::Circle;
use crate::{PolicyError, PolicyService, store};

/// Most people of a circle.
const MOST_MEMBERS: usize = 500;
/// Most circles that a person may be in and make more.
const MOST_CIRCLES: usize = 200;

impl PolicyService {
    /// Makes a circle with its maker as the first keeper. Made again under the same id, it is what it was.
    pub(crate) async fn make_circle(
        &self,
        cause: Cause,
        id: Uuid,
        name: &str,
        maker: Snowflake,
    ) -> Result<(), Problem> {
        if self.snapshot().circles_of(maker) >= MOST_CIRCLES {
            let title = "you are in so many circles that you cannot make another";
            return Err(PolicyError::Conflict("too-many-circles", title).into());
        }
        let mut tx = self.0.spine.begin(cause).await?;
        let now = self.0.spine.clock().now();
        if store::circles::insert(tx.conn(), id, name, maker, now).await? {
            record(&mut tx, id, Some(maker), "made")?;
            self.changed(&mut tx).await?;
            tx.commit().await?;
        } else {
            tx.rollback().await?;
        }
        Ok(())
    }

    /// Puts somebody of the household into a circle, as a keeper or not.
    pub(crate) async fn put_member(
        &self,
        cause: Cause,
        circle: Uuid,
        (account, keeper): (Snowflake, bool),
        conditions: &Conditions,
    ) -> Result<(), Problem> {
        if !self.snapshot().is_member(account) {
            let title = "only people who live on this node can be in a circle".to_owned();
            return Err(PolicyError::Invalid("unknown-person", title).into());
        }
        let mut tx = self.0.spine.begin(cause).await?;
        let found = self.for_change(&mut tx, circle, conditions).await?;
        let before = found.members.iter().find(|(member, _)| *member == account);
        if before.is_some_and(|(_, kept)| *kept == keeper) {
            return Ok(tx.rollback().await?);
        }
        if before.is_none() && found.members.len() >= MOST_MEMBERS {
            let title = "there are as many people in this circle as there can be";
            return Err(PolicyError::Conflict("circle-full", title).into());
        }
        if !keeper && is_last_keeper(&found, account) {
            return Err(last_keeper());
        }
        let now = self.0.spine.clock().now();
        store::circles::put_member(tx.conn(), circle, account, keeper, now).await?;
        store::circles::count_change(tx.conn(), circle).await?;
        record(&mut tx, circle, Some(account), "joined")?;
        self.changed(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    /// Takes somebody out of a circle. The last keeper goes last, and the circle with them.
    pub(crate) async fn remove_member(
        &self,
        cause: Cause,
        circle: Uuid,
        account: Snowflake,
        conditions: &Conditions,
    ) -> Result<(), Problem> {
        let mut tx = self.0.spine.begin(cause).await?;
        let found = self.for_change(&mut tx, circle, conditions).await?;
        if found.members.len() > 1 && is_last_keeper(&found, account) {
            return Err(last_keeper());
        }
        if !store::circles::delete_member(tx.conn(), circle, account).await? {
            return Err(PolicyError::NotFound.into());
        }
        store::circles::count_change(tx.conn(), circle).await?;
        record(&mut tx, circle, Some(account), "left")?;
        let now = self.0.spine.clock().now();
        if store::circles::remove_empty(tx.conn(), circle, now).await? {
            record(&mut tx, circle, None, "removed")?;
        }
        self.changed(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    /// Removes a circle. What is in its space stays, and nobody sees it any more.
    pub(crate) async fn remove_circle(
        &self,
        cause: Cause,
        circle: Uuid,
        conditions: &Conditions,
    ) -> Result<(), Problem> {
        let mut tx = self.0.spine.begin(cause).await?;
        self.for_change(&mut tx, circle, conditions).await?;
        store::circles::remove(tx.conn(), circle, self.0.spine.clock().now()).await?;
        record(&mut tx, circle, None, "removed")?;
        self.changed(&mut tx).await?;
        Ok(tx.commit().await?)
    }

    async fn for_change(
        &self,
        tx: &mut Tx,
        circle: Uuid,
        conditions: &Conditions,
    ) -> Result<Circle, Problem> {
        let found = store::circles::for_change(tx.conn(), circle).await?;
        let found = found.ok_or(PolicyError::NotFound)?;
        conditions.check(found.version)?;
        Ok(found)
    }
}

fn is_last_keeper(circle: &Circle, account: Snowflake) -> bool {
    let mut keepers = circle.members.iter().filter(|(_, keeper)| *keeper);
    keepers.all(|(member, _)| *member == account)
}

fn last_keeper() -> Problem {
    let title = "a circle needs a keeper: please make somebody else one first";
    PolicyError::Conflict("last-keeper", title).into()
}

fn record(
    tx: &mut Tx,
    circle: Uuid,
    member: Option<Snowflake>,
    change: &str,
) -> Result<(), Problem> {
    let space = SpaceId::of_circle(circle);
    tx.record(&SpaceChanged { space, member, change: change.to_owned() })?;
    Ok(())
}
