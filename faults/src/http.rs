//! The HTTP server of the control API, of the proxies in front of AWS, and of the fakes of tests.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::listen;

/// A request with its whole body.
pub type Request = hyper::Request<Bytes>;

/// A response with its whole body.
pub type Response = hyper::Response<Bytes>;

/// The longest body in bytes: that of DynamoDB's `BatchWriteItem`, which is the longest of all.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// A server, until it is dropped. Open connections are still served.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    accepting: AbortHandle,
}

impl Server {
    /// Starts a server on a free port. See [`serve`].
    ///
    /// # Errors
    /// If no port is free.
    pub async fn start<A>(
        answer: impl Fn(Request) -> A + Clone + Send + 'static,
    ) -> io::Result<Self>
    where
        A: Future<Output = Option<Response>> + Send + 'static,
    {
        Self::on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?, answer)
    }

    /// Starts a server on a port that was chosen before. See [`serve`].
    ///
    /// # Errors
    /// If the listener has no address.
    pub fn on<A>(
        listener: TcpListener,
        answer: impl Fn(Request) -> A + Clone + Send + 'static,
    ) -> io::Result<Self>
    where
        A: Future<Output = Option<Response>> + Send + 'static,
    {
        let address = listener.local_addr()?;
        Ok(Self { address, accepting: tokio::spawn(serve(listener, answer)).abort_handle() })
    }

    /// Its URL, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves every connection. `None` from `answer` closes the connection without a response, and so does
/// a panic. `answer` runs to its end even if the client has hung up.
pub async fn serve<A>(listener: TcpListener, answer: impl Fn(Request) -> A + Clone + Send + 'static)
where
    A: Future<Output = Option<Response>> + Send + 'static,
{
    let serve_one = move |stream: TcpStream| {
        // Without it, small answers wait for the client's acknowledgement of the last one.
        let _ = stream.set_nodelay(true);
        let answer = answer.clone();
        let service = service_fn(move |request| respond(request, answer.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    };
    listen::forever(listener, serve_one).await;
}

async fn respond<A>(
    request: hyper::Request<Incoming>,
    answer: impl Fn(Request) -> A,
) -> Result<hyper::Response<Full<Bytes>>, Box<dyn Error + Send + Sync>>
where
    A: Future<Output = Option<Response>> + Send + 'static,
{
    let (head, body) = request.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await?.to_bytes();
    let response = tokio::spawn(answer(Request::from_parts(head, body))).await?;
    Ok(response.ok_or("hung up")?.map(Full::new))
}
