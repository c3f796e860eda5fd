//! Settings of the facades, the HTTP interfaces of other products.

use cupel_facades::{JOBE, JUDGE0, Judge0Limits, Judge0Options, PISTON, PistonOptions, SANDBOXFUSION};

use super::Layers;
use super::server::is_listen_address;

/// A facade: another product's HTTP interface.
#[derive(Clone, Debug)]
pub(crate) struct Facade {
    pub(crate) enabled: bool,
    /// Whether clients on other machines need no key, like clients on this machine.
    pub(crate) anonymous: bool,
    /// An additional address, where the facade is at the root.
    pub(crate) listen: Option<String>,
}

/// The facades.
#[derive(Clone, Debug)]
pub(crate) struct Facades {
    pub(crate) sandboxfusion: Facade,
    pub(crate) piston: Facade,
    pub(crate) piston_options: PistonOptions,
    pub(crate) judge0: Facade,
    pub(crate) judge0_options: Judge0Options,
    pub(crate) jobe: Facade,
}

pub(super) fn facades(layers: &mut Layers) -> Facades {
    Facades {
        sandboxfusion: facade(layers, SANDBOXFUSION),
        piston: facade(layers, PISTON),
        piston_options: PistonOptions {
            strict: layers.boolean("facades.piston.strict"),
            any_content_type: layers.boolean("facades.piston.any_content_type"),
        },
        judge0: facade(layers, JUDGE0),
        judge0_options: judge0_options(layers),
        jobe: facade(layers, JOBE),
    }
}

fn facade(layers: &mut Layers, name: &str) -> Facade {
    let listen = layers.value(&format!("facades.{name}.listen"), "an address with a port, or \"\"", |text| {
        (text.is_empty() || is_listen_address(text)).then(|| text.to_owned())
    });
    let enabled = layers.boolean(&format!("facades.{name}.enabled"));
    if !enabled && !listen.is_empty() {
        let message = format!("is not used, because facades.{name}.enabled is false: remove one of the two");
        layers.refuse(&format!("facades.{name}.listen"), message);
    }
    Facade {
        enabled,
        anonymous: layers.boolean(&format!("facades.{name}.anonymous")),
        listen: Some(listen).filter(|listen| !listen.is_empty()),
    }
}

fn judge0_options(layers: &mut Layers) -> Judge0Options {
    let mut limits = Judge0Limits::default();
    for (name, limit) in limits.by_name() {
        // A maximum is named after its attribute, as in the original's configuration.
        limit.default = layers.decimal(&format!("facades.judge0.{name}"), 0.0);
        limit.max = layers.decimal(&format!("facades.judge0.max_{name}"), 0.0);
        if let (Some(default), Some(max)) = (limit.default, limit.max)
            && default > max
        {
            layers.refuse(&format!("facades.judge0.{name}"), format!("is more than facades.judge0.max_{name}"));
        }
    }
    let mut allowed = |name: &str| layers.boolean(&format!("facades.judge0.{name}"));
    Judge0Options {
        strict: allowed("strict"),
        maintenance_mode: allowed("maintenance_mode"),
        enable_wait_result: allowed("enable_wait_result"),
        enable_compiler_options: allowed("enable_compiler_options"),
        enable_command_line_arguments: allowed("enable_command_line_arguments"),
        enable_callbacks: allowed("enable_callbacks"),
        enable_additional_files: allowed("enable_additional_files"),
        allow_enable_per_process_and_thread_time_limit: allowed("allow_enable_per_process_and_thread_time_limit"),
        allow_enable_per_process_and_thread_memory_limit: allowed("allow_enable_per_process_and_thread_memory_limit"),
        maintenance_message: layers.text("facades.judge0.maintenance_message"),
        allowed_languages_for_compiler_options: layers.list("facades.judge0.allowed_languages_for_compiler_options"),
        max_submission_batch_size: layers.number("facades.judge0.max_submission_batch_size", 1..=1000) as usize,
        limits,
    }
}
