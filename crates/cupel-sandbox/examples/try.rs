//! Runs a command in a cell and prints the sandbox's report: `cargo run -p cupel-sandbox --example try -- PROGRAM
//! ARGS…` (as root). For developers of the sandbox.

use std::sync::Arc;

use cupel_sandbox::{CellKind, Command, Observer, Sandbox, SandboxConfig, Stdin, launcher};
use cupel_types::Limits;

struct Terminal;

impl Observer for Terminal {
    fn stdout(&mut self, data: &[u8]) {
        print!("{}", String::from_utf8_lossy(data));
    }

    fn stderr(&mut self, data: &[u8]) {
        eprint!("{}", String::from_utf8_lossy(data));
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    launcher::enter_if_asked();
    let sandbox = Sandbox::start(SandboxConfig { slots: 1, ..SandboxConfig::default() })?;
    eprintln!("{:?}", sandbox.features());
    let command = Command {
        root: cupel_sandbox::CellRoot::System,
        argv: std::env::args().skip(1).collect(),
        env: vec![("PATH".into(), "/usr/local/bin:/usr/bin:/bin".into())],
        files: Vec::new(),
        counted_files: cupel_types::Bytes::ZERO,
        stdin: Stdin::Bytes(Arc::from([])),
        limits: Limits::default(),
        kind: CellKind::Run,
        warm: None,
        stderr_to_stdout: false,
        result: false,
        collect: None,
        outbox: None,
        fetch: Vec::new(),
        find: None,
        watch: false,
    };
    let report = sandbox.slot(0).run(&command, &mut Terminal)?;
    eprintln!("{report:#?}");
    Ok(())
}
