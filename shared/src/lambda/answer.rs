//! Reads an answer of HTTP/1.1.

use std::io;

use bytes::{Buf, Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::Status::{Complete, Partial};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The most headers of an answer. The platform sends about ten.
const MOST_HEADERS: usize = 64;
/// The room for what one read returns. Most events fit.
const PACKET: usize = 8 * 1024;

/// An answer of the platform.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Whether the next request may use the same connection.
    pub(super) keeps: bool,
}

/// How the length of a body is told.
#[derive(Debug, Clone, Copy)]
enum Length {
    Bytes(usize),
    Chunks,
    UntilTheEnd,
}

/// What arrives on a connection.
pub(super) struct AnswerReader<'a, S> {
    pub(super) stream: &'a mut S,
    /// What was read from the stream and not used yet.
    pub(super) received: &'a mut BytesMut,
}

impl<S: AsyncRead + Unpin> AnswerReader<'_, S> {
    /// Waits for more.
    ///
    /// # Errors
    /// If the stream fails or ends.
    pub(super) async fn receive(&mut self) -> io::Result<()> {
        match self.read().await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }

    /// Reads an answer.
    ///
    /// # Errors
    /// If the stream fails or ends before the answer does, or if it is no answer.
    pub(super) async fn answer(mut self) -> io::Result<Answer> {
        let (status, headers, version) = loop {
            if let Some(head) = take_head(self.received)? {
                break head;
            }
            self.receive().await?;
        };
        let length = length(status, &headers)?;
        let body = match length {
            Length::Bytes(length) => {
                self.receive_at_least(length).await?;
                self.received.split_to(length).freeze()
            }
            Length::Chunks => self.chunks().await?,
            Length::UntilTheEnd => {
                while self.read().await? > 0 {}
                self.received.split().freeze()
            }
        };
        let closes = headers.get(CONNECTION).is_some_and(|it| it == "close");
        let keeps = version == 1 && !closes && !matches!(length, Length::UntilTheEnd);
        Ok(Answer { status, headers, body, keeps })
    }

    /// A body in chunks, each with its length before it. The last one is empty.
    async fn chunks(&mut self) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let size = httparse::parse_chunk_size(self.received);
            let size = size.map_err(|_| invalid("a chunk without a length"))?;
            let Complete((start, size)) = size else {
                self.receive().await?;
                continue;
            };
            self.received.advance(start);
            if size == 0 {
                self.skip_trailer().await?;
                return Ok(body.freeze());
            }
            let size = usize::try_from(size).map_err(invalid)?;
            self.receive_at_least(size.saturating_add(LINE_END.len())).await?;
            body.extend_from_slice(&self.received.split_to(size));
            self.received.advance(LINE_END.len());
        }
    }

    /// Skips the headers after the last chunk, and the empty line after them.
    async fn skip_trailer(&mut self) -> io::Result<()> {
        loop {
            let end = self.received.windows(LINE_END.len()).position(|it| it == LINE_END);
            let Some(end) = end else {
                self.receive().await?;
                continue;
            };
            self.received.advance(end + LINE_END.len());
            if end == 0 {
                return Ok(());
            }
        }
    }

    async fn receive_at_least(&mut self, length: usize) -> io::Result<()> {
        while self.received.len() < length {
            self.receive().await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.received.reserve(PACKET);
        self.stream.read_buf(self.received).await
    }
}

const LINE_END: &[u8] = b"\r\n";

/// Takes status, headers and the minor version off what was received; `None` if more is to come.
fn take_head(received: &mut BytesMut) -> io::Result<Option<(u16, HeaderMap, u8)>> {
    let mut lines = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut head = httparse::Response::new(&mut lines);
    let end = match head.parse(received).map_err(invalid)? {
        Complete(end) => end,
        Partial => return Ok(None),
    };
    let mut headers = HeaderMap::with_capacity(head.headers.len());
    for line in head.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes()).map_err(invalid)?;
        headers.append(name, HeaderValue::from_bytes(line.value).map_err(invalid)?);
    }
    let (status, version) = (head.code.unwrap_or_default(), head.version.unwrap_or_default());
    received.advance(end);
    Ok(Some((status, headers, version)))
}

fn length(status: u16, headers: &HeaderMap) -> io::Result<Length> {
    if matches!(status, 204 | 304) {
        return Ok(Length::Bytes(0));
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        return Ok(Length::Chunks);
    }
    let Some(length) = headers.get(CONTENT_LENGTH) else { return Ok(Length::UntilTheEnd) };
    let length = length.to_str().ok().and_then(|length| length.parse().ok());
    length.map(Length::Bytes).ok_or_else(|| invalid("the content-length is not a number"))
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads an answer that arrives in three parts.
    async fn read(parts: [&str; 3]) -> io::Result<Answer> {
        let [first, second, third] = parts.map(str::as_bytes);
        let mut stream = AsyncReadExt::chain(AsyncReadExt::chain(first, second), third);
        AnswerReader { stream: &mut stream, received: &mut BytesMut::new() }.answer().await
    }

    #[tokio::test]
    async fn an_answer_is_read_whole_wherever_it_is_cut() {
        for (text, status, body, keeps) in [
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, "hello", true),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
                200,
                "hello",
                false,
            ),
            ("HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, "hello", false),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\n\r\n",
                200,
                "hello",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx: y\r\n\r\n",
                200,
                "hello",
                true,
            ),
            ("HTTP/1.1 200 OK\r\n\r\nhello", 200, "hello", false),
            ("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
            ("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", 410, "", true),
        ] {
            for second in 0..=text.len() {
                for third in second..=text.len() {
                    let parts = [&text[..second], &text[second..third], &text[third..]];
                    let answer = read(parts).await.unwrap();
                    assert_eq!((answer.status, answer.keeps), (status, keeps), "{parts:?}");
                    assert_eq!(answer.body, body, "{parts:?}");
                }
            }
        }
    }

    #[tokio::test]
    async fn headers_are_found_whatever_their_case() {
        let text = "HTTP/1.1 200 OK\r\nLambda-Runtime-Deadline-Ms: 7\r\ncontent-length: 0\r\n\r\n";
        let answer = read([text, "", ""]).await.unwrap();
        assert_eq!(answer.headers["lambda-runtime-deadline-ms"], "7");
    }

    #[tokio::test]
    async fn half_an_answer_and_what_is_no_answer_are_errors() {
        use io::ErrorKind::{InvalidData, UnexpectedEof};
        for (text, kind) in [
            ("", UnexpectedEof),
            ("HTTP/1.1 200 OK\r\ncontent-le", UnexpectedEof),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell", UnexpectedEof),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", UnexpectedEof),
            ("HTTP/1.1 200 OK\r\ncontent-length: five\r\n\r\nhello", InvalidData),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfive\r\n", InvalidData),
            ("SSH-2.0-OpenSSH_9.2p1\r\n\r\n", InvalidData),
        ] {
            assert_eq!(read([text, "", ""]).await.unwrap_err().kind(), kind, "{text}");
        }
    }

    #[tokio::test]
    async fn a_long_body_is_read_whole() {
        let body = "x".repeat(300_000);
        let text = format!("HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n{body}");
        assert_eq!(read([&text, "", ""]).await.unwrap().body, body);
    }
}
