//! The mappings of a node: which takes a record, new versions, and those that come with the node.

use std::collections::HashMap;
use std::sync::Arc;

use contracts::events::etl::MappingChanged;
use serde_json::Value;
use spine::{Cause, EventId, JobOptions, Tx};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::jobs::RerunMapping;
use crate::mapping::{Mapping, MappingDocument, Refused, built_ins};
use crate::store::mappings::{self as stored, Current, NewVersion, Standing};
use crate::{Etl, EtlError, store};

/// Who brings the mappings that come with the node.
const PROGRAM: &str = "service:etl";

/// The version of a mapping that a kind of record is mapped by.
#[derive(Clone, Debug)]
pub(crate) struct Using {
    name: String,
    version: i32,
    /// Compiled; where it cannot be used, why not.
    pub(crate) mapping: Result<Arc<Mapping>, Refused>,
}

/// What these kinds are mapped by; those that no mapping takes are left out.
///
/// # Errors
/// The store failed.
pub(crate) async fn of_kinds(
    etl: &Etl,
    kinds: &[String],
) -> Result<HashMap<String, Using>, EtlError> {
    let mut using = HashMap::new();
    for Current { kind, name, version } in
        stored::of_kinds(etl.spine().worker_pool(), kinds).await?
    {
        let mapping = compiled(etl, &name, version).await?;
        using.insert(kind, Using { name, version, mapping });
    }
    Ok(using)
}

/// Whether these kinds are mapped by just these versions, as the transaction sees it.
///
/// # Errors
/// The store failed.
pub(crate) async fn are_in_use(
    conn: &mut PgConnection,
    kinds: &[String],
    using: &HashMap<String, Using>,
) -> Result<bool, EtlError> {
    let current = stored::of_kinds(conn, kinds).await?;
    let same = |one: &Current| {
        using.get(&one.kind).is_some_and(|u| u.name == one.name && u.version == one.version)
    };
    Ok(current.len() == using.len() && current.iter().all(same))
}

/// A version of a mapping, compiled.
async fn compiled(
    etl: &Etl,
    name: &str,
    version: i32,
) -> Result<Result<Arc<Mapping>, Refused>, EtlError> {
    let place = (name.to_owned(), version);
    if let Some(known) = etl.0.compiled.get(&place) {
        return Ok(Ok(known));
    }
    let document = stored::document(etl.spine().worker_pool(), name, version).await?;
    let document = document.ok_or(EtlError::NotFound)?;
    match compile(document, version) {
        Ok(mapping) => {
            let mapping = Arc::new(mapping);
            etl.0.compiled.insert(place, Arc::clone(&mapping));
            Ok(Ok(mapping))
        }
        // It was checked when it was saved, by another version of the program.
        Err(error) => {
            Ok(Err(Refused::new(format!("the mapping {name}@{version} cannot be used: {error}"))))
        }
    }
}

fn compile(document: Value, version: i32) -> Result<Mapping, EtlError> {
    let document: MappingDocument = serde_json::from_value(document)
        .map_err(|error| EtlError::UnusableMapping(error.to_string()))?;
    checked(&document, version)
}

/// A document, compiled.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn checked(document: &MappingDocument, version: i32) -> Result<Mapping, EtlError> {
    Mapping::compile(document, u32::try_from(version).unwrap_or_default())
        .map_err(|error| EtlError::UnusableMapping(error.to_string()))
}

/// A document as it is kept under a version.
fn kept(document: &MappingDocument, version: i32) -> Result<Value, EtlError> {
    let version = u32::try_from(version).ok();
    Ok(serde_json::to_value(MappingDocument { version, ..document.clone() })?)
}

/// What became of a mapping that somebody sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    /// It is new.
    Made,
    /// It has a new version.
    Changed,
    /// It says what it said.
    Unchanged,
}

/// Saves a mapping as a new version, which is used from now on. `check` sees what is there before.
///
/// # Errors
/// It cannot be used, another one takes its kind, or `check` says no.
pub(crate) async fn save<E: From<EtlError>>(
    etl: &Etl,
    document: &MappingDocument,
    (by, cause): (&str, Cause),
    rerun: Option<Uuid>,
    check: impl FnOnce(Option<i32>) -> Result<(), E>,
) -> Result<Saved, E> {
    let mapping = checked(document, 1)?;
    let spine = etl.spine();
    let mut tx = spine.begin(cause).await.map_err(EtlError::from)?;
    stored::take_turns(tx.conn()).await.map_err(EtlError::from)?;
    let standing = stored::standing(tx.conn(), &document.mapping).await.map_err(EtlError::from)?;
    check(standing.as_ref().map(|standing| standing.current))?;
    let saved = write(&mut tx, (document, &mapping), standing, by, rerun).await?;
    tx.commit().await.map_err(EtlError::from)?;
    Ok(saved)
}

