//! A server with fixed responses, for recordings of Intercom.

use std::net::TcpListener;

use actix_web::web::{self, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};

pub struct Canned {
    pub base_url: String,
    server: actix_web::dev::ServerHandle,
}

/// Starts a server that responds to each `METHOD path` with its body, and to all others with 404,
/// as Intercom does.
pub fn serve(answers: &[(&str, &str)]) -> Canned {
    let answers: Vec<(String, String)> =
        answers.iter().map(|(request, body)| ((*request).to_owned(), (*body).to_owned())).collect();
    let answers = Data::new(answers);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let server = HttpServer::new(move || {
        App::new().app_data(Data::clone(&answers)).default_service(web::to(answer))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)
    .unwrap()
    .run();
    let handle = server.handle();
    tokio::spawn(server);
    Canned { base_url, server: handle }
}

async fn answer(request: HttpRequest, answers: Data<Vec<(String, String)>>) -> HttpResponse {
    let asked = format!("{} {}", request.method(), request.path());
    match answers.iter().find(|(known, _)| *known == asked) {
        Some((_, body)) => HttpResponse::Ok().content_type("application/json").body(body.clone()),
        None => HttpResponse::NotFound()
            .content_type("application/json")
            .body(r#"{"type":"error.list","request_id":null,"errors":[{"code":"not_found","message":"Not found"}]}"#),
    }
}

impl Canned {
    pub async fn stop(self) {
        self.server.stop(true).await;
    }
}
