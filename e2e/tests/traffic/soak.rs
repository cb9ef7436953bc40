//! A minute of traffic in every mode, with faults in between.

use std::time::Duration;

use e2e::{Stack, eventually};
use traffic::faults::{Faults, Planned};
use traffic::generator::Wanted;
use traffic::history::{History, Usage};
use traffic::mode::Mode;
use traffic::round::{HISTORY, Options};
use traffic::soak::{self, Rhythm};
use traffic::verdict::{Conclusion, judge};

use crate::waits::{KEPT, ShortWaits};
use crate::{ALONE, open, target};

/// The modes, with their seconds.
const MODES: [(Mode, u64); 5] = [
    (Mode::Steady, 24),
    (Mode::Burst, 12),
    (Mode::FlashSale, 14),
    (Mode::Overload, 5),
    (Mode::Steady, 7),
];

const RHYTHM: Rhythm = Rhythm { quiet: Duration::from_secs(4), fault_s: 4 };

/// The faults, in the order in which they strike: two of each kind of target while orders come.
fn faults() -> [Planned; 7] {
    [
        Planned::new("postgres-stopped"),
        Planned::killed("fulfill-order"),
        Planned::new("eventbridge-500"),
        Planned::new("sqs-deaf"),
        Planned::new("dynamodb-deaf"),
        Planned::killed("create-order"),
        Planned::new("postgres-full"),
    ]
}

#[tokio::test]
async fn a_soak_with_faults_in_between_ends_with_a_clean_verdict_that_its_file_repeats() {
    let _alone = ALONE.lock().await;
    let stack = Stack::connect().await;
    let url = target().faults_url.expect("the stack has faults, and FAULTS_URL names them");
    let (faults, plan) = (Faults::at(&url), faults());
    let waits = ShortWaits::set(&stack).await;
    let options = Options { watch_processes: true, seed: 11, ..Options::default() };
    let (mut round, control) = open(MODES[0].0, options).await;
    let modes = async {
        for (mode, seconds) in MODES {
            control.want(Wanted { mode, ..control.wanted() });
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    };
    let length = Duration::from_secs(MODES.map(|(_, seconds)| seconds).iter().sum());
    let until = async {
        let striking = async { tokio::join!(modes, soak::strike(&faults, &plan, RHYTHM, length)) };
        tokio::select! {
            ((), struck) = striking => struck,
            () = waits.keep_relaying() => Ok(()),
        }
    };
    let struck = round.send(control.wanted.subscribe(), Box::pin(until)).await;
    let verdict = round.finish().await.unwrap();
    let file = round.folder().join(HISTORY);
    let name = round.run().name.clone();
    round.close().await;
    let keys = eventually("old keys are forgotten", async || {
        waits.relay().await;
        kept_keys(&stack, &name).await
    });
    let keys = keys.await;
    waits.restore().await;
    struck.unwrap();
    eprintln!("{verdict}");
    assert_eq!(verdict.conclusion, Conclusion::Clean, "{verdict}");
    let checked = &verdict.checked;
    assert!(keys < checked.orders, "{keys} keys of {verdict}");
    assert!(checked.orders > 200 && checked.replays > 20 && checked.refusals > 10, "{verdict}");
    let again = History::read(&file).unwrap();
    assert_eq!(judge(&again), verdict);
    let struck: Vec<_> = again.faults.iter().map(|it| (&*it.name, it.struck)).collect();
    assert_eq!(struck.len(), plan.len(), "{struck:?}");
    assert!(struck.iter().all(|(_, times)| times.is_some_and(|times| times > 0)), "{struck:?}");
    assert!(again.usage.iter().any(is_complete), "{:?}", again.usage);
}

/// How many idempotency keys of a round there are, if none is older than it has to be.
async fn kept_keys(stack: &Stack, round: &str) -> Option<usize> {
    // The relay that deletes them may be two seconds ago.
    let longest = (KEPT + Duration::from_secs(2)).as_secs_f64();
    let statement =
        "SELECT count(*), count(*) FILTER (WHERE created_at < now() - make_interval(secs => $2))
         FROM idempotency_keys WHERE key LIKE $1";
    let keys = format!("key-{round}-%");
    let row = stack.database.query_one(statement, &[&keys, &longest]).await.unwrap();
    let (all, old): (i64, i64) = (row.get(0), row.get(1));
    (old == 0).then(|| usize::try_from(all).unwrap())
}

/// Whether everything is watched that runs under tests, and shows memory, connections and files.
fn is_complete(usage: &Usage) -> bool {
    let names =
        ["emulator", "faults", "function create-order", "function fulfill-order", "traffic"];
    let used = |name| {
        let process = usage.processes.get(name);
        process.is_some_and(|process| process.memory_kb > 0 && process.files > 0)
    };
    usage.connections > 0 && names.into_iter().all(used)
}
