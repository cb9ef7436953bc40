//! Valid cursors that were changed.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::cases;
use crate::event::{Sent, good_claims};
use crate::functions::Function;
use crate::requests::{check, json_of, runtime};
use crate::shop::Shop;

/// A change of a cursor.
#[derive(Clone, Debug)]
enum Step {
    Replace(Index, char),
    Insert(Index, String),
    Cut(Index, Index),
    Append(String),
    FlipBit(Index, u8),
}

fn step() -> impl Strategy<Value = Step> {
    let character = prop_oneof![
        4 => select("ABCXYZabcxyz0189-_".chars().collect::<Vec<_>>()),
        1 => any::<char>(),
    ];
    prop_oneof![
        (any::<Index>(), character).prop_map(|(at, character)| Step::Replace(at, character)),
        (any::<Index>(), "\\PC{1,4}").prop_map(|(at, text)| Step::Insert(at, text)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Step::Cut(from, to)),
        "[=A-Za-z0-9_-]{1,44}".prop_map(Step::Append),
        (any::<Index>(), 0_u8..7).prop_map(|(at, bit)| Step::FlipBit(at, bit)),
    ]
}

fn apply(text: &str, step: &Step) -> String {
    let mut characters: Vec<char> = text.chars().collect();
    let length = characters.len();
    match step {
        _ if length == 0 => {}
        Step::Replace(at, character) => characters[at.index(length)] = *character,
        Step::Insert(at, text) => {
            let at = at.index(length);
            characters.splice(at..at, text.chars());
        }
        Step::Cut(from, to) => {
            let (from, to) = (from.index(length), to.index(length));
            characters.drain(from.min(to)..from.max(to));
        }
        Step::Append(text) => characters.extend(text.chars()),
        Step::FlipBit(at, bit) => {
            let at = at.index(length);
            let flipped = u32::from(characters[at]) ^ (1 << bit);
            characters[at] = char::from_u32(flipped).unwrap_or('?');
        }
    }
    characters.into_iter().collect()
}

/// The value of a parameter, with every byte escaped.
fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        let _ = write!(escaped, "%{byte:02X}");
        escaped
    })
}

fn list(query: String) -> Sent {
    Sent { query, claims: Some(good_claims()), method: "GET", ..Sent::default() }
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_cursor_goes_on_as_it_was_given_out_and_in_no_other_form(
        steps in vec(step(), 0..3),
        (function, filter) in select(vec![
            (Function::ListOrders, ""),
            (Function::ListOrders, "&status=pending"),
            (Function::ListProducts, ""),
            (Function::ListProducts, "&q=%C3%B6"),
        ]),
    ) {
        let runtime = runtime();
        // With this mood every list has a next page.
        let ask = |query| runtime.block_on(function.answer(&Shop { mood: 1 }, &list(query).event()));
        let first = ask(format!("limit=2{filter}"));
        let sealed = json_of(&first)["next_cursor"].as_str().unwrap().to_owned();
        let changed = steps.iter().fold(sealed.clone(), |text, step| apply(&text, step));

        let answer = ask(format!("limit=2{filter}&cursor={}", escaped(&changed)));
        check(&answer);
        if changed == sealed {
            prop_assert_eq!(answer.status().as_u16(), 200);
        } else {
            prop_assert_eq!(answer.status().as_u16(), 400);
            prop_assert_eq!(&json_of(&answer)["errors"][0]["pointer"], "cursor");
        }
    }
}
