//! A TCP proxy whose connections a test can cut and restore.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub struct Proxy {
    pub port: u16,
    cut: Arc<watch::Sender<bool>>,
    /// The trouble that happens before these bytes are passed on to the server.
    before: Arc<Mutex<Option<TroubleBefore>>>,
}

type TroubleBefore = (&'static [u8], Trouble);

/// What happens to a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// It is closed, and so are all others until [`Proxy::mend`].
    Cut,
    /// No byte passes any more, but the connection stays open.
    Silence,
}

impl Proxy {
    /// Starts a proxy for a server on this machine.
    pub async fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(watch::Sender::new(false));
        let before = Arc::default();
        let switch = Arc::clone(&cut);
        let trigger = Arc::clone(&before);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if *switch.borrow() {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else { continue };
                tokio::spawn(carry(client, server, Arc::clone(&switch), Arc::clone(&trigger)));
            }
        });
        Self { port, cut, before }
    }

    /// Causes the trouble once a client sends these bytes.
    pub fn trouble_before(&self, bytes: &'static [u8], trouble: Trouble) {
        *self.before.lock().unwrap() = Some((bytes, trouble));
    }

    /// Waits until the connections are cut.
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
    before: Arc<Mutex<Option<TroubleBefore>>>,
) {
    let mut is_cut = cut.subscribe();
    let mut up = vec![0; 1 << 16];
    let mut down = vec![0; 1 << 16];
    loop {
        tokio::select! {
            count = client.read(&mut up) => {
                let Ok(count @ 1..) = count else { return };
                let found = |(bytes, _): &mut (&'static [u8], _)| up[..count].windows(bytes.len()).any(|window| window == *bytes);
                let trouble = before.lock().unwrap().take_if(found);
                match trouble {
                    Some((_, Trouble::Cut)) => {
                        cut.send_replace(true);
                        return;
                    }
                    Some((_, Trouble::Silence)) => std::future::pending().await,
                    None => {}
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
