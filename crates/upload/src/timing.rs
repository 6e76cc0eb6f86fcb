use std::time::Duration;

/// How often a destination wants to hear from a run.
#[derive(Debug, Clone)]
pub struct Pace {
    /// From the start of a post to that of the next one, also for retries and the last post. W&B allows 2 posts/s per run.
    pub min_gap: Duration,
    /// Between posts of a run that trains. The first post goes at once, and so does a full one.
    pub interval: Duration,
    /// After this long without a post an empty one says that the run is alive.
    pub heartbeat: Duration,
    /// Bytes of lines in one post. A longer single line travels alone.
    pub max_post_bytes: usize,
    /// Config changes are collected this long.
    pub config_debounce: Duration,
    /// Files are collected this long.
    pub files_debounce: Duration,
    /// How often files that are kept up to date are looked at.
    pub files_poll: Duration,
    /// Instead of [`Timing::post_timeout`].
    pub post_timeout: Option<Duration>,
    /// Instead of [`Timing::call_timeout`].
    pub call_timeout: Option<Duration>,
}

impl Default for Pace {
    fn default() -> Self {
        Pace {
            min_gap: Duration::from_millis(550),
            interval: Duration::from_secs(5),
            heartbeat: Duration::from_secs(25),
            max_post_bytes: 12 << 20,
            config_debounce: Duration::from_secs(5),
            files_debounce: Duration::from_secs(5),
            files_poll: Duration::from_secs(5),
            post_timeout: None,
            call_timeout: None,
        }
    }
}

impl Pace {
    /// For a server on this machine, where nobody counts requests but people watch.
    #[must_use]
    pub fn local() -> Self {
        Pace {
            interval: Duration::from_secs(1),
            config_debounce: Duration::from_secs(1),
            files_debounce: Duration::from_secs(1),
            files_poll: Duration::from_secs(2),
            ..Pace::default()
        }
    }
}

/// How patient an uploader is. The defaults are for production; tests shorten them.
#[derive(Debug, Clone)]
pub struct Timing {
    /// The first wait of a back-off; it doubles from there. Up to a quarter is added at random.
    pub retry_first: Duration,
    /// The longest wait of an ordinary back-off.
    pub retry_max: Duration,
    /// The longest wait after a 401.
    pub unauthorized_max: Duration,
    /// How often a parked run looks whether things have changed.
    pub parked: Duration,
    /// An answer to a post is waited for this long.
    pub post_timeout: Duration,
    /// An answer to the opening or an update of a run is waited for this long.
    pub call_timeout: Duration,
    /// At stop, an answer that is due is waited for this long.
    pub stop_grace: Duration,
    /// How often a config update, a file, an alert or an artifact that the server refuses is offered before it is given up.
    pub rejections: u32,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            retry_first: Duration::from_secs(1),
            retry_max: Duration::from_mins(1),
            unauthorized_max: Duration::from_mins(10),
            parked: Duration::from_hours(1),
            post_timeout: Duration::from_mins(3),
            call_timeout: Duration::from_mins(1),
            stop_grace: Duration::from_secs(2),
            rejections: 3,
        }
    }
}
