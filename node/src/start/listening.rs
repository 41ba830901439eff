//! The node's public origin, fixed at first start, and the address it listens on.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, bail};
use spine::Spine;
use tokio::net::{TcpListener, TcpSocket};
use url::{Host, Url};

use crate::config::{self, Config, RoleName};
use crate::store;

/// Where a node listens when nothing else was said.
const DEFAULT_PORT: u16 = 3000;
/// How many ports are tried at first start.
const PORTS_TRIED: u16 = 100;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;

/// Settles the origin, and binds where this process serves.
pub async fn settle(config: &Config, spine: &Spine) -> anyhow::Result<(Url, Option<TcpListener>)> {
    let stored = store::origin(spine).await.context("the node's settings could not be read")?;
    let serves = config.has_role(RoleName::Edge);
    let (origin, listener) = match (&stored, &config.origin) {
        (Some(stored), Some(configured)) if stored != configured => {
            bail!(different(stored, configured))
        }
        (Some(origin), _) | (None, Some(origin)) => {
            let listener = match serves {
                true => Some(bind(listen_address(config, origin), origin)?),
                false => None,
            };
            (origin.clone(), listener)
        }
        (None, None) if serves => {
            let listener = first_listener(config)?;
            (origin_of(listener.local_addr()?)?, Some(listener))
        }
        (None, None) => bail!(
            "this node has no origin yet: set `origin`, or start a process with the role `edge` first"
        ),
    };
    if stored.is_none() {
        let fixed = store::fix_origin(spine, &origin)
            .await
            .context("the node's origin could not be stored")?;
        if fixed != origin {
            bail!(different(&fixed, &origin));
        }
    }
    Ok((origin, listener))
}

/// The origin for a command beside a node. Where none was fixed yet, it is now, as the node's first
/// start would.
pub async fn origin_for_command(config: &Config, spine: &Spine) -> anyhow::Result<Url> {
    match (store::origin(spine).await?, &config.origin) {
        (Some(stored), Some(configured)) if stored != *configured => {
            bail!(different(&stored, configured))
        }
        (Some(stored), _) => Ok(stored),
        (None, _) => settle(config, spine).await.map(|(origin, _)| origin),
    }
}

fn different(stored: &Url, configured: &Url) -> String {
    format!(
        "this node's origin is {stored} since its first start, and every id it gave out begins \
         with it, so it cannot become {configured}; set `origin` back, or start a new node with \
         another data folder and database"
    )
}

/// Where to listen for this origin.
fn listen_address(config: &Config, origin: &Url) -> SocketAddr {
    if let Some(address) = config.http.listen {
        return address;
    }
    let own_port = origin.port_or_known_default().unwrap_or(DEFAULT_PORT);
    match origin.host() {
        Some(Host::Ipv4(address)) if origin.scheme() == "http" => (address, own_port).into(),
        Some(Host::Ipv6(address)) if origin.scheme() == "http" => (address, own_port).into(),
        _ if config::is_loopback(origin) => (Ipv4Addr::LOCALHOST, own_port).into(),
        // A name of the home network, with nothing in front that speaks TLS.
        _ if origin.scheme() == "http" => (Ipv4Addr::UNSPECIFIED, own_port).into(),
        // A proxy in front speaks TLS.
        _ => (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(),
    }
}

/// The first start without any word on where: the default port, or the next one that is free.
fn first_listener(config: &Config) -> anyhow::Result<TcpListener> {
    if let Some(address) = config.http.listen {
        return listen(address).with_context(|| taken(address));
    }
    for port in DEFAULT_PORT..DEFAULT_PORT + PORTS_TRIED {
        match listen((Ipv4Addr::LOCALHOST, port).into()) {
            Ok(listener) => {
                if port != DEFAULT_PORT {
                    tracing::warn!("port {DEFAULT_PORT} is taken: this node uses {port}");
                }
                return Ok(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            Err(error) => return Err(error).context("the node could not listen"),
        }
    }
    bail!("the ports {DEFAULT_PORT} to {} are all taken", DEFAULT_PORT + PORTS_TRIED - 1)
}

fn bind(address: SocketAddr, origin: &Url) -> anyhow::Result<TcpListener> {
    listen(address).with_context(|| format!("{} (this node's origin is {origin})", taken(address)))
}

fn taken(address: SocketAddr) -> String {
    format!(
        "the node cannot listen on {address}; stop the program that does, or set `http.listen` \
         (SOVEREIGN_HTTP__LISTEN)"
    )
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart must not wait for the last connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The origin of a node that listens here and was told nothing else.
fn origin_of(address: SocketAddr) -> anyhow::Result<Url> {
    let host = match address.ip() {
        IpAddr::V4(ip) if ip == Ipv4Addr::LOCALHOST || ip.is_unspecified() => {
            "localhost".to_owned()
        }
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) if ip.is_loopback() || ip.is_unspecified() => "localhost".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    Url::parse(&format!("http://{host}:{}", address.port())).context("the address makes no origin")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(origin: &str) -> String {
        listen_address(&Config::default(), &origin.parse().unwrap()).to_string()
    }

    #[test]
    fn the_address_follows_from_the_origin() {
        assert_eq!(address("http://localhost:3000"), "127.0.0.1:3000");
        assert_eq!(address("http://127.0.0.2:8080"), "127.0.0.2:8080");
        assert_eq!(address("http://192.168.1.4"), "192.168.1.4:80");
        assert_eq!(address("http://nas.local:3000"), "0.0.0.0:3000");
        assert_eq!(address("https://family.example"), "127.0.0.1:3000");
    }

    #[test]
    fn the_origin_follows_from_the_address() {
        let origin = |address: &str| origin_of(address.parse().unwrap()).unwrap().to_string();
        assert_eq!(origin("127.0.0.1:3001"), "http://localhost:3001/");
        assert_eq!(origin("127.0.0.3:3001"), "http://127.0.0.3:3001/");
        assert_eq!(origin("[::1]:80"), "http://localhost/");
    }
}
