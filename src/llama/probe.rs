//! Is it there yet? The smallest request that tells.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use crate::llama::Address;

/// A server that is there answers at once; one that hangs is asked again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Whether the server can answer. Over TCP it must also be *our* server: it knows the key, and
/// asks for it.
pub(super) async fn is_ready(address: &Address, key: &str) -> bool {
    let said = |path, key| async move { status(address, path, key).await.ok() };
    if said("/health", "").await != Some(200) {
        return false;
    }
    match address {
        Address::Unix(_) => true,
        Address::Tcp(_) => {
            said("/props", key).await == Some(200) && said("/props", "").await == Some(401)
        }
    }
}

/// Whether somebody is there who answers, whatever the answer is. To read a prompt, however long, keeps
/// no server from it.
pub(super) async fn answers(address: &Address) -> bool {
    status(address, "/health", "").await.is_ok()
}

/// The status of the answer to a `GET`.
async fn status(address: &Address, path: &str, key: &str) -> io::Result<u16> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\
         Connection: close\r\n\r\n"
    );
    let exchange = async {
        match address {
            Address::Unix(path) => exchange(UnixStream::connect(path).await?, &request).await,
            Address::Tcp(address) => exchange(TcpStream::connect(address).await?, &request).await,
        }
    };
    tokio::time::timeout(PATIENCE, exchange).await?
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
) -> io::Result<u16> {
    stream.write_all(request.as_bytes()).await?;
    let mut start = [0; "HTTP/1.1 200".len()];
    stream.read_exact(&mut start).await?;
    let status = std::str::from_utf8(&start[9..]).ok().and_then(|it| it.parse().ok());
    status.ok_or_else(|| io::ErrorKind::InvalidData.into())
}
