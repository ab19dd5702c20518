//! How the agent starts: from the identity, the store and what is left of a former process.

use super::*;

impl Agent {
    /// An agent that goes on from where it stood. Blocks while it reads identity and store.
    pub fn start(
        paths: Paths,
        sessions: facts::Sessions,
        access: StoreAccess,
        platform: Platform,
        retention: RetentionRules,
    ) -> Result<Self, IdentityError> {
        Identity::clean_up(&paths)?;
        let identity = identity_in_use(&paths)?.map(Arc::new);
        let now = clock::now();
        let (at_start, store_problem) = match &identity {
            Some(_) => read_store(&access, &StorePlace::of(&paths), now.wall),
            None => (None, None),
        };
        let progress = at_start.as_ref().and_then(|stored| stored.progress.clone()).unwrap_or_default();
        let last_record = progress.last_session.as_deref().cloned();
        let mut engine = Engine::new(beginning(identity.as_deref(), progress, retention), now);
        if identity.is_some() {
            engine.remember_compliance(crate::shell::compliance::read(&paths));
        }
        let (outbox, inbox) = mpsc::channel(64);
        let (outcomes, ended) = mpsc::unbounded_channel();
        Ok(Self {
            paths,
            sessions,
            access,
            platform,
            engine,
            identity,
            store_right: Arc::default(),
            store: None,
            snapshot: None,
            known: SessionKnowledge::default(),
            client: None,
            history: None,
            live: Live { retention, ..Live::default() },
            listening: None,
            doorbell: None,
            inbox,
            outbox,
            outcomes,
            ended,
            waiters: Vec::new(),
            leavers: Vec::new(),
            sessions_over: 0,
            enrolling: false,
            store_problem,
            last_record,
            ended_by_server: None,
            stopping: false,
            at_start,
            goes_on: false,
            certificate_steps: 0,
            remote_orders: 0,
            remote_turn: Arc::default(),
            checking: false,
            enrolments: 0,
            check_again: None,
            compliance_waiters: Vec::new(),
            desktop: Arc::new(NoDesktop),
            told: Told::default(),
        })
    }
}

fn beginning(identity: Option<&Identity>, progress: Progress, retention: RetentionRules) -> Beginning {
    Beginning {
        account: identity.map(|identity| Arc::new(identity.account.clone())),
        progress,
        certificates: identity.map(Identity::certificates).unwrap_or_default(),
        boot: clock::boot(),
        retention,
        seed: clock::seed(),
    }
}

/// Who the device is, unless its enrollment has ended and only has to be removed.
fn identity_in_use(paths: &Paths) -> Result<Option<Identity>, IdentityError> {
    if unenrollment::is_unfinished(paths) { Ok(None) } else { Identity::load(paths) }
}
