//! `cupel doctor`: tests the walls of the sandbox on this machine by attacking them, or examines
//! Docker Engine.

pub(super) mod args;

use std::path::Path;

use anyhow::anyhow;
use cupel_runner::{Containers, EngineFinding, Rating};
use cupel_sandbox::doctor::{Examination, KERNEL, examine_launched, launch};
use cupel_sandbox::{SandboxConfig, Wall, WallSet};
use serde_json::json;

use self::args::{Doctor, Examined};
use super::{CommandResult, Exit, OrExit};
use crate::config::{self, Config};
use crate::terminal::{Table, bad, bold, dim, good, harmless};

pub(super) fn doctor(args: &Doctor) -> CommandResult {
    let (config, _) = config::load(&args.settings.overrides(None)).or_exit(Exit::Usage)?;
    match args.executor {
        Examined::Native => examine_sandbox(args, &config.accept_missing),
        Examined::Docker => examine_engine(args, &config),
    }
}

fn examine_engine(args: &Doctor, config: &Config) -> CommandResult {
    crate::owner::drop_privileges_keep_user(&[])?;
    let findings = Containers::on_demand(&config.docker)?.examine()?;
    let name = |rating| match rating {
        Rating::Same => "same",
        Rating::Differs => "differs",
        Rating::Missing => "missing",
    };
    let is_fit = findings.iter().all(|finding| finding.rating != Rating::Missing);
    if args.json {
        let all = findings.iter().map(|f| json!({ "subject": f.subject, "found": f.found, "rating": name(f.rating) }));
        outln!("{}", json!({ "ok": is_fit, "engine": all.collect::<Vec<_>>() }));
    } else {
        let mut table = Table::new(&["SUBJECT", "", "COMPARED WITH THE SANDBOX OF THIS MACHINE"]);
        for EngineFinding { subject, found, rating } in &findings {
            let mark = match rating {
                Rating::Same => good("✓"),
                Rating::Differs => dim("≠"),
                Rating::Missing => bad("✗"),
            };
            table.row(vec![(*subject).to_owned(), mark, harmless(found)]);
        }
        table.print();
    }
    Ok(if is_fit { Exit::Ok } else { Exit::Failed })
}

fn examine_sandbox(args: &Doctor, accepted: &[Wall]) -> CommandResult {
    let walls_off = walls(&args.without).or_exit(Exit::Usage)?;
    let launched = launch(&SandboxConfig { walls_off, ..SandboxConfig::default() })?;
    crate::owner::drop_privileges_keep_user(&[])?;
    let examination = examine_launched(launched, Path::new(KERNEL))?;
    if args.json {
        outln!("{}", as_json(&examination, accepted));
    } else {
        print(&examination, accepted);
    }
    Ok(if is_accepted(&examination, accepted) { Exit::Ok } else { Exit::Failed })
}

/// Whether a server starts with these walls: every missing one is in `sandbox.accept_missing`.
fn is_accepted(examination: &Examination, accepted: &[Wall]) -> bool {
    examination.missing().all(|finding| accepted.contains(&finding.wall))
}

fn as_json(examination: &Examination, accepted: &[Wall]) -> serde_json::Value {
    let walls: Vec<_> = examination
        .findings
        .iter()
        .map(|f| {
            let remedy = f.breach.as_ref().map(|_| f.remedy);
            json!({
                "name": f.wall.slug(), "ok": f.breach.is_none(), "accepted": accepted.contains(&f.wall),
                "keeps_from": f.wall.describe(), "breach": f.breach, "remedy": remedy,
            })
        })
        .collect();
    json!({
        "ok": is_accepted(examination, accepted),
        "kernel": examination.kernel,
        "control_groups": if examination.features.cgroup_v2 { 2 } else { 1 },
        "instructions": instructions(examination),
        "reachable_sockets": examination.reachable_sockets,
        "walls": walls,
    })
}

fn instructions(examination: &Examination) -> serde_json::Value {
    let reason = &examination.features.uncounted;
    json!({ "counted": reason.is_none(), "reason": reason })
}

fn print(examination: &Examination, accepted: &[Wall]) {
    let groups = if examination.features.cgroup_v2 { "v2" } else { "v1" };
    outln!("{}", dim(&format!("kernel {} · control groups {groups}", examination.kernel)));
    let mut table = Table::new(&["WALL", "", "PREVENTS A PROGRAM FROM"]);
    for finding in &examination.findings {
        let is_accepted = accepted.contains(&finding.wall);
        let mark = match &finding.breach {
            None => good("✓"),
            Some(_) if is_accepted => dim("✗"),
            Some(_) => bad("✗"),
        };
        table.row(vec![finding.wall.slug().to_owned(), mark, finding.wall.describe().to_owned()]);
        if let Some(breach) = &finding.breach {
            table.row(vec![String::new(), String::new(), bad(breach)]);
            if is_accepted {
                table.row(vec![String::new(), String::new(), "accepted: sandbox.accept_missing has it".to_owned()]);
            }
            table.row(vec![String::new(), String::new(), format!("remedy: {}", finding.remedy)]);
        }
    }
    table.print();
    outln!(
        "instructions: {}",
        match &examination.features.uncounted {
            None => "counted, and can be limited".to_owned(),
            Some(reason) => format!("not counted: {reason}"),
        }
    );
    for socket in &examination.reachable_sockets {
        outln!(
            "every program can connect to the Unix socket {}: configure its server to use a path outside /usr",
            harmless(&socket.display().to_string())
        );
    }
    let (all, missing) = (examination.findings.len(), examination.missing().count());
    let note = if is_accepted(examination, accepted) { ", and accepted (sandbox.accept_missing)" } else { "" };
    match missing {
        0 => outln!("{}", bold(&format!("all {all} walls work"))),
        1 => outln!("{}", bold(&format!("1 of {all} walls is missing{note}"))),
        n => outln!("{}", bold(&format!("{n} of {all} walls are missing{note}"))),
    }
}

fn walls(names: &[String]) -> anyhow::Result<WallSet> {
    let wall = |name: &String| {
        Wall::from_slug(name).ok_or_else(|| {
            let all: Vec<&str> = Wall::ALL.iter().map(|wall| wall.slug()).collect();
            anyhow!("there is no wall `{name}`; the walls are {}", all.join(", "))
        })
    };
    names.iter().map(wall).collect()
}
