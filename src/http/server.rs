//! The server: connection limits, TLS, time-outs, and the check of request heads before the library
//! parses them.
//!
//! actix-web's `HttpServer` accepts no stream type but its own. So its parts are assembled here,
//! with [`Guarded`] and [`RequestStream`] between them and the socket.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_http::HttpServiceBuilder;
use actix_http::error::DispatchError;
use actix_server::{GracefulShutdownSignal, Server, ServerBuilder};
use actix_service::{
    IntoServiceFactory, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_tls::accept::{TlsError, max_concurrent_tls_connect};
use actix_web::App;
use actix_web::dev::AppConfig;
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::{Data, PayloadConfig, ServiceConfig};
use rustix::net::sockopt::set_socket_send_buffer_size;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::connections::Connections;
use super::connection::guarded::Guarded;
use super::connection::tls::Certificates;
use super::connection::watched::RequestStream;
use super::middleware::finish;
use super::middleware::headers::STRICT_TRANSPORT;
use super::routes::{ops_routes, routes};
use super::state::service::Service;
use crate::limits;

/// Serves on `listener` until the server's handle stops it. `max_connections` is the limit of
/// `service.connections`.
///
/// # Errors
/// If the listener cannot be used.
pub fn serve(
    listener: TcpListener,
    service: Service,
    max_connections: usize,
    certificates: Option<Arc<Certificates>>,
) -> std::io::Result<Server> {
    // Connections inherit it. An error is harmless: the system then chooses the size.
    let _ = set_socket_send_buffer_size(&listener, limits::SEND_BUFFER_BYTES);
    let connections = Arc::clone(&service.connections);
    let service = Data::new(service);
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    // actix limits the connections of each worker, and one worker may get them all.
    let (builder, stopping) = builder(workers, max_connections + limits::CONNECTIONS_BEYOND);
    let server = match certificates {
        Some(certificates) => {
            let tls = certificates.server_config().map_err(std::io::Error::other)?;
            // Handshakes are connections, whose number is limited already. With a lower limit here,
            // workers would stop accepting connections while handshakes are pending.
            max_concurrent_tls_connect(max_connections + limits::CONNECTIONS_BEYOND);
            builder.listen("https", listener, move || {
                let mut acceptor = Acceptor::new(tls.clone());
                acceptor.set_handshake_timeout(limits::TLS_WAIT);
                let http = http(&service, &stopping, routes).map_err(TlsError::Service);
                let watched = |stream: TlsStream<Guarded>| {
                    let guarded = stream.get_ref().0;
                    let peer = guarded.peer();
                    let connection = Arc::clone(guarded.connection());
                    (RequestStream::new(stream, connection, Some(STRICT_TRANSPORT)), peer)
                };
                let connections = Arc::clone(&connections);
                let admit = move |stream: TcpStream| {
                    let admitted = Guarded::admit(stream, &connections)
                        .ok_or(TlsError::Service(DispatchError::DisconnectTimeout));
                    async move { admitted }
                };
                let secured =
                    acceptor.map_err(TlsError::into_service_error).map(watched).and_then(http);
                fn_service(admit).and_then(secured)
            })?
        }
        None => plain(builder, "http", listener, connections, service, stopping, routes)?,
    };
    Ok(server.run())
}

/// Serves probes and metrics on a listener of their own, with one worker.
///
/// # Errors
/// If the listener cannot be used.
pub fn serve_ops(listener: TcpListener, service: Service) -> std::io::Result<Server> {
    let connections =
        Connections::new(limits::OPS_CONNECTIONS, 0, Arc::default(), service.clock.clone());
    let (builder, stopping) = builder(1, limits::OPS_CONNECTIONS * 2);
    Ok(plain(builder, "ops", listener, connections, Data::new(service), stopping, ops_routes)?
        .run())
}

fn builder(
    workers: usize,
    connections_per_worker: usize,
) -> (ServerBuilder, GracefulShutdownSignal) {
    let builder = Server::build()
        .workers(workers)
        .max_concurrent_connections(connections_per_worker)
        .shutdown_timeout(limits::SHUTDOWN.as_secs())
        .disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    (builder, stopping)
}

/// Registers the routes of a listener.
type Routes = fn(&mut ServiceConfig);

/// Listens without TLS.
fn plain(
    builder: ServerBuilder,
    name: &str,
    listener: TcpListener,
    connections: Arc<Connections>,
    service: Data<Service>,
    stopping: GracefulShutdownSignal,
    routes: Routes,
) -> std::io::Result<ServerBuilder> {
    builder.listen(name, listener, move || {
        let connections = Arc::clone(&connections);
        let watched = move |stream: TcpStream| {
            let guarded =
                Guarded::admit(stream, &connections).ok_or(DispatchError::DisconnectTimeout);
            async move {
                let guarded = guarded?;
                let peer = guarded.peer();
                let connection = Arc::clone(guarded.connection());
                Ok::<_, DispatchError>((RequestStream::new(guarded, connection, None), peer))
            }
        };
        fn_service(watched).and_then(http(&service, &stopping, routes))
    })
}

/// The HTTP/1.1 service for the streams of a listener.
fn http<S: AsyncRead + AsyncWrite + Unpin + 'static>(
    service: &Data<Service>,
    stopping: &GracefulShutdownSignal,
    routes: Routes,
) -> impl ServiceFactory<
    (RequestStream<S>, Option<SocketAddr>),
    Config = (),
    Response = (),
    Error = DispatchError,
    InitError = (),
> + use<S> {
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
        // Exports mark their connection as sending.
        .on_connect_ext(|stream: &RequestStream<S>, data| {
            data.insert(Arc::clone(stream.connection()));
        })
        .h1(map_config(app, |()| AppConfig::default()))
}
