//! A wire to a server that a test can cut and mend.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub struct Proxy {
    pub port: u16,
    cut: Arc<watch::Sender<bool>>,
    /// The wire is cut before these bytes are passed on to the server.
    cut_before: Arc<Mutex<Option<&'static [u8]>>>,
}

impl Proxy {
    /// A wire to a server on this machine.
    pub async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(watch::Sender::new(false));
        let cut_before = Arc::default();
        let (switch, trigger) = (Arc::clone(&cut), Arc::clone(&cut_before));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *switch.borrow() {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { continue };
                tokio::spawn(carry(client, server, Arc::clone(&switch), Arc::clone(&trigger)));
            }
        });
        Self { port, cut, cut_before }
    }

    /// Cuts the wire as soon as these bytes come along.
    pub fn cut_before(&self, bytes: &'static [u8]) {
        *self.cut_before.lock().unwrap() = Some(bytes);
    }

    /// Waits until the wire is cut.
    pub async fn is_cut(&self) {
        self.cut.subscribe().wait_for(|cut| *cut).await.unwrap();
    }

    pub fn mend(&self) {
        self.cut.send_replace(false);
    }
}

async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    cut: Arc<watch::Sender<bool>>,
    cut_before: Arc<Mutex<Option<&'static [u8]>>>,
) {
    let mut is_cut = cut.subscribe();
    let (mut up, mut down) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            count = client.read(&mut up) => {
                let Ok(count @ 1..) = count else { return };
                let found = |bytes: &mut &'static [u8]| up[..count].windows(bytes.len()).any(|window| window == *bytes);
                let trigger = cut_before.lock().unwrap().take_if(found);
                if trigger.is_some() {
                    cut.send_replace(true);
                    return;
                }
                if server.write_all(&up[..count]).await.is_err() {
                    return;
                }
            }
            count = server.read(&mut down) => {
                let Ok(count @ 1..) = count else { return };
                if client.write_all(&down[..count]).await.is_err() {
                    return;
                }
            }
            () = async { drop(is_cut.wait_for(|cut| *cut).await) } => return,
        }
    }
}
