//! Accepting connections and serving them, with limits, until told to stop.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::util::MapRequest;

use super::limits::Peer;
use super::slash;

/// How long a connection may stay silent between two requests, or take over one request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(75);
/// How long open requests get to finish at the end.
const DRAIN_PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait when the system has no more file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Requests under way on one HTTP/2 connection.
const STREAMS_A_CONNECTION: u32 = 128;
/// Bytes of a request's head.
const LONGEST_HEAD: usize = 64 * 1024;

/// Serves until `stop`, then lets what is under way finish.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    max_connections: usize,
    stop: CancellationToken,
) {
    let server = builder();
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(max_connections));
    loop {
        let next = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = stop.cancelled() => break,
            next = next => next,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        set_no_delay(&stream);
        let connection = server
            .serve_connection_with_upgrades(TokioIo::new(stream), service(&router, address.ip()))
            .into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(target: "http", %error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_PATIENCE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time");
    }
}

/// The routes, for requests over a connection with this peer.
fn service<B>(
    router: &Router,
    peer: IpAddr,
) -> TowerToHyperService<MapRequest<Router, impl FnMut(Request<B>) -> Request<B> + Clone + use<B>>>
{
    let prepare = move |mut request: Request<B>| {
        request.extensions_mut().insert(Peer(peer));
        // Here, since the router has chosen by the time its own layers run.
        slash::remove_from_api(&mut request);
        request
    };
    TowerToHyperService::new(MapRequest::new(router.clone(), prepare))
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(LONGEST_HEAD)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_A_CONNECTION)
        .keep_alive_interval(HEAD_PATIENCE);
    builder
}

/// Small answers must not wait for more to come.
fn set_no_delay(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(target: "http", %error, "TCP_NODELAY was refused");
    }
}

/// A connection that was given up before it was accepted concerns nobody; a lack of file
/// descriptors passes.
async fn pause_after(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};

    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "a connection could not be accepted");
        tokio::time::sleep(ACCEPT_PAUSE).await;
    }
}
