//! Who gets in, over HTTP.

use e2e::Stack;
use reqwest::header::{COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, StatusCode, redirect};

use crate::Served;

fn client() -> Client {
    Client::builder().redirect(redirect::Policy::none()).build().unwrap()
}

/// The cookie that the printed link is exchanged for.
async fn cookie(served: &Served) -> String {
    let answer = client().get(served.address.url()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()[LOCATION], "/");
    let set = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
    set.split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn the_link_opens_every_page_and_nothing_opens_without_it() {
    let stack = Stack::connect().await;
    let served = Served::of(&stack).await;
    let cookie = cookie(&served).await;
    for path in ["/", "/orders", "/queues", "/products", "/traffic", "/faults", "/mail"] {
        let request = client().get(served.url(path));
        let answer = request.header(COOKIE, &cookie).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
    for path in ["/", "/orders", "/live", "/console.js", "/?token=wrong"] {
        let answer = client().get(served.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn a_forged_host_or_origin_is_refused_on_pages_streams_and_changes() {
    let stack = Stack::connect().await;
    let served = Served::of(&stack).await;
    let cookie = cookie(&served).await;
    for path in ["/orders", "/live"] {
        for (name, value) in [(HOST, "evil.example"), (ORIGIN, "http://evil.example")] {
            let request = client().get(served.url(path)).header(COOKIE, &cookie);
            let answer = request.header(name, value).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path} {value}");
        }
    }
    let change = || client().post(served.url("/queues/delete")).header(COOKIE, &cookie).body("");
    assert_eq!(change().send().await.unwrap().status(), StatusCode::FORBIDDEN);
    let forged = change().header(ORIGIN, "http://evil.example").send().await.unwrap();
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);
    // It is admitted, and chooses no letter.
    let own = change().header(ORIGIN, served.url("")).send().await.unwrap();
    assert_eq!(own.status(), StatusCode::CONFLICT);
}

#[tokio::test]
async fn streams_tick_have_a_limit_and_give_their_place_back() {
    let stack = Stack::connect().await;
    let served = Served::of(&stack).await;
    let cookie = cookie(&served).await;
    let open =
        async || client().get(served.url("/live")).header(COOKIE, &cookie).send().await.unwrap();
    let mut streams = Vec::new();
    for _ in 0..16 {
        streams.push(open().await);
        assert_eq!(streams.last().unwrap().status(), StatusCode::OK);
    }
    assert_eq!(open().await.status(), StatusCode::SERVICE_UNAVAILABLE);
    let chunk = streams[0].chunk().await.unwrap().unwrap();
    assert!(chunk.starts_with(b"event: tick\n"), "{chunk:?}");
    drop(streams);
    e2e::eventually("a place is free again", async || {
        (open().await.status() == StatusCode::OK).then_some(())
    })
    .await;
}
