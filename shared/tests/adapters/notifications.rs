//! The promise of notify-customer: one mail for each event, and a second one only if the outcome of the
//! first was not recorded.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use testkit::proxy::{Proxy, authority};
use tokio::sync::Notify;
use uuid::Uuid;
use waybill::BoxError;
use waybill::app::{
    self, Claimed, Context, Delivery, KeepNotifications, Mail, MailError, MailOrder, Notification,
    PlaceOrders, Placement, Recipient, SendMail, WriteMail,
};
use waybill::domain::{CustomerEmail, Order, OrderId, ProductId, Status};
use waybill::postgres::Database;

use crate::support::{STATEMENTS, TestDatabase, config, context, order};

/// Writes the number of the order and the event as the subject, and the lines as the text.
struct Plain;

impl WriteMail for Plain {
    async fn write(&self, status: Status, order: &MailOrder) -> Result<Mail, BoxError> {
        let subject = format!("{} {}", order.number.as_str(), status.event());
        let lines =
            order.lines.iter().map(|it| format!("{} {} {}", it.quantity, it.name, it.price));
        let text = lines.chain([order.total.to_string()]).collect::<Vec<_>>().join("\n");
        Mail::new(subject, text, String::new())
    }
}

/// A mail service that keeps what it sends.
#[derive(Default)]
struct Post {
    /// Address, subject and text.
    sent: Mutex<Vec<[String; 3]>>,
    /// How many mails to refuse for now.
    failing: AtomicUsize,
    /// Whether to accept a mail and never say so.
    silent: AtomicBool,
    accepted: Notify,
}

impl SendMail for Post {
    async fn send(&self, to: &CustomerEmail, mail: &Mail) -> Result<String, MailError> {
        let fails = |left: usize| left.checked_sub(1);
        if self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Err(MailError::Failed("throttled".into()));
        }
        let mail = [to.as_str(), mail.subject(), mail.text()].map(str::to_owned);
        self.sent.lock().unwrap().push(mail);
        if self.silent.load(Ordering::SeqCst) {
            self.accepted.notify_one();
            std::future::pending::<()>().await;
        }
        // Others run in between.
        tokio::task::yield_now().await;
        Ok(Uuid::new_v4().to_string())
    }
}

/// The same, and Postgres's next answer is lost.
struct Cutting<'a> {
    post: &'a Post,
    proxy: &'a Proxy,
}

impl SendMail for Cutting<'_> {
    async fn send(&self, to: &CustomerEmail, mail: &Mail) -> Result<String, MailError> {
        let sent = self.post.send(to, mail).await;
        self.proxy.cut_next_answer();
        sent
    }
}

impl Post {
    /// How many mails have each subject.
    fn counts(&self) -> HashMap<String, usize> {
        let mut counts = HashMap::new();
        for [_, subject, _] in self.sent.lock().unwrap().iter() {
            *counts.entry(subject.clone()).or_default() += 1;
        }
        counts
    }
}

async fn place(database: &Database, product: ProductId, context: &Context) -> Order {
    let wanted = order(&[(product, 2)]);
    match database.place(OrderId::generate(), &wanted, None, context).await.unwrap() {
        Placement::Placed(order) => order,
        other => panic!("{other:?}"),
    }
}

/// An event of an order, as a message.
fn event(order: OrderId, status: Status) -> Delivery {
    let body = json!({
        "detail-type": status.event(),
        "detail": { "v": 1, "order_id": order.as_uuid(), "correlation_id": "abc" },
    });
    Delivery::new(Uuid::new_v4().to_string(), body.to_string())
}

async fn deliver(
    database: &Database,
    post: &impl SendMail,
    deliveries: Vec<Delivery>,
) -> Vec<String> {
    app::notify_customers(database, &Plain, post, Recipient::Ordered, deliveries).await.unwrap()
}

