//! The kinds of stacks, and what each is for.

/// Which stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The stack of `make up`: on the documented ports, until `make down`.
    Main,
    /// The stack of `make watch`: on free ports. Its data is kept.
    Watch,
    /// The stack of `make test` and `make bench`: on free ports, deleted afterwards.
    Test,
    /// The stack of `make test` that is put under load.
    TestOfTraffic,
    /// The stack of `make test` whose database is the stand-in for Aurora DSQL.
    TestOnStandIn,
    /// The stack on which `make test` does what `make watch` does.
    TestOfWatch,
}

impl Kind {
    /// All kinds.
    pub(crate) const ALL: [Self; 6] = [
        Self::Main,
        Self::Watch,
        Self::Test,
        Self::TestOfTraffic,
        Self::TestOnStandIn,
        Self::TestOfWatch,
    ];

    /// Whether it is one of tests. Nothing of it is kept, and it touches nothing but its own.
    pub(crate) const fn is_of_tests(self) -> bool {
        !matches!(self, Self::Main | Self::Watch)
    }

    /// Whether `cargo lambda watch` runs its functions.
    pub(crate) const fn is_watched(self) -> bool {
        matches!(self, Self::Watch | Self::TestOfWatch)
    }

    /// Its folder in `.local`.
    pub(super) const fn folder(self) -> &'static str {
        match self {
            Self::Main => "stack",
            Self::Watch => "watch",
            Self::Test => "test",
            Self::TestOfTraffic => "test-traffic",
            Self::TestOnStandIn => "test-dsql",
            Self::TestOfWatch => "test-watch",
        }
    }

    /// The target of the Makefile that runs it.
    pub(crate) const fn target(self) -> &'static str {
        match self {
            Self::Main => "make up",
            Self::Watch => "make watch",
            Self::Test | Self::TestOfTraffic | Self::TestOnStandIn | Self::TestOfWatch => {
                "make test"
            }
        }
    }
}
