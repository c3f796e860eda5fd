//! Builds the agent that runs in containers, and includes it in the binary.
//!
//! The agent runs in images that may contain no library at all, so it is linked statically. Cargo cannot link one
//! package of a build differently from the others, so this script calls Cargo again with a separate target directory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() {
    let variable = |name: &str| env::var_os(name).unwrap_or_else(|| panic!("Cargo sets {name}"));
    let manifest = Path::new(&variable("CARGO_MANIFEST_DIR")).join("../cupel-agent");
    for package in [&manifest, &manifest.join("../cupel-glob")] {
        println!("cargo::rerun-if-changed={}", package.display());
    }
    let out = PathBuf::from(variable("OUT_DIR"));
    let (target, built) = (variable("TARGET"), out.join("agent"));
    let mut cargo = Command::new(variable("CARGO"));
    cargo.args(["build", "--quiet", "--release", "--offline", "--bin", "cupel-agent"]);
    cargo.args(["--config", "profile.release.strip=true"]);
    let level = variable("OPT_LEVEL");
    // In builds for tests, link-time optimization would only take time.
    if level == "0" {
        cargo.env("CARGO_PROFILE_RELEASE_LTO", "off").env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    }
    cargo.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", level);
    cargo.arg("--manifest-path").arg(manifest.join("Cargo.toml"));
    cargo.arg("--target").arg(&target).arg("--target-dir").arg(&built);
    // Variables that the outer build sets for itself.
    for name in
        ["CARGO_ENCODED_RUSTFLAGS", "RUSTC", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTDOC", "CLIPPY_ARGS"]
    {
        cargo.env_remove(name);
    }
    cargo.env("RUSTFLAGS", "-Ctarget-feature=+crt-static");
    match cargo.status() {
        Ok(status) if status.success() => {}
        other => panic!("cannot build the agent of containers: {other:?}"),
    }
    let program = built.join(&target).join("release/cupel-agent");
    let to = out.join("cupel-agent.gz");
    if let Err(error) = compress(&program, &to) {
        panic!("cannot compress {} to {}: {error}", program.display(), to.display());
    }
}

fn compress(from: &Path, to: &Path) -> io::Result<()> {
    let mut encoder = GzEncoder::new(fs::File::create(to)?, Compression::best());
    io::copy(&mut fs::File::open(from)?, &mut encoder)?;
    encoder.finish().map(|_| ())
}