/// Delivers an event until its message succeeds.
async fn deliver_until_done(database: &Database, post: &Post, order: OrderId) {
    for _ in 0..200 {
        if deliver(database, post, vec![event(order, Status::Pending)]).await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the message still fails after ten seconds");
}

/// A process whose leases are a second long.
async fn with_short_leases(test: &TestDatabase) -> Database {
    let mut config = test.config();
    config.timing.mail_lease = Duration::from_secs(1);
    Database::connect(&config, STATEMENTS).await.unwrap()
}

async fn outcomes(test: &TestDatabase) -> Vec<Option<String>> {
    let rows = test.sql.query("SELECT outcome FROM notifications ORDER BY event", &[]).await;
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_mail_has_the_lines_and_the_address_of_the_order() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("KWD", 1450, 10).await;
    let order = place(&database, mug, &context()).await;
    test.sql.batch_execute("UPDATE products SET name = 'Renamed', price_minor = 1").await.unwrap();
    let post = Post::default();
    assert!(
        deliver(&database, &post, vec![event(order.summary.id, Status::Shipped)]).await.is_empty()
    );
    let subject = format!("{} OrderShipped", order.summary.number.as_str());
    let expected = ["ada@example.com", &subject, "2 Enamel mug 2.900 KWD\n2.900 KWD"];
    assert_eq!(*post.sent.lock().unwrap(), [expected.map(str::to_owned)]);
    let row =
        test.sql.query_one("SELECT outcome, message_id, reason FROM notifications", &[]).await;
    let row = row.unwrap();
    assert_eq!(row.get::<_, &str>(0), "sent");
    assert!(row.get::<_, Option<&str>>(1).is_some() && row.get::<_, Option<&str>>(2).is_none());
}

#[tokio::test]
async fn an_order_keeps_the_address_that_its_token_proved_and_mail_goes_there() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let mut proving = context();
    let proven = CustomerEmail::parse("proven@example.com").unwrap();
    proving.caller = proving.caller.proving(Some(proven));
    let (proven, unproven) =
        (place(&database, mug, &proving).await, place(&database, mug, &context()).await);
    let post = Post::default();
    let batch = [proven.summary.id, unproven.summary.id].map(|id| event(id, Status::Pending));
    let failed =
        app::notify_customers(&*database, &Plain, &post, Recipient::Proven, batch.into()).await;
    assert_eq!(failed.unwrap(), Vec::<String>::new());
    let to: Vec<_> = post.sent.lock().unwrap().iter().map(|[to, ..]| to.clone()).collect();
    assert_eq!(to, ["proven@example.com"]);
    let sql = "SELECT outcome FROM notifications WHERE order_id = $1";
    let row = test.sql.query_one(sql, &[&unproven.summary.id.as_uuid()]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "no_address");
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_come_several_times_at_once_and_in_any_order_are_mailed_once_each() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 100).await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(place(&database, mug, &context()).await.summary.id);
    }
    let events: Vec<_> =
        ids.iter().flat_map(|&id| Status::ALL.map(|status| event(id, status))).collect();
    let post = Arc::new(Post::default());
    // Each process gets every event, beginning elsewhere, forward or backward, some of them twice.
    let processes = join_all((0..6).map(|_| test.connect())).await;
    let works = processes.into_iter().enumerate().map(|(number, process)| {
        let (mut events, post) = (events.clone(), Arc::clone(&post));
        events.rotate_left(5 * number);
        if number % 2 == 1 {
            events.reverse();
        }
        let batches: Vec<_> = events.chunks(9).map(|batch| [batch, &batch[..1]].concat()).collect();
        tokio::spawn(async move {
            let mut busy = 0;
            for batch in batches {
                busy += deliver(&process, &*post, batch).await.len();
            }
            busy
        })
    });
    let busy: usize = join_all(works).await.into_iter().map(Result::unwrap).sum();
    // What was busy comes again, and its mail is sent by then.
    assert!(deliver(&database, &*post, events).await.is_empty());
    let counts = post.counts();
    eprintln!("{} mails; {busy} messages came while another process sent theirs", counts.len());
    assert_eq!(counts.len(), 30);
    assert!(counts.values().all(|&count| count == 1), "{counts:?}");
    assert_eq!(outcomes(&test).await, vec![Some("sent".to_owned()); 30]);
}