async fn write(
    tx: &mut Tx,
    (document, mapping): (&MappingDocument, &Mapping),
    standing: Option<Standing>,
    by: &str,
    rerun: Option<Uuid>,
) -> Result<Saved, EtlError> {
    let (saved, version) = match &standing {
        None => (Saved::Made, 1),
        Some(standing) if standing.kind != document.record => {
            return Err(EtlError::Invalid(
                "a mapping stays with its kind of record; give this one another name".to_owned(),
            ));
        }
        Some(standing) if standing.document == kept(document, standing.current)? => {
            (Saved::Unchanged, standing.current)
        }
        Some(standing) => (Saved::Changed, standing.newest + 1),
    };
    if saved == Saved::Made
        && let Some(taker) = stored::taker(tx.conn(), &document.record).await?
    {
        return Err(EtlError::KindTaken(taker));
    }
    let now = tx.spine().clock().now();
    let name = document.mapping.as_str();
    if saved != Saved::Unchanged {
        let new = NewVersion {
            name,
            kind: &document.record,
            version,
            document: &kept(document, version)?,
            reach: mapping.reach(),
            built_in: None,
            made_by: by,
            use_it: true,
        };
        stored::add(tx.conn(), new, now).await?;
    }
    match rerun {
        Some(id) => {
            begin_rerun(tx, id, (name, version), &document.record, by).await?;
        }
        None if saved != Saved::Unchanged => {
            record(tx, name, version, false)?;
        }
        None => {}
    }
    Ok(saved)
}

fn record(tx: &mut Tx, name: &str, version: i32, rerun: bool) -> Result<EventId, EtlError> {
    let version = u32::try_from(version).unwrap_or_default();
    Ok(tx.record(&MappingChanged { mapping: name.to_owned(), version, rerun })?)
}

/// Begins a run over the history, unless it has begun already.
///
/// # Errors
/// The store failed.
pub(crate) async fn begin_rerun(
    tx: &mut Tx,
    id: Uuid,
    (name, version): (&str, i32),
    kind: &str,
    by: &str,
) -> Result<(), EtlError> {
    let now = tx.spine().clock().now();
    if !store::reruns::begin(tx.conn(), id, (name, version), kind, by, now).await? {
        return Ok(());
    }
    // Each run has an event of its own: what it orders is told apart by it.
    let event = record(tx, name, version, true)?;
    let job = RerunMapping { rerun: id, after: None };
    let options = JobOptions { because_of: Some(event), ..job.options() };
    tx.schedule_with(&job, options)?;
    Ok(())
}

/// Installs the mappings that come with the node where they are newer than those that it has, and maps what came
/// before with them. A version that a person made stays in use.
///
/// # Errors
/// The store failed.
pub(crate) async fn install_built_ins(etl: &Etl) -> Result<(), EtlError> {
    let documents = built_ins().map_err(|error| EtlError::UnusableMapping(error.to_string()))?;
    let mut tx = etl.spine().begin(Cause::system()).await?;
    stored::take_turns(tx.conn()).await?;
    for document in documents {
        install(&mut tx, &document).await?;
    }
    Ok(tx.commit().await?)
}

async fn install(tx: &mut Tx, document: &MappingDocument) -> Result<(), EtlError> {
    let own = document.version.and_then(|version| i32::try_from(version).ok()).unwrap_or(1);
    let mapping = checked(document, own)?;
    let name = document.mapping.as_str();
    let standing = stored::standing(tx.conn(), name).await?;
    let (version, use_it) = match &standing {
        Some(standing) if standing.built_in.is_some_and(|known| known >= own) => return Ok(()),
        Some(standing) => (standing.newest + 1, standing.is_built_in),
        None => (1, true),
    };
    if standing.is_none()
        && let Some(taker) = stored::taker(tx.conn(), &document.record).await?
    {
        tracing::warn!(mapping = name, taker, "a mapping that comes with the node is not needed");
        return Ok(());
    }
    let now = tx.spine().clock().now();
    let new = NewVersion {
        name,
        kind: &document.record,
        version,
        document: &kept(document, version)?,
        reach: mapping.reach(),
        built_in: Some(own),
        made_by: PROGRAM,
        use_it,
    };
    stored::add(tx.conn(), new, now).await?;
    // Records may have waited for it: those that no mapping took, or that the one before refused.
    if use_it && stored::has_records(tx.conn(), &document.record).await? {
        begin_rerun(tx, Uuid::now_v7(), (name, version), &document.record, PROGRAM).await?;
    } else if use_it {
        record(tx, name, version, false)?;
    }
    Ok(())
}
