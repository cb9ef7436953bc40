//! The modes: how the rate and the mix change while traffic runs.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::mix::Mix;

/// A mode of traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The given rate and mix.
    Steady,
    /// Four times the rate for five seconds of every twenty, and half of it in between.
    Burst,
    /// Many times the rate: more than the stack takes.
    Overload,
    /// Three times the rate, nearly all orders for one product, which is restocked first.
    FlashSale,
    /// Nothing is sent.
    Pause,
}

/// What is sent at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// Requests in a second.
    pub rate: f64,
    /// The mix of requests.
    pub mix: Mix,
    /// The share of orders for the product of the flash sale, 0 to 1.
    pub hot: f64,
}

/// How many times the rate `overload` sends.
pub const OVERLOAD: f64 = 20.0;

const CYCLE: Duration = Duration::from_secs(20);
const PEAK: Duration = Duration::from_secs(5);

impl Mode {
    /// All modes.
    pub const ALL: [Self; 5] =
        [Self::Steady, Self::Burst, Self::Overload, Self::FlashSale, Self::Pause];

    /// The name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Burst => "burst",
            Self::Overload => "overload",
            Self::FlashSale => "flash-sale",
            Self::Pause => "pause",
        }
    }

    /// What is sent after this mode has run for `elapsed`, with this rate and mix.
    #[must_use]
    pub fn step(self, elapsed: Duration, rate: f64, mix: Mix) -> Step {
        let steady = Step { rate, mix, hot: 0.1 };
        match self {
            Self::Steady => steady,
            Self::Burst => {
                let into = Duration::from_micros(
                    u64::try_from(elapsed.as_micros() % CYCLE.as_micros()).unwrap_or_default(),
                );
                Step { rate: rate * if into < PEAK { 4.0 } else { 0.5 }, ..steady }
            }
            Self::Overload => Step { rate: rate * OVERLOAD, ..steady },
            Self::FlashSale => Step { rate: rate * 3.0, mix: Mix::FLASH_SALE, hot: 0.95 },
            Self::Pause => Step { rate: 0.0, ..steady },
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|mode| mode.name() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("{text:?} is not a mode; the modes are {names}.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rate of a mode for a rate of 8, as a duration, which can be compared.
    fn rate(mode: Mode, seconds: u64) -> Duration {
        Duration::from_secs_f64(mode.step(Duration::from_secs(seconds), 8.0, Mix::default()).rate)
    }

    #[test]
    fn a_burst_is_over_after_five_seconds_and_comes_back() {
        let rates = [0, 4, 5, 19, 20, 26].map(|second| rate(Mode::Burst, second));
        assert_eq!(rates, [32, 32, 4, 4, 32, 4].map(Duration::from_secs));
    }

    #[test]
    fn a_flash_sale_is_nearly_all_orders_for_one_product() {
        let step = Mode::FlashSale.step(Duration::ZERO, 8.0, Mix::default());
        assert!(step.hot > 0.9 && step.mix.orders * 10 > step.mix.total() * 7, "{step:?}");
    }

    #[test]
    fn a_pause_sends_nothing_and_an_overload_many_times_the_rate() {
        assert_eq!(rate(Mode::Pause, 1), Duration::ZERO);
        assert_eq!(rate(Mode::Overload, 1), rate(Mode::Steady, 1).mul_f64(OVERLOAD));
    }

    #[test]
    fn names_are_read_as_they_are_written_and_others_are_refused_with_the_list() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
        }
        let error = "flood".parse::<Mode>().unwrap_err();
        assert!(error.contains("flood") && error.contains("flash-sale"), "{error}");
    }
}