#[tokio::test]
async fn a_process_that_dies_before_the_mail_service_says_yes_leaves_one_mail_to_send() {
    let test = TestDatabase::new().await;
    let database = with_short_leases(&test).await;
    let mug = test.product("EUR", 1450, 10).await;
    let order = place(&database, mug, &context()).await.summary.id;
    let notification = Notification { order_id: order, status: Status::Pending };
    let claimed = database.claim(Uuid::new_v4(), &[notification]).await.unwrap();
    assert!(matches!(claimed[&notification], Claimed::Yours(_)));
    let post = Post::default();
    deliver_until_done(&database, &post, order).await;
    deliver_until_done(&database, &post, order).await;
    assert_eq!(post.sent.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_process_that_dies_between_yes_and_the_record_causes_one_second_mail_after_its_lease() {
    let test = TestDatabase::new().await;
    let (dying, other) = (with_short_leases(&test).await, with_short_leases(&test).await);
    let mug = test.product("EUR", 1450, 10).await;
    let order = place(&other, mug, &context()).await.summary.id;
    let post = Post::default();
    post.silent.store(true, Ordering::SeqCst);
    {
        let work = std::pin::pin!(deliver(&dying, &post, vec![event(order, Status::Pending)]));
        tokio::select! {
            failed = work => panic!("it should not end: {failed:?}"),
            () = post.accepted.notified() => {}
        }
    }
    post.silent.store(false, Ordering::SeqCst);
    // Nobody else sends it during the lease.
    let early = deliver(&other, &post, vec![event(order, Status::Pending)]).await;
    assert_eq!((early.len(), post.sent.lock().unwrap().len()), (1, 1));
    deliver_until_done(&other, &post, order).await;
    assert_eq!(post.sent.lock().unwrap().len(), 2);
    for _ in 0..3 {
        deliver_until_done(&other, &post, order).await;
    }
    assert_eq!(post.sent.lock().unwrap().len(), 2);
    assert_eq!(outcomes(&test).await, [Some("sent".to_owned())]);
}

#[tokio::test]
async fn a_mail_that_failed_is_sent_once_after_the_lease() {
    let test = TestDatabase::new().await;
    let database = with_short_leases(&test).await;
    let mug = test.product("EUR", 1450, 10).await;
    let order = place(&database, mug, &context()).await.summary.id;
    let post = Post { failing: AtomicUsize::new(1), ..Post::default() };
    assert_eq!(deliver(&database, &post, vec![event(order, Status::Pending)]).await.len(), 1);
    assert_eq!(outcomes(&test).await, [None]);
    deliver_until_done(&database, &post, order).await;
    assert_eq!(post.sent.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_lost_answer_of_postgres_causes_no_second_mail_and_loses_none() {
    let test = TestDatabase::new().await;
    let mug = test.product("EUR", 1450, 10).await;
    let proxy = Proxy::to(authority(&test.url)).await;
    let database =
        Database::connect(&config(proxy.instead_of(&test.url)), STATEMENTS).await.unwrap();
    let order = place(&database, mug, &context()).await.summary.id;
    let post = Post::default();
    // The same claim is made again.
    proxy.cut_next_answer();
    assert!(deliver(&database, &post, vec![event(order, Status::Pending)]).await.is_empty());
    // The outcome is recorded again.
    let cutting = Cutting { post: &post, proxy: &proxy };
    assert!(deliver(&database, &cutting, vec![event(order, Status::Confirmed)]).await.is_empty());
    assert_eq!(proxy.strikes(), 2);
    let both = [Status::Pending, Status::Confirmed].map(|status| event(order, status));
    assert!(deliver(&database, &post, both.into()).await.is_empty());
    assert_eq!(post.counts().into_values().collect::<Vec<_>>(), [1, 1]);
}

#[tokio::test]
async fn an_event_of_an_order_that_does_not_exist_fails_alone() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let order = place(&database, mug, &context()).await.summary.id;
    let missing = event(OrderId::generate(), Status::Pending);
    let (post, message_id) = (Post::default(), missing.message_id.clone());
    let failed = deliver(&database, &post, vec![missing, event(order, Status::Pending)]).await;
    assert_eq!(failed, [message_id]);
    assert_eq!(outcomes(&test).await, [Some("sent".to_owned())]);
}

#[tokio::test]
async fn only_its_own_claim_may_be_made_again_during_a_lease() {
    let test = TestDatabase::new().await;
    let database = test.connect().await;
    let mug = test.product("EUR", 1450, 10).await;
    let order_id = place(&database, mug, &context()).await.summary.id;
    let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
    let notification = Notification { order_id, status: Status::Pending };
    let claim = async |claim| {
        let mut claimed = database.claim(claim, &[notification]).await.unwrap();
        matches!(claimed.remove(&notification), Some(Claimed::Yours(_)))
    };
    assert!(claim(one).await && claim(one).await);
    assert!(!claim(other).await);
    assert!(claim(one).await);
}
