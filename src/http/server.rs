//! The server that listens: connections, TLS, time-outs, and the check of request heads before the library reads them.
//!
//! actix-web's `HttpServer` takes no stream but its own, so its parts are put together here, with [`CheckedStream`] between
//! the socket and them.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_http::HttpServiceBuilder;
use actix_http::error::DispatchError;
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_tls::accept::{TlsError, max_concurrent_tls_connect};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::{Data, PayloadConfig};
use tokio::io::{AsyncRead, AsyncWrite};

use super::bare::Completed;
use super::errors::finish;
use super::guards::STRICT_TRANSPORT;
use super::heads::CheckedStream;
use super::routes::routes;
use super::service::Service;
use super::tls::Certificates;
use crate::limits;

/// Serves on `listener` until the server's handle stops it.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(
    listener: TcpListener,
    service: Service,
    max_connections: usize,
    certificates: Option<Arc<Certificates>>,
) -> std::io::Result<Server> {
    let service = Data::new(service);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let server = Server::build()
        .workers(workers)
        .max_concurrent_connections(max_connections.div_ceil(workers))
        .shutdown_timeout(limits::SHUTDOWN.as_secs())
        .disable_signals();
    let stopping = server.graceful_shutdown_signal();
    let server = match certificates {
        Some(certificates) => {
            let tls = certificates.server_config().map_err(std::io::Error::other)?;
            max_concurrent_tls_connect(limits::TLS_HANDSHAKES);
            server.listen("https", listener, move || {
                let mut acceptor = Acceptor::new(tls.clone());
                acceptor.set_handshake_timeout(limits::TLS_WAIT);
                let http = http(&service, &stopping).map_err(TlsError::Service);
                let checked = |stream: TlsStream<TcpStream>| {
                    let peer = peer(stream.get_ref().0);
                    (Completed::new(CheckedStream::new(stream), Some(STRICT_TRANSPORT)), peer)
                };
                acceptor.map_err(TlsError::into_service_error).map(checked).and_then(http)
            })?
        }
        None => server.listen("http", listener, move || {
            let checked = |stream: TcpStream| async move {
                let peer = peer(&stream);
                Ok::<_, DispatchError>((Completed::new(CheckedStream::new(stream), None), peer))
            };
            fn_service(checked).and_then(http(&service, &stopping))
        })?,
    };
    Ok(server.run())
}

/// From where a connection comes. Its answers are sent at once, however short they are.
fn peer(stream: &TcpStream) -> Option<SocketAddr> {
    // Without it they only come a little later.
    let _ = stream.set_nodelay(true);
    stream.peer_addr().ok()
}

/// HTTP/1.1 on a stream.
fn http<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    service: &Data<Service>,
    stopping: &GracefulShutdownSignal,
) -> impl ServiceFactory<(S, Option<SocketAddr>), Config = (), Response = (), Error = DispatchError, InitError = ()> + use<S>
{
    let app = App::new()
        .app_data(Data::clone(service))
        .app_data(PayloadConfig::new(limits::REQUEST_BODY_BYTES))
        .wrap(from_fn(finish))
        .configure(routes)
        .into_factory()
        .map_err(|error: actix_web::Error| error.error_response());
    let stopping = stopping.clone();
    HttpServiceBuilder::default()
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .keep_alive(limits::KEEP_ALIVE)
        .client_request_timeout(limits::HEAD_WAIT)
        .client_disconnect_timeout(limits::DISCONNECT_WAIT)
        .h1_write_buffer_size(limits::WRITE_BUFFER_BYTES)
        .h1(map_config(app, |()| AppConfig::default()))
}
