//! `cargo run -p mdm-tests --bin week`: writes the page "a week, day by day" and its drawing.

fn main() -> anyhow::Result<()> {
    let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../agent/doc"));
    let week = mdm_tests::week::week()?;
    std::fs::write(folder.join("a-week.md"), week.page)?;
    std::fs::write(folder.join("a-week.svg"), week.drawing)?;
    Ok(())
}
