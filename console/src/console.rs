//! The parts of the console that handlers share.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;
use waybill_ops::config::Config;
use waybill_ops::env_file::EnvFile;
use waybill_ops::error::Result;

use crate::address::{Address, VARIABLE};
use crate::collect::Collector;
use crate::frame::{Frame, Page};
use crate::guard::Guard;
use crate::redriven::Redrives;
use crate::sources::{Sources, Variables};

/// The most live streams at a time. Each browser holds one.
const MOST_STREAMS: usize = 16;

/// What every handler gets.
pub(crate) type Shared = Arc<Console>;

/// The console of one stack.
pub struct Console {
    address: Address,
    pub(crate) guard: Guard,
    pub(crate) sources: Arc<Sources>,
    pub(crate) collector: Arc<Collector>,
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) redrives: Mutex<Redrives>,
}

impl Console {
    /// The console of the stack of `make up`, at the address in its `stack.env`.
    ///
    /// # Errors
    /// If no stack is running, or a variable of it is wrong.
    pub async fn of_make_up(config: &Config) -> Result<Self> {
        let env = EnvFile::of_make_up(config)?;
        let address = Address::parse(env.get(VARIABLE)?)?;
        Self::new(config, address, Variables::OfMakeUp(config.clone().into())).await
    }

    /// The console of a stack with these variables.
    ///
    /// # Errors
    /// If a variable is missing or wrong.
    pub async fn of_stack(config: &Config, address: Address, env: EnvFile) -> Result<Self> {
        Self::new(config, address, Variables::Given(env)).await
    }

    async fn new(config: &Config, address: Address, variables: Variables) -> Result<Self> {
        let sources = Arc::new(Sources::new(config, variables).await?);
        Ok(Self {
            guard: Guard::new(&address),
            collector: Collector::start(Arc::clone(&sources)),
            streams: Arc::new(Semaphore::new(MOST_STREAMS)),
            redrives: Mutex::default(),
            sources,
            address,
        })
    }

    /// The frame of a page.
    pub(crate) async fn frame(&self, page: Page) -> Frame {
        Frame::new(page, &*self.collector.snapshot().await)
    }

    /// How many live streams are open.
    #[must_use]
    pub fn open_streams(&self) -> usize {
        MOST_STREAMS.saturating_sub(self.streams.available_permits())
    }

    /// Where to listen.
    #[must_use]
    pub fn socket(&self) -> SocketAddr {
        self.address.socket()
    }
}
