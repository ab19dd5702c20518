//! Certificates that the server orders from SCEP servers: one step at a time, beside everything else.

use mdm_protocol::Thumbprint;
use mdm_protocol::csp::certificate::ScepInstall;

use super::{Agent, Event, Message, Paths, clock};
use crate::engine::account::Trust;
use crate::engine::certificate_request::{CertificateAnswer, CertificateOrder};
use crate::shell::http::{ProxyError, ProxySettings};
use crate::shell::scep::{KeepError, Keeper, ScepClient, ScepOrder, ScepOutcome, ScepState, code, enrol_step};
use crate::shell::work;

impl Agent {
    pub(super) fn request_certificate(&mut self, order: CertificateOrder) -> Option<Event> {
        let (paths, outcomes) = (self.paths.clone(), self.outcomes.clone());
        let live = Terms { proxy: self.live.proxy.clone(), legacy: self.live.legacy_scep };
        let enrolled = self.engine.account().map(|account| account.trust.clone()).unwrap_or_default();
        // The authority of the enrolment beside those of the machine.
        let trust = Trust { system: true, ..enrolled };
        self.certificate_steps += 1;
        let profile = order.profile.clone();
        let made = async move { step(&paths, order, &trust, live).await };
        work::begin(work::EXCHANGE, made, move |made| {
            let answer = made.unwrap_or_else(|lost| Err(local(&lost))).unwrap_or_else(|answer| answer);
            match &answer {
                CertificateAnswer::Issued { thumbprint, .. } => {
                    tracing::info!(profile, thumbprint, "a certificate was issued")
                }
                CertificateAnswer::Pending => tracing::info!(profile, "the certificate waits for somebody to decide"),
                CertificateAnswer::NotBegun { reason, .. }
                | CertificateAnswer::Unanswered { reason, .. }
                | CertificateAnswer::Failed { reason, .. } => {
                    tracing::warn!(profile, reason, "no certificate");
                }
            }
            let _ = outcomes.send(Message::CertificateAnswered(profile, answer));
        });
        None
    }
}

/// What the machine's configuration says of questions to SCEP servers.
struct Terms {
    proxy: Result<ProxySettings, ProxyError>,
    legacy: bool,
}

type StepResult<T> = Result<T, CertificateAnswer>;

/// What is wrong on this machine may be put right: the next try may have more luck.
fn local(error: &dyn std::fmt::Display) -> CertificateAnswer {
    CertificateAnswer::Unanswered { code: code::LOCAL, reason: error.to_string() }
}

async fn step(
    paths: &Paths,
    order: CertificateOrder,
    trust: &Trust,
    Terms { proxy, legacy }: Terms,
) -> StepResult<CertificateAnswer> {
    let keeper = Keeper::new(paths, &order.profile);
    let now = clock::now().wall;
    let mut state = match order.install {
        Some(install) => begin(&keeper, &install, legacy, order.ordered_at, now).await?,
        None => {
            let failed = |reason: String| CertificateAnswer::Failed { code: code::LOCAL, reason };
            let kept = keeper.load().map_err(|error| match error {
                KeepError::Damaged { .. } => failed(error.to_string()),
                KeepError::File(error) => local(&error),
            })?;
            kept.ok_or_else(|| failed("what was kept of the request is gone; order it again".to_owned()))?
        }
    };
    let proxy = proxy.map_err(|error| local(&error))?;
    let client = ScepClient::new(trust, &proxy).map_err(|error| local(&error))?.with_legacy(legacy);
    let random = aws_lc_rs::rand::SystemRandom::new();
    let outcome = enrol_step(&mut state, &keeper, &client, now, &random).await.map_err(|error| local(&error))?;
    Ok(match outcome {
        ScepOutcome::Issued { certificate, .. } => CertificateAnswer::Issued {
            thumbprint: Thumbprint::of(&certificate).to_string(),
            server: state.server().map(ToString::to_string),
        },
        ScepOutcome::Pending => CertificateAnswer::Pending,
        ScepOutcome::Unanswered { code, reason } => CertificateAnswer::Unanswered { code, reason },
        ScepOutcome::Failed { code, reason } => CertificateAnswer::Failed { code, reason },
    })
}

/// Goes on with what was begun for the same order before this process was there, since the server may have seen its
/// request; otherwise begins.
async fn begin(
    keeper: &Keeper,
    install: &ScepInstall,
    legacy: bool,
    ordered_at: i64,
    now: i64,
) -> StepResult<ScepState> {
    // A damaged one is of no use to anybody.
    if let Some(kept) = keeper.load().ok().flatten().filter(|kept| kept.ordered_at() == ordered_at) {
        return Ok(kept);
    }
    let order = ScepOrder::with_legacy(install, legacy)
        .map_err(|error| CertificateAnswer::Failed { code: code::ORDER, reason: error.to_string() })?;
    let not_begun =
        |error: &dyn std::fmt::Display| CertificateAnswer::NotBegun { code: code::LOCAL, reason: error.to_string() };
    // An RSA key takes its time.
    let begun = work::blocking(move || ScepState::begin(&order, now)).await;
    let state = begun.map_err(|error| not_begun(&error))?.map_err(|error| not_begun(&error))?;
    let state = state.for_order_of(ordered_at);
    keeper.save(&state).map_err(|error| not_begun(&error))?;
    Ok(state)
}
