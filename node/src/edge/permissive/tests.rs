use serde::Deserialize;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Call {
    id: Vec<u64>,
    local: Option<bool>,
    limit: Option<u32>,
    text: Option<String>,
    poll: Option<Poll>,
    #[serde(deserialize_with = "absent_if_empty")]
    reply: Option<u64>,
    fields: Vec<Pair>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Poll {
    options: Vec<String>,
    multiple: bool,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Pair {
    name: String,
    value: String,
}

async fn read(query: &str, kind: Option<&str>, body: &[u8]) -> Result<Call, Problem> {
    let mut request = http::Request::builder().uri(format!("/call?{query}"));
    if let Some(kind) = kind {
        request = request.header(CONTENT_TYPE, kind);
    }
    let request = request.body(Body::from(body.to_vec())).unwrap();
    Parameters::read(request, Limits { text: 2_000, files: 100 }).await?.typed()
}

fn wanted() -> Call {
    Call {
        id: vec![1, 2],
        local: Some(true),
        limit: Some(20),
        text: Some("grüß + gott".to_owned()),
        poll: Some(Poll { options: vec!["a".into(), "b".into()], multiple: true }),
        reply: None,
        fields: vec![
            Pair { name: "n".into(), value: "v".into() },
            Pair { name: "m".into(), value: "w".into() },
        ],
    }
}

const PAIRS: &str = "id[]=1&id%5B%5D=2&local=1&limit=20&text=gr%C3%BC%C3%9F+%2B+gott\
    &poll[options][]=a&poll[options][]=b&poll[multiple]=on&reply=\
    &fields[0][name]=n&fields[0][value]=v&fields[1][name]=m&fields[1][value]=w&unknown=1";

const JSON: &str = r#"{"id":["1",2],"local":"true","limit":"20","text":"grüß + gott","reply":null,
    "poll":{"options":["a","b"],"multiple":true},"unknown":{"x":[null]},
    "fields":[{"name":"n","value":"v"},{"name":"m","value":"w"}]}"#;

#[tokio::test]
async fn the_same_call_reads_the_same_in_every_way() {
    let form = "application/x-www-form-urlencoded";
    assert_eq!(read(PAIRS, None, b"").await.unwrap(), wanted());
    assert_eq!(read("", Some(form), PAIRS.as_bytes()).await.unwrap(), wanted());
    assert_eq!(read("", None, PAIRS.as_bytes()).await.unwrap(), wanted());
    for kind in [Some("application/json; charset=utf-8"), None] {
        assert_eq!(read("", kind, JSON.as_bytes()).await.unwrap(), wanted());
    }
    let mut body = String::new();
    for pair in PAIRS.split('&') {
        let (name, value) = pair.split_once('=').unwrap();
        let (name, value) = (decode(name).unwrap(), decode(value).unwrap());
        body.push_str("--X\r\nContent-Disposition: form-data; name=\"");
        body.push_str(&format!("{name}\"\r\n\r\n{value}\r\n"));
    }
    body.push_str("--X--\r\n");
    let kind = Some("multipart/form-data; boundary=X");
    assert_eq!(read("", kind, body.as_bytes()).await.unwrap(), wanted());
}

#[tokio::test]
async fn a_body_wins_over_the_query_and_both_count() {
    let call =
        read("limit=5&local=false", Some("application/json"), br#"{"limit":7}"#).await.unwrap();
    assert_eq!((call.limit, call.local), (Some(7), Some(false)));
}

#[tokio::test]
async fn an_explicit_null_is_told_from_what_was_left_out() {
    let read = async |query: &str, body: &'static str| {
        let request = http::Request::builder()
            .uri(format!("/call?{query}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .unwrap();
        Parameters::read(request, Limits::default()).await.unwrap()
    };
    let parameters = read("", r#"{"limit":null,"local":true}"#).await;
    assert!(parameters.is_null("limit"));
    assert!(!parameters.is_null("local") && !parameters.is_null("text"));
    assert_eq!(parameters.typed::<Call>().unwrap().limit, None);
    let parameters = read("limit=5", r#"{"limit":null}"#).await;
    assert!(!parameters.is_null("limit"));
    assert_eq!(parameters.typed::<Call>().unwrap().limit, Some(5));
}

#[tokio::test]
async fn a_repeated_plain_name_is_a_list_or_its_last_value() {
    let call = read("id=1&id=2&limit=3&limit=4", None, b"").await.unwrap();
    assert_eq!((call.id, call.limit), (vec![1, 2], Some(4)));
    assert_eq!(read("id=9", None, b"").await.unwrap().id, [9]);
}

#[tokio::test]
async fn what_cannot_be_read_is_400_and_what_is_wrong_is_422_by_name() {
    let form = Some("application/x-www-form-urlencoded");
    for (kind, body) in [
        (Some("application/json"), &b"{"[..]),
        (Some("application/json"), b"[1]"),
        (Some("application/json"), b"{\"text\":\"\\u0000\"}"),
        (Some("application/json"), b"{\"text\":\"\xff\"}"),
        (form, b"text=%ff"),
        (form, b"text=\xff"),
        (form, b"a[=1"),
        (Some("multipart/form-data; boundary=X"), b"--X\r\nbroken"),
    ] {
        let problem = read("", kind, body).await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST, "{kind:?} {body:?}");
    }
    let problem = read("text=%00", None, b"").await.unwrap_err();
    assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
    for (query, name) in [
        ("limit=many", "limit"),
        ("limit=-1", "limit"),
        ("local=perhaps", "local"),
        ("text[]=a", "text"),
        ("poll=x", "poll"),
        ("poll[multiple]=x", "poll.multiple"),
        ("reply=x", "reply"),
    ] {
        let problem = read(query, None, b"").await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        let start = format!("Validation failed: {name} ");
        assert!(problem.title().starts_with(&start), "{query}: {}", problem.title());
    }
    let problem = read("", Some("application/xml"), b"<a/>").await.unwrap_err();
    assert_eq!(problem.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn sizes_are_counted() {
    let form = Some("application/x-www-form-urlencoded");
    let long = format!("text={}", "x".repeat(2_000));
    let problem = read("", form, long.as_bytes()).await.unwrap_err();
    assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let chunks = (0..30).map(|_| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 100])));
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let problem = collect(body, 2_000).await.unwrap_err();
    assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);
    let chunks = (0..3).map(|n| Ok::<_, std::io::Error>(Bytes::from(vec![b'0' + n; 2])));
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    assert_eq!(&collect(body, 6).await.unwrap()[..], b"001122");
}

#[tokio::test]
async fn files_come_as_they_are_and_within_their_limit() {
    let request = |content: &str| {
        let body = format!(
            "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n\
             Content-Type: image/png\r\n\r\n{content}\r\n\
             --X\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nalt\r\n--X--\r\n"
        );
        http::Request::builder()
            .header(CONTENT_TYPE, "multipart/form-data; boundary=X")
            .body(Body::from(body))
            .unwrap()
    };
    let limits = Limits { text: 1_000, files: 100 };
    let mut parameters = Parameters::read(request("bytes"), limits).await.unwrap();
    let file = parameters.take_file("file").unwrap();
    assert_eq!((file.file_name.as_str(), &file.bytes[..]), ("a.png", &b"bytes"[..]));
    assert_eq!(file.content_type.as_deref(), Some("image/png"));
    assert_eq!(parameters.typed::<Call>().unwrap().text.as_deref(), Some("alt"));
    let problem = Parameters::read(request(&"x".repeat(101)), limits).await.unwrap_err();
    assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_body_of_null_says_nothing_and_other_bodies_that_are_no_object_are_refused() {
    let json = Some("application/json");
    assert_eq!(read("", json, b"null").await.unwrap(), Call::default());
    for body in [&b"1"[..], b"[]", b"\"x\""] {
        assert_eq!(read("", json, body).await.unwrap_err().status(), 400);
    }
}

#[tokio::test]
async fn a_part_without_a_file_name_is_text_whatever_type_an_app_gives_it() {
    let mut body = String::new();
    // As Tusky sends them, and others.
    for kind in ["multipart/form-data; charset=utf-8", "application/octet-stream", "image/png"] {
        body.push_str(&format!(
            "--X\r\nContent-Disposition: form-data; name=\"text\"\r\n\
             Content-Transfer-Encoding: binary\r\nContent-Type: {kind}\r\n\r\n{kind} ü\r\n"
        ));
    }
    body.push_str(
        "--X\r\nContent-Disposition: form-data; name=\"limit\"; filename=\"\"\r\n\r\n\r\n--X--\r\n",
    );
    let kind = Some("multipart/form-data; boundary=X");
    let call = read("", kind, body.as_bytes()).await.unwrap();
    assert_eq!(call.text.as_deref(), Some("image/png ü"), "the last of one name counts");
    assert_eq!(call.limit, None, "a file field where nothing was chosen");
}
