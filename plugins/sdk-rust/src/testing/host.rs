//! The scripted host.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::Answer;
use crate::{Hash, Host, HttpError, Level, Request, Response, SecretError, StateError};

/// 2026-01-01T00:00:00Z, where its clock stands at first.
const START: u64 = 1_767_225_600_000;

/// A host that answers from a script. A request that the script does not know is refused as the node
/// refuses a host that the manifest does not name, so that a test sees it.
#[derive(Debug)]
pub struct ScriptedHost {
    now: Cell<u64>,
    script: RefCell<Vec<Step>>,
    requests: RefCell<Vec<Request>>,
    secrets: RefCell<BTreeMap<String, Secret>>,
    state: RefCell<BTreeMap<String, Vec<u8>>>,
    log: RefCell<Vec<(Level, String)>>,
}

#[derive(Debug)]
struct Step {
    method: String,
    url: String,
    outcomes: Vec<Result<Answer, HttpError>>,
    next: usize,
}

#[derive(Debug)]
struct Secret {
    value: String,
    readable: bool,
}

impl Default for ScriptedHost {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptedHost {
    /// A host with an empty script; its clock stands at 2026-01-01T00:00:00Z.
    pub fn new() -> Self {
        Self {
            now: Cell::new(START),
            script: RefCell::default(),
            requests: RefCell::default(),
            secrets: RefCell::default(),
            state: RefCell::default(),
            log: RefCell::default(),
        }
    }

    /// What to answer to a request. Said again for the same request, the answers follow one after the
    /// other, and the last stays.
    pub fn on(&self, method: &str, url: &str, answer: Answer) {
        self.outcome(method, url, Ok(answer));
    }

    /// As [`ScriptedHost::on`], but there is no answer.
    pub fn on_failure(&self, method: &str, url: &str, error: HttpError) {
        self.outcome(method, url, Err(error));
    }

    /// Forgets the script, to go on with another one.
    pub fn forget_script(&self) {
        self.script.borrow_mut().clear();
    }

    /// Sets a secret that the guest may read.
    pub fn set_secret(&self, name: &str, value: &str) {
        let secret = Secret { value: value.to_owned(), readable: true };
        self.secrets.borrow_mut().insert(name.to_owned(), secret);
    }

    /// Sets a secret that is `inject_only`.
    pub fn set_injected_secret(&self, name: &str, value: &str) {
        let secret = Secret { value: value.to_owned(), readable: false };
        self.secrets.borrow_mut().insert(name.to_owned(), secret);
    }

    /// Moves the clock on.
    pub fn advance(&self, milliseconds: u64) {
        self.now.set(self.now.get() + milliseconds);
    }

    /// What the guest asked for, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.borrow().clone()
    }

    /// What the guest wrote into the log.
    pub fn lines(&self) -> Vec<(Level, String)> {
        self.log.borrow().clone()
    }

    fn outcome(&self, method: &str, url: &str, outcome: Result<Answer, HttpError>) {
        let mut script = self.script.borrow_mut();
        let known = script.iter_mut().find(|step| step.method == method && step.url == url);
        if let Some(step) = known {
            step.outcomes.push(outcome);
        } else {
            script.push(Step {
                method: method.to_owned(),
                url: url.to_owned(),
                outcomes: vec![outcome],
                next: 0,
            });
        }
    }
}

impl Host for ScriptedHost {
    fn log(&self, level: Level, message: &str) {
        self.log.borrow_mut().push((level, message.to_owned()));
    }

    fn now(&self) -> u64 {
        self.now.get()
    }

    fn fetch(&self, request: &Request) -> Result<Response, HttpError> {
        self.requests.borrow_mut().push(request.clone());
        let mut script = self.script.borrow_mut();
        let step = script
            .iter_mut()
            .find(|step| step.method == request.method && step.url == request.url)
            .ok_or_else(|| {
                HttpError::NotAllowed(format!("no script for {} {}", request.method, request.url))
            })?;
        let index = step.next.min(step.outcomes.len() - 1);
        step.next += 1;
        match &step.outcomes[index] {
            Ok(answer) => Ok(answer.to_response(&request.url)),
            Err(error) => Err(error.clone()),
        }
    }

    fn secret(&self, name: &str) -> Result<String, SecretError> {
        match self.secrets.borrow().get(name) {
            Some(secret) if secret.readable => Ok(secret.value.clone()),
            Some(_) => Err(SecretError::NotReadable),
            None => Err(SecretError::NotSet),
        }
    }

    fn hmac(&self, secret: &str, hash: Hash, data: &[u8]) -> Result<Vec<u8>, SecretError> {
        let secrets = self.secrets.borrow();
        let key = secrets.get(secret).ok_or(SecretError::NotSet)?.value.as_bytes();
        // HMAC takes keys of any length.
        let refused = |_| SecretError::NotSet;
        Ok(match hash {
            Hash::Sha1 => {
                let mac = Hmac::<Sha1>::new_from_slice(key).map_err(refused)?;
                mac.chain_update(data).finalize().into_bytes().to_vec()
            }
            Hash::Sha256 => {
                let mac = Hmac::<Sha256>::new_from_slice(key).map_err(refused)?;
                mac.chain_update(data).finalize().into_bytes().to_vec()
            }
            Hash::Sha512 => {
                let mac = Hmac::<Sha512>::new_from_slice(key).map_err(refused)?;
                mac.chain_update(data).finalize().into_bytes().to_vec()
            }
        })
    }

    fn state(&self, key: &str) -> Result<Option<Vec<u8>>, StateError> {
        Ok(self.state.borrow().get(key).cloned())
    }

    fn set_state(&self, key: &str, value: &[u8]) -> Result<(), StateError> {
        self.state.borrow_mut().insert(key.to_owned(), value.to_vec());
        Ok(())
    }

    fn delete_state(&self, key: &str) -> Result<(), StateError> {
        self.state.borrow_mut().remove(key);
        Ok(())
    }

    fn state_keys(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<String>, StateError> {
        let state = self.state.borrow();
        let keys = state.keys().filter(|key| key.starts_with(prefix));
        let later = keys.filter(|key| after.is_none_or(|after| key.as_str() > after));
        Ok(later.take(limit as usize).cloned().collect())
    }
}
