//! A warehouse that a test puts before fulfill-order.

use std::io::Result;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};

use crate::http;

/// Answers requests until its test is over, and counts them.
pub struct Warehouse {
    /// Where orders are posted to.
    pub url: String,
    count: Arc<AtomicUsize>,
}

/// What it says to an order, by its correlation id: a status, and the JSON of a problem or nothing.
type Says = fn(&str) -> (&'static str, &'static str);

impl Warehouse {
    /// Listens on any free port.
    pub async fn that(says: Says) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/orders", listener.local_addr().unwrap());
        let count = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&count);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, says, Arc::clone(&counter)));
            }
        });
        Self { url, count }
    }

    /// How many requests there were so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }
}

async fn serve(stream: TcpStream, says: Says, count: Arc<AtomicUsize>) -> Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(request) = http::read(&mut stream).await? {
        count.fetch_add(1, Ordering::SeqCst);
        let header = |name: &str| {
            let found = request.headers.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
            found.map_or("", |(_, value)| value.as_str())
        };
        assert!(header("x-waybill-signature").starts_with("t="), "an unsigned request");
        let (status, body) = says(header("x-correlation-id"));
        let kind = "content-type: application/problem+json\r\n";
        http::answer(&mut stream, status, kind, body.as_bytes()).await?;
    }
    Ok(())
}
