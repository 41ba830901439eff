//! As much of the Postgres protocol (version 3.0) as it takes to see whether a server is ready
//! and to run a statement without parameters.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

const PROTOCOL_3_0: u32 = 196_608;
/// A server that accepted a connection answers at once; creating a database takes longer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// No answer that is read here comes near this.
const LONGEST_MESSAGE: usize = 64 * 1024;

/// SQLSTATE `invalid_catalog_name`.
pub(super) const UNKNOWN_DATABASE: &str = "3D000";
/// SQLSTATE `cannot_connect_now`: starting up, shutting down or recovering.
const CANNOT_CONNECT_NOW: &str = "57P03";

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Connecting {
    /// The server is not ready: try again.
    NotYet,
    /// The server has said no.
    Refused {
        /// SQLSTATE.
        code: String,
        /// The server's words.
        message: String,
    },
}

impl From<io::Error> for Connecting {
    fn from(_: io::Error) -> Self {
        Self::NotYet
    }
}

/// A connection that is ready for statements.
pub(super) struct Session {
    stream: UnixStream,
}

impl Session {
    pub fn open(socket: &Path, user: &str, database: &str) -> Result<Self, Connecting> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let mut session = Self { stream };
        let mut body = PROTOCOL_3_0.to_be_bytes().to_vec();
        for text in ["user", user, "database", database] {
            body.extend(text.as_bytes());
            body.push(0);
        }
        body.push(0);
        session.send(&[], &body)?;
        session.wait_for_ready()?;
        Ok(session)
    }

    pub fn execute(&mut self, statement: &str) -> Result<(), Connecting> {
        let mut body = statement.as_bytes().to_vec();
        body.push(0);
        self.send(b"Q", &body)?;
        self.wait_for_ready()
    }

    fn send(&mut self, kind: &[u8], body: &[u8]) -> io::Result<()> {
        let length = u32::try_from(body.len() + 4).map_err(io::Error::other)?;
        let mut message = kind.to_vec();
        message.extend(length.to_be_bytes());
        message.extend(body);
        self.stream.write_all(&message)
    }

    /// Reads up to `ReadyForQuery`; an error on the way is the answer.
    fn wait_for_ready(&mut self) -> Result<(), Connecting> {
        let mut refused = None;
        loop {
            let (kind, body) = match self.receive() {
                Ok(message) => message,
                // After a refusal to connect the server hangs up.
                Err(error) => return Err(refused.unwrap_or(Connecting::from(error))),
            };
            match kind {
                b'Z' => return refused.map_or(Ok(()), Err),
                b'E' => refused = Some(refusal(&body)),
                _ => {}
            }
        }
    }

    fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length) as usize;
        if !(4..=LONGEST_MESSAGE).contains(&length) {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        let mut body = vec![0; length - 4];
        self.stream.read_exact(&mut body)?;
        Ok((kind, body))
    }
}

/// Reads an `ErrorResponse`: fields of a type byte and zero-ended text.
fn refusal(body: &[u8]) -> Connecting {
    let field = |wanted: u8| {
        body.split(|byte| *byte == 0)
            .find_map(|field| field.strip_prefix(&[wanted]))
            .map_or_else(String::new, |text| String::from_utf8_lossy(text).into_owned())
    };
    match field(b'C') {
        code if code == CANNOT_CONNECT_NOW => Connecting::NotYet,
        code => Connecting::Refused { code, message: field(b'M') },
    }
}
