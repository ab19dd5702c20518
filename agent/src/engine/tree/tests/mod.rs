//! The tree: its rules, its changes, and that every change can be undone.

mod changes;
mod properties;
mod rules;
