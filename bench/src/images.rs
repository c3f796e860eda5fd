//! Compares programs in a container image with the same programs and the machine's toolchains; measures unpacking an
//! image.
//!
//! The image contains the machine's own Debian release, made by mmdebstrap, so that both roots have the same programs.
//! *Pooled*: the slot has a lane for the image; both roots take turns. *First*: the first run of an image for which the
//! slot has no lane.

use std::path::Path;
use std::process::Command as Process;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use cupel_images::{ImageStore, RegistryOptions};
use cupel_sandbox::{CellRoot, Command, Sandbox, SandboxConfig, Slot, Warm, WarmTemplate};
use cupel_types::{BoxFile, BoxPath, ImageRoot};
use serde_json::{Value, json};

use crate::samples::Samples;
use crate::table::Table;
use crate::{programs, sandbox};

/// Number of runs of each program in each root.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) runs: usize,
    /// Number of first runs.
    pub(crate) first: usize,
}

const PYTHON: &str = "python3";

/// Measures; prints a table and returns the figures.
pub(crate) fn measure(plan: Plan) -> anyhow::Result<Value> {
    let folder = sandbox::shown_folder()?;
    let archive = folder.path().join("root.tar");
    let made = Process::new("mmdebstrap")
        .args(["--quiet", "--variant=minbase", "--include=python3,libpython3.11", "bookworm"])
        .arg(&archive)
        .status()
        .context("mmdebstrap makes the image: apt-get install mmdebstrap")?;
    ensure!(made.success(), "mmdebstrap failed");
    let layout = folder.path().join("layout");
    let uncompressed = layout_of(&archive, &layout)?;

    let store = ImageStore::new(folder.path().join("store"), 100 << 30);
    let began = Instant::now();
    let added =
        store.add(&"bench/python:1".parse()?, &layout.display().to_string().parse()?, &RegistryOptions::default())?;
    let unpacking = began.elapsed();
    let rate = uncompressed as f64 / 1e6 / unpacking.as_secs_f64();
    println!(
        "unpacking: {:.0} MB of archive in {:.2} s, {rate:.0} MB/s on one processor ({} entries)\n",
        uncompressed as f64 / 1e6,
        unpacking.as_secs_f64(),
        added.image.entries
    );

    let (search, held) = (vec!["/usr/bin".to_owned()], cupel_types::Held::default());
    let image = Arc::new(ImageRoot { id: added.image.id, search, uid: 1000, directory: None, held });
    let template = WarmTemplate {
        kind: Warm::Python,
        argv: vec![PYTHON.to_owned(), "main.py".to_owned()],
        env: sandbox::command(&[], Vec::new()).env,
    };
    let config = SandboxConfig {
        slots: 1,
        images: Some(std::fs::canonicalize(store.roots())?),
        warm: vec![template],
        ..SandboxConfig::default()
    };
    let start = || sandbox::start(config.clone());

    let hello = programs::compile_hello(folder.path(), "hello", "-pie")?;
    let file = |name: &str, data: &[u8], executable| -> anyhow::Result<BoxFile> {
        Ok(BoxFile { path: BoxPath::new(name)?, data: data.into(), executable })
    };
    let python = file("main.py", programs::HELLO_PYTHON.as_bytes(), false)?;
    let cold = sandbox::command(&[PYTHON, "main.py"], vec![python]);
    let commands = [
        ("C", sandbox::command(&["./hello"], vec![file("hello", &hello, true)?])),
        ("Python, started cold", cold.clone()),
        // The machine's Python is kept warm; programs of an image always start cold.
        ("Python, kept warm", Command { warm: Some(Warm::Python), ..cold }),
    ];

    let mut table = Table::new(
        "Hello programs: the machine's toolchains and an image",
        &["hello", "machine p50", "image p50", "ratio", "machine p99", "image p99", "first run in an image"],
    );
    let mut figures = serde_json::Map::new();
    let running = start()?;
    let mut slot = running.slot(0);
    slot.warm_up().context("creating lanes")?;
    for (name, command) in &commands {
        let other = Command { root: CellRoot::Image(image.clone()), ..command.clone() };
        let (mut machine, mut in_image) = (Samples::default(), Samples::default());
        for turn in 0..plan.runs + 20 {
            let (a, b) = (sandbox::in_cell(&mut slot, command)?, sandbox::in_cell(&mut slot, &other)?);
            if turn >= 20 {
                machine.push(a);
                in_image.push(b);
            }
        }
        let mut first = Samples::default();
        for _ in 0..plan.first {
            first.push(first_run(&start()?, &other)?);
        }
        let of = |samples: &Samples, percent| samples.percentile(percent).as_secs_f64() * 1e3;
        let beyond = of(&first, 50.0) - of(&in_image, 50.0);
        let ratio = in_image.ratio(&machine, 50.0);
        let ms = |samples: &Samples, percent| format!("{:.2} ms", of(samples, percent));
        table.row(vec![
            (*name).to_owned(),
            ms(&machine, 50.0),
            ms(&in_image, 50.0),
            format!("{ratio:.2}"),
            ms(&machine, 99.0),
            ms(&in_image, 99.0),
            format!("+ {beyond:.1} ms"),
        ]);
        figures.insert(
            (*name).to_owned(),
            json!({ "machine": machine.to_json(), "image": in_image.to_json(), "ratio_p50": ratio, "first_beyond_p50_ms": beyond }),
        );
    }
    println!("{table}");
    figures.insert("unpacking_mb_per_s".to_owned(), json!(rate));
    Ok(figures.into())
}

