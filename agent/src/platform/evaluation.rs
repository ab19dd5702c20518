//! Verdicts on profiles (rule C6): a picture of the machine as the commands of a message would leave it, changed one
//! command after the other. Changes nothing on the machine.

use std::sync::Arc;

use super::assembly::{Assembly, Translations, Undo};
use super::force::{Others, Platform, PlatformError};
use super::look::stored_digest;
use super::root::Root;
use super::survey::survey;
use crate::engine::profile::Profile;
use crate::engine::verdict::{Verdict, VerdictRequest, Verdicts};

/// Gives verdicts during one session.
#[derive(Debug)]
pub struct Evaluator {
    assembly: Assembly,
    /// How to take back what was proposed last.
    proposed: Option<Undo>,
}

impl Platform {
    /// Gives verdicts beginning with what is stored and applied now. Blocks while it looks at the machine.
    pub fn evaluator(&self, stored: &[Profile]) -> Result<Evaluator, PlatformError> {
        let root = Root::open(self.root())?;
        let mut ledger = self.ledger_for(stored, Others::Go)?;
        ledger.go_by(&stored_digest(stored.iter()));
        let machine = Arc::new(survey(&root, &ledger));
        let surroundings = self.surroundings(&root, &ledger, &machine, stored.iter())?;
        Ok(Evaluator::new(Assembly::of_stored(surroundings, stored.iter().cloned().map(Arc::new))))
    }
}

impl Evaluator {
    /// Gives verdicts beginning with these profiles.
    pub fn new(assembly: Assembly) -> Self {
        Self { assembly, proposed: None }
    }

    /// Answers a request. Blocks while a translation takes its time.
    pub fn evaluate(&mut self, request: &VerdictRequest) -> Verdicts {
        match self.proposed.take() {
            Some(undo) if !request.accepted => self.assembly.undo(undo),
            _ => {}
        }
        if !request.settled.is_empty() {
            self.assembly.change(&request.settled, Some(request.now));
        }
        if !request.proposed.is_empty() {
            self.proposed = Some(self.assembly.change(&request.proposed, Some(request.now)));
        }
        let verdict = |root: &String| (root.clone(), self.assembly.verdict(root).unwrap_or(Verdict::Applicable));
        Verdicts {
            verdicts: request.named.iter().map(verdict).collect(),
            lost: false,
            nodes: request.wants_nodes.then(|| Arc::new(self.assembly.nodes_to_be())),
        }
    }

    /// What was found for profiles that refer to others, for the application of the changes that were judged here.
    pub fn translations(&self) -> Translations {
        self.assembly.translations(self.proposed.as_ref())
    }
}
