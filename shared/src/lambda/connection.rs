//! HTTP/1.1 to the Lambda platform, on this machine: one connection, one request at a time.
//!
//! A client for any server has a pool, and a task for each connection. With that, an invocation that does
//! nothing takes three times as long (decision 1).

use std::io;

use bytes::BytesMut;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::answer::{Answer, AnswerReader};

/// A connection to the platform. It is opened for the first request.
#[derive(Debug)]
pub(super) struct Connection {
    /// Host and port.
    host: String,
    /// What all paths begin with: nothing, or the function's name under `cargo lambda watch`.
    base: String,
    kept: Option<TcpStream>,
    received: BytesMut,
}

impl Connection {
    /// A connection to the address in `AWS_LAMBDA_RUNTIME_API`: host and port on Lambda, a URL with a
    /// path under `cargo lambda watch`.
    pub(super) fn new(address: &str) -> Self {
        let address = address.strip_prefix("http://").unwrap_or(address);
        let (host, path) = address.split_once('/').unwrap_or((address, ""));
        let path = path.trim_end_matches('/');
        let base = if path.is_empty() { String::new() } else { format!("/{path}") };
        Self { host: host.to_owned(), base, kept: None, received: BytesMut::new() }
    }

    /// Sends a request and waits for the answer, for as long as it takes. Sends it again, once, if the
    /// platform has closed the connection since the last answer.
    ///
    /// # Errors
    /// If there is no connection, or no whole answer.
    pub(super) async fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Answer> {
        let request = self.request(method, path, headers, body);
        let asked = match self.kept.take() {
            Some(kept) => self.ask(kept, &request).await.ok(),
            None => None,
        };
        let mut stream = match asked {
            Some(stream) => stream,
            None => {
                let new = TcpStream::connect(&self.host).await?;
                new.set_nodelay(true)?;
                self.ask(new, &request).await?
            }
        };
        let reader = AnswerReader { stream: &mut stream, received: &mut self.received };
        let answer = reader.answer().await?;
        self.kept = answer.keeps.then_some(stream);
        Ok(answer)
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let Self { host, base, .. } = self;
        let agent = concat!("waybill/", env!("CARGO_PKG_VERSION"));
        let mut head = format!(
            "{method} {base}{path} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {agent}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        );
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        head.push_str("\r\n");
        let mut request = head.into_bytes();
        request.extend_from_slice(body);
        request
    }

    /// Sends a request, and waits until the answer begins.
    async fn ask(&mut self, mut stream: TcpStream, request: &[u8]) -> io::Result<TcpStream> {
        self.received.clear();
        stream.write_all(request).await?;
        AnswerReader { stream: &mut stream, received: &mut self.received }.receive().await?;
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio::task::JoinHandle;

    use super::*;

    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na";
    const CLOSING: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\na";

    #[test]
    fn the_address_of_the_platform_may_be_a_url() {
        for (address, base) in [
            ("127.0.0.1:9001", ""),
            ("127.0.0.1:9001/", ""),
            ("http://127.0.0.1:9001", ""),
            ("http://127.0.0.1:9001/create-order", "/create-order"),
            ("http://127.0.0.1:9001/create-order/", "/create-order"),
        ] {
            let connection = Connection::new(address);
            assert_eq!(
                (&*connection.host, &*connection.base),
                ("127.0.0.1:9001", base),
                "{address}"
            );
        }
    }

    /// A platform whose connections give these answers, and are closed after the last. Returns the
    /// requests.
    async fn platform(
        base: &str,
        connections: &'static [&'static [&'static str]],
    ) -> (Connection, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connection = Connection::new(&format!("{}{base}", listener.local_addr().unwrap()));
        let heard = tokio::spawn(async move {
            let mut requests = Vec::new();
            for answers in connections {
                let (mut stream, _) = listener.accept().await.unwrap();
                for answer in *answers {
                    let mut request = vec![0; 1024];
                    let length = stream.read(&mut request).await.unwrap();
                    requests.push(String::from_utf8_lossy(&request[..length]).into_owned());
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
            requests
        });
        (connection, heard)
    }

    #[tokio::test]
    async fn a_request_has_its_path_headers_and_body() {
        let (mut connection, requests) = platform("/create-order", &[&[OK]]).await;
        connection.send("POST", "/response", &[("x", "7")], b"{}").await.unwrap();
        let requests = requests.await.unwrap();
        let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
        let start =
            format!("POST /create-order/response HTTP/1.1\r\nhost: {}\r\n", connection.host);
        assert!(head.starts_with(&start), "{head}");
        assert!(head.contains("\r\ncontent-length: 2\r\nx: 7"), "{head}");
        assert_eq!(body, "{}");
    }

    #[tokio::test]
    async fn one_connection_serves_until_the_platform_closes_it() {
        let (mut connection, heard) = platform("", &[&[OK, OK, OK], &[OK, CLOSING], &[OK]]).await;
        for _ in 0..6 {
            let answer = connection.send("GET", "/next", &[], b"").await.unwrap();
            assert_eq!((answer.status, &*answer.body), (200, &b"a"[..]));
        }
        assert_eq!(heard.await.unwrap().len(), 6);
    }

    #[tokio::test]
    async fn without_a_platform_there_is_an_error() {
        let (mut connection, _) = platform("", &[&[OK]]).await;
        connection.send("GET", "/next", &[], b"").await.unwrap();
        let error = connection.send("GET", "/next", &[], b"").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
