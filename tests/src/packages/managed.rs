//! What a device needs of its machine, whatever that is made of.

use mdm_agent::engine::application::{Application, ApplicationOutcome, DriftReport, MachineReport};
use mdm_agent::engine::{Note, Profile};
use mdm_agent::platform::assembly::Translations;
use mdm_agent::platform::evaluation::Evaluator;

use super::machine::SimulatedMachine;

/// A machine that a device manages.
pub trait ManagedMachine {
    /// Brings the machine to what is stored.
    fn converge(&mut self, stored: &[Profile]) -> MachineReport;

    /// Gives verdicts beginning with what is stored and applied now; `None` if the machine cannot be looked at.
    fn evaluator(&mut self, stored: &[Profile]) -> Option<Evaluator>;

    /// Applies changes; what cannot be changed stays as it was.
    fn apply(
        &mut self,
        stored: &[Profile],
        application: &Application,
        translations: &Translations,
    ) -> ApplicationOutcome;

    /// The machine's present name.
    fn host_name(&self) -> String;

    /// Brings the machine to what is stored at the end of a session; answers with changes by others that are news.
    fn close(&mut self, stored: &[Profile]) -> Vec<DriftReport> {
        self.converge(stored).drift
    }

    /// The server was told of these changes by others.
    fn drift_reported(&mut self, _: &[DriftReport]) {}

    /// These entries were written to the history.
    fn noted(&mut self, _: &[Note]) {}

    /// Whether the process was killed.
    fn is_dead(&self) -> bool {
        false
    }
}

impl ManagedMachine for SimulatedMachine {
    fn converge(&mut self, stored: &[Profile]) -> MachineReport {
        Self::converge(self, stored)
    }

    fn evaluator(&mut self, stored: &[Profile]) -> Option<Evaluator> {
        Some(Self::evaluator(self, stored))
    }

    fn apply(
        &mut self,
        stored: &[Profile],
        application: &Application,
        translations: &Translations,
    ) -> ApplicationOutcome {
        Self::apply(self, stored, application, translations)
    }

    fn host_name(&self) -> String {
        Self::host_name(self)
    }
}
