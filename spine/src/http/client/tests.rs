//! The client against a listener on loopback, which the operator allows by hand.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

fn policy() -> HttpPolicy {
    let mut policy = HttpPolicy::new("test/1.0");
    policy.allow_networks = vec!["127.0.0.0/8".parse().unwrap()];
    policy.allow_plain_http = PlainHttp::AllowedNetworksOnly;
    policy
}

fn client(policy: HttpPolicy) -> GuardedClient {
    GuardedClient::new(policy).unwrap()
}

fn url(address: SocketAddr, path: &str) -> Url {
    Url::parse(&format!("http://{address}{path}")).unwrap()
}

/// Answers every connection's first request with `answer`, then holds the connection open.
async fn serve(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer_one(stream, answer.clone()));
        }
    });
    address
}

async fn answer_one(mut stream: TcpStream, answer: Vec<u8>) {
    read_head(&mut stream).await;
    stream.write_all(&answer).await.unwrap();
    // Ends when the client hangs up.
    let mut rest = Vec::new();
    let _read = stream.read_to_end(&mut rest).await;
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.unwrap() == 0 {
            break;
        }
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn response(head: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes =
        format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

#[tokio::test]
async fn a_response_comes_back_whole() {
    let address = serve(response("200 OK\r\ncontent-type: text/plain", b"hello")).await;
    let answer = client(policy()).send(OutgoingRequest::get(url(address, "/a?b#c"))).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "text/plain");
    assert_eq!(answer.body, "hello");
    assert_eq!(answer.url, url(address, "/a?b"));
}

#[tokio::test]
async fn loopback_is_refused_by_default() {
    let address = serve(response("200 OK", b"secret")).await;
    let guarded = client(HttpPolicy::new("test/1.0"));
    let error = guarded.send(OutgoingRequest::get(url(address, "/"))).await.unwrap_err();
    assert!(matches!(error, HttpError::PlainHttp), "{error}");
    for literal in ["https://127.0.0.1/", "https://[::1]/", "https://[::ffff:7f00:1]/"] {
        let error = guarded.check_url(&Url::parse(literal).unwrap()).unwrap_err();
        assert!(matches!(error, HttpError::Refused { .. }), "{literal}: {error}");
    }
    // Other spellings of an address are read as the address they mean.
    for literal in ["https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://0/"] {
        let error = guarded.check_url(&Url::parse(literal).unwrap()).unwrap_err();
        assert!(matches!(error, HttpError::Refused { .. }), "{literal}: {error}");
    }
}

#[tokio::test]
async fn a_name_is_judged_by_what_it_resolves_to() {
    let address = serve(response("200 OK", b"secret")).await;
    let named = Url::parse(&format!("https://localhost:{}/", address.port())).unwrap();
    let guarded = client(HttpPolicy::new("test/1.0"));
    assert!(guarded.check_url(&named).is_ok());
    let error = guarded.send(OutgoingRequest::get(named)).await.unwrap_err();
    assert!(matches!(error, HttpError::Refused { reason: "loopback", .. }), "{error:?}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn plain_http_never_reaches_a_public_address() {
    let guarded = client(policy());
    let error = guarded.check_url(&Url::parse("http://8.8.8.8/").unwrap()).unwrap_err();
    assert!(matches!(error, HttpError::PlainHttp));
    let error = guarded.check_url(&Url::parse("http://10.0.0.1/").unwrap()).unwrap_err();
    assert!(matches!(error, HttpError::Refused { reason: "private", .. }));
}

#[tokio::test]
async fn odd_urls_are_refused() {
    let guarded = client(policy());
    for odd in ["ftp://a.example/", "file:///etc/passwd", "data:,x", "https://user:pw@a.example/"] {
        let error = guarded.check_url(&Url::parse(odd).unwrap()).unwrap_err();
        assert!(matches!(error, HttpError::InvalidUrl(_)), "{odd}: {error}");
    }
}

#[tokio::test]
async fn a_redirect_is_handed_back_not_followed() {
    let address = serve(response("302 Found\r\nlocation: http://127.0.0.1:1/", b"")).await;
    let answer = client(policy()).send(OutgoingRequest::get(url(address, "/"))).await.unwrap();
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.headers["location"], "http://127.0.0.1:1/");
}

#[tokio::test]
async fn an_announced_body_over_the_limit_is_not_read() {
    let address = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n".to_vec()).await;
    let error = client(policy()).send(OutgoingRequest::get(url(address, "/"))).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { limit } if limit == 1024 * 1024), "{error}");
}

#[tokio::test]
async fn a_chunked_body_is_counted_while_it_streams() {
    let mut answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..64 {
        answer.extend_from_slice(b"10\r\n0123456789abcdef\r\n");
    }
    let endless = serve(answer.clone()).await;
    let request = |address, limit| OutgoingRequest {
        max_body: Some(limit),
        ..OutgoingRequest::get(url(address, "/"))
    };
    let error = client(policy()).send(request(endless, 1000)).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { limit: 1000 }), "{error}");

    answer.extend_from_slice(b"0\r\n\r\n");
    let ending = serve(answer).await;
    let whole = client(policy()).send(request(ending, 1024)).await.unwrap();
    assert_eq!(whole.body, "0123456789abcdef".repeat(64));
}

