//! The HTTP server behind every fake.

use std::error::Error;
use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// A request with its whole body.
pub type Request = hyper::Request<Bytes>;

/// A response with its whole body.
pub type Response = hyper::Response<Bytes>;

/// A server on a free port, until it is dropped. Open connections are still served.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    accepting: AbortHandle,
}

impl Server {
    /// Starts a server. `None` from `answer` closes the connection without a response, and so does a
    /// panic. `answer` runs to its end even if the client has hung up.
    pub async fn start<A>(answer: impl Fn(Request) -> A + Clone + Send + 'static) -> Self
    where
        A: Future<Output = Option<Response>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        Self { address, accepting: tokio::spawn(serve(listener, answer)).abort_handle() }
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

/// Serves every connection, as [`Server::start`] does.
pub(crate) async fn serve<A>(
    listener: TcpListener,
    answer: impl Fn(Request) -> A + Clone + Send + 'static,
) where
    A: Future<Output = Option<Response>> + Send + 'static,
{
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let answer = answer.clone();
        let service = service_fn(move |request| respond(request, answer.clone()));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn respond<A>(
    request: hyper::Request<Incoming>,
    answer: impl Fn(Request) -> A,
) -> Result<hyper::Response<Full<Bytes>>, Box<dyn Error + Send + Sync>>
where
    A: Future<Output = Option<Response>> + Send + 'static,
{
    let (head, body) = request.into_parts();
    let request = Request::from_parts(head, body.collect().await?.to_bytes());
    let response = tokio::spawn(answer(request)).await?;
    Ok(response.ok_or("hung up")?.map(Full::new))
}

/// A response with this status, these headers and this body.
pub fn response(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Response {
    let mut response = hyper::Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

/// The value of a header; empty if the request lacks it.
#[must_use]
pub fn header<'a>(request: &'a Request, name: &str) -> &'a str {
    request.headers().get(name).map_or("", |value| value.to_str().unwrap())
}
