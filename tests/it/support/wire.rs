//! Raw TCP connections, from any loopback address.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A connection, with the bytes that were read and not used yet.
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// A response: its head in lower case, and its body.
pub struct Heard {
    pub head: String,
    pub body: String,
}

impl Heard {
    pub fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

impl Wire {
    /// Connects from 127.0.0.`from`.
    pub async fn from(from: u8, address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::new(127, 0, 0, from), 0).into()).unwrap();
        Self { stream: socket.connect(address).await.unwrap(), read: Vec::new() }
    }

    pub async fn send(&mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).await.unwrap();
    }

    /// Sends a GET request, and reads its response. The connection stays open.
    pub async fn ask(&mut self, path: &str, token: &str) -> Option<Heard> {
        self.send(&get(path, token)).await;
        self.hear().await
    }

    /// Reads the head of the next response; `None` if the bridge closed the connection.
    pub async fn head(&mut self) -> Option<String> {
        let end = loop {
            if let Some(at) = self.read.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if !self.more().await {
                return None;
            }
        };
        Some(String::from_utf8(self.read.drain(..end).collect()).unwrap().to_ascii_lowercase())
    }

    /// Reads the next response, which must have `Content-Length`; `None` if the bridge closed the
    /// connection.
    pub async fn hear(&mut self) -> Option<Heard> {
        let mut heard = Heard { head: self.head().await?, body: String::new() };
        let length = heard.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            assert!(self.more().await, "half a body");
        }
        heard.body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        Some(heard)
    }

    /// Waits until the bridge closes the connection, and returns what came before.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.more().await {}
        std::mem::take(&mut self.read)
    }

    async fn more(&mut self) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        let read =
            tokio::time::timeout(Duration::from_mins(2), self.stream.read(&mut buffer)).await;
        match read.expect("something within two minutes") {
            Ok(count) => {
                self.read.extend_from_slice(&buffer[..count]);
                count > 0
            }
            Err(_) => false,
        }
    }
}

pub fn get(path: &str, token: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\r\n")
}