#[tokio::test]
async fn a_compressed_body_is_counted_after_decompression() {
    let small = gzip_of_zeros(100_000);
    assert!(small.len() < 1000);
    let address = serve(response("200 OK\r\ncontent-encoding: gzip", &small)).await;
    let request =
        OutgoingRequest { max_body: Some(50_000), ..OutgoingRequest::get(url(address, "/")) };
    let error = client(policy()).send(request).await.unwrap_err();
    assert!(matches!(error, HttpError::TooLarge { limit: 50_000 }), "{error:?}");
}

#[tokio::test]
async fn a_silent_server_ends_in_a_timeout() {
    let address = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc".to_vec()).await;
    let request = OutgoingRequest {
        timeout: Some(Duration::from_millis(50)),
        ..OutgoingRequest::get(url(address, "/"))
    };
    let error = client(policy()).send(request).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout), "{error}");

    let mut impatient = policy();
    impatient.read_timeout = Duration::from_millis(50);
    let error = client(impatient).send(OutgoingRequest::get(url(address, "/"))).await.unwrap_err();
    assert!(matches!(error, HttpError::Timeout), "{error:?}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_closed_port_is_a_transient_connection_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = client(policy()).send(OutgoingRequest::get(url(address, "/"))).await.unwrap_err();
    assert!(matches!(error, HttpError::Connect(_)), "{error:?}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn a_broken_off_body_is_a_transient_failure() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_head(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc").await.unwrap();
    });
    let error = client(policy()).send(OutgoingRequest::get(url(address, "/"))).await.unwrap_err();
    assert!(matches!(error, HttpError::Exchange(_)), "{error:?}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn what_is_sent_names_the_program_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let seen = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let head = read_head(&mut stream).await;
        stream.write_all(&response("204 No Content", b"")).await.unwrap();
        head
    });
    let mut headers = HeaderMap::new();
    headers.insert(HOST, address.to_string().parse().unwrap());
    let request = OutgoingRequest::get(url(address, "/x?y=1")).with_headers(headers);
    client(policy()).send(request).await.unwrap();
    let head = seen.await.unwrap().to_ascii_lowercase();
    assert!(head.starts_with("get /x?y=1 http/1.1\r\n"), "{head}");
    assert!(head.contains("user-agent: test/1.0\r\n"), "{head}");
    assert_eq!(head.matches("host:").count(), 1, "{head}");
    for absent in ["cookie:", "referer:"] {
        assert!(!head.contains(absent), "{head}");
    }
}

#[tokio::test]
async fn another_host_header_than_the_url_is_refused() {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, "internal.example".parse().unwrap());
    let request =
        OutgoingRequest::get(Url::parse("http://127.0.0.1:9/").unwrap()).with_headers(headers);
    let error = client(policy()).send(request).await.unwrap_err();
    assert!(matches!(error, HttpError::InvalidRequest(_)), "{error}");
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for _ in 0..3 {
            read_head(&mut stream).await;
            stream.write_all(&response("200 OK", b"again")).await.unwrap();
        }
    });
    let guarded = client(policy());
    for _ in 0..3 {
        let answer = guarded.send(OutgoingRequest::get(url(address, "/"))).await.unwrap();
        assert_eq!(answer.body, "again");
    }
    server.await.unwrap();
}

/// Zeros in gzip: one fixed-Huffman block of a literal and long matches, built by hand so that the
/// test needs no compressor.
fn gzip_of_zeros(length: usize) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.push(1, 1); // The last block,
    bits.push(1, 2); // with fixed Huffman codes.
    bits.push_code(0x30, 8); // The literal 0.
    let mut left = length - 1;
    while left >= 258 {
        bits.push_code(0b1100_0101, 8); // Length 258,
        bits.push_code(0, 5); // distance 1.
        left -= 258;
    }
    for _ in 0..left {
        bits.push_code(0x30, 8);
    }
    bits.push_code(0, 7); // End of block.
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    gzip.extend(bits.finish());
    gzip.extend([0; 8]); // The checksum is never reached: the limit comes first.
    gzip
}

#[derive(Default)]
struct BitWriter {
    bytes: Vec<u8>,
    used: u32,
}

impl BitWriter {
    fn push(&mut self, value: u32, count: u32) {
        for index in 0..count {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= (((value >> index) & 1) as u8) << (self.used % 8);
            }
            self.used += 1;
        }
    }

    /// Huffman codes go in most significant bit first.
    fn push_code(&mut self, code: u32, count: u32) {
        for index in (0..count).rev() {
            self.push((code >> index) & 1, 1);
        }
    }

    fn finish(self) -> Vec<u8> {
        self.bytes
    }
}
