//! Loopback addresses, one for each server of a test.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// The next address of this process: tests of one binary run side by side.
static NEXT: AtomicU16 = AtomicU16::new(1);

/// An address that nobody else of this machine's tests uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address(SocketAddr);

impl Address {
    /// A free port on a loopback address of its own (127.x.y.z), told apart by process and count.
    ///
    /// # Panics
    /// The system gives no port.
    pub fn new() -> Self {
        let count = NEXT.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let ip = IpAddr::V4(Ipv4Addr::new(
            127,
            u8::try_from(process % 200).unwrap_or(0) + 10,
            u8::try_from(process / 200 % 250).unwrap_or(0),
            u8::try_from(count % 250).unwrap_or(0) + 2,
        ));
        let listener = TcpListener::bind((ip, 0)).unwrap_or_else(|error| panic!("{ip}: {error}"));
        Self(listener.local_addr().unwrap_or_else(|error| panic!("{ip}: {error}")))
    }

    /// The socket address.
    pub fn socket(self) -> SocketAddr {
        self.0
    }

    /// `http://ip:port`
    pub fn origin(self) -> String {
        format!("http://{}", self.0)
    }

    /// `ip:port`, what follows the `@` of a handle.
    pub fn domain(self) -> String {
        self.0.to_string()
    }
}

impl Default for Address {
    fn default() -> Self {
        Self::new()
    }
}