/// The first run of a slot in an image for which the slot has no spare lane.
fn first_run(sandbox: &Sandbox, command: &Command) -> anyhow::Result<std::time::Duration> {
    let mut slot: Slot = sandbox.slot(0);
    slot.warm_up().context("creating lanes")?;
    sandbox::in_cell(&mut slot, command)
}

/// Writes an OCI layout with one gzipped layer. Returns the size of the layer's archive.
fn layout_of(archive: &Path, layout: &Path) -> anyhow::Result<u64> {
    let blobs = layout.join("blobs/sha256");
    std::fs::create_dir_all(&blobs)?;
    let compressed = layout.join("layer");
    let gzip =
        Process::new("gzip").args(["-c", "-6"]).arg(archive).stdout(std::fs::File::create(&compressed)?).status()?;
    ensure!(gzip.success(), "gzip failed");
    let digest = |path: &Path| -> anyhow::Result<String> {
        let output = Process::new("sha256sum").arg(path).output()?;
        Ok(String::from_utf8(output.stdout)?.split(' ').next().unwrap_or_default().to_owned())
    };
    let place = |path: &Path| -> anyhow::Result<(String, u64)> {
        let (digest, size) = (digest(path)?, std::fs::metadata(path)?.len());
        std::fs::rename(path, blobs.join(&digest))?;
        Ok((format!("sha256:{digest}"), size))
    };
    let write = |value: &Value| -> anyhow::Result<(String, u64)> {
        let path = layout.join("new");
        std::fs::write(&path, value.to_string())?;
        place(&path)
    };
    let diff_id = format!("sha256:{}", digest(archive)?);
    let (layer, layer_size) = place(&compressed)?;
    let (config, config_size) = write(&json!({
        "architecture": "amd64", "os": "linux", "config": {}, "rootfs": { "type": "layers", "diff_ids": [diff_id] },
    }))?;
    let (manifest, manifest_size) = write(&json!({
        "schemaVersion": 2,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": config_size },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": layer, "size": layer_size }],
    }))?;
    let index = json!({ "schemaVersion": 2, "manifests": [
        { "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": manifest, "size": manifest_size },
    ] });
    std::fs::write(layout.join("index.json"), index.to_string())?;
    Ok(std::fs::metadata(archive)?.len())
}
