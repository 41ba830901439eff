//! What a newcomer reads when the node is up.

use std::fmt::Write as _;
use std::net::SocketAddr;

use url::Url;

use crate::config::{self, LogFormat};
use crate::services::Services;

/// Prints where the node is and what to do next; in a machine's log, one line of it.
pub async fn show(services: &Services, origin: &Url, address: SocketAddr) {
    let code = match services.identity.new_setup_code().await {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "no setup code could be made"
            );
            None
        }
    };
    if services.config.log.format == LogFormat::Json {
        // The code is a secret: it belongs on a terminal, not into collected logs.
        tracing::info!(%origin, %address, has_owner = code.is_none(), "ready");
        return;
    }
    print!("{}", text(services, origin, address, code.as_deref()));
}

fn text(services: &Services, origin: &Url, address: SocketAddr, code: Option<&str>) -> String {
    let origin_text = services.origin.as_str();
    let mut text = format!("\nSovereign {} is ready.\n\n", env!("CARGO_PKG_VERSION"));
    let mut line = |name: &str, value: &str| {
        let _infallible = writeln!(text, "  {name:<10} {value}");
    };
    line("Open", origin_text);
    line("Listens", &address.to_string());
    line("Data", &format!("{}  (back this folder up)", services.config.data.display()));
    if config::is_loopback(origin) {
        line("Federates", "with nodes on this machine, over plain HTTP: the origin is local");
    }
    if let Some(code) = code {
        let _infallible = write!(
            text,
            "\nMake the first account: open {origin_text} and enter this one-time code\n\n\
             \x20     {code}\n\n\
             or type:  sovereign user create NAME --owner{}\n",
            data_option(services)
        );
    }
    text.push_str("\nCtrl-C stops it.\n\n");
    text
}

/// What another command needs to find the same data.
fn data_option(services: &Services) -> String {
    let data = &services.config.data;
    let is_default =
        std::path::absolute(config::Config::default().data).is_ok_and(|default| default == *data);
    if is_default { String::new() } else { format!(" --data {}", data.display()) }
}
