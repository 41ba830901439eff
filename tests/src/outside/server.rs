//! A local server that ends with its value.

use axum::Router;
use tokio::task::JoinHandle;

use crate::Address;

/// A server on a loopback address of its own.
pub(super) struct Server {
    address: Address,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves these routes.
    pub async fn start(routes: Router) -> Self {
        let address = Address::new();
        let listener =
            tokio::net::TcpListener::bind(address.socket()).await.expect("an address of its own");
        let task = tokio::spawn(async move {
            axum::serve(listener, routes).await.expect("the server goes on");
        });
        Self { address, task }
    }

    /// Where it is.
    pub fn origin(&self) -> String {
        self.address.origin()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
