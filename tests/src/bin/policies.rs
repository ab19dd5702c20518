//! `cargo run -p mdm-tests --bin policies`: prints the README's tables of every policy that is understood.

#![expect(clippy::print_stdout, reason = "the tables are its purpose")]

fn main() {
    print!("{}", mdm_tests::policies::tables());
}
