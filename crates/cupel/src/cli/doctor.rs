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
use crate::config;
use crate::terminal::{Table, bad, bold, dim, good, harmless};

pub(super) fn doctor(args: &Doctor) -> CommandResult {
    match args.executor {
        Examined::Native => examine_sandbox(args),
        Examined::Docker => examine_engine(args),
    }
}

fn examine_engine(args: &Doctor) -> CommandResult {
    let (config, _) = config::load(&args.settings.overrides(None)).or_exit(Exit::Usage)?;
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

fn examine_sandbox(args: &Doctor) -> CommandResult {
    let walls_off = walls(&args.without).or_exit(Exit::Usage)?;
    let launched = launch(&SandboxConfig { walls_off, ..SandboxConfig::default() })?;
    crate::owner::drop_privileges_keep_user(&[])?;
    let examination = examine_launched(launched, Path::new(KERNEL))?;
    if args.json {
        outln!("{}", as_json(&examination));
    } else {
        print(&examination);
    }
    Ok(if examination.missing().next().is_none() { Exit::Ok } else { Exit::Failed })
}

fn as_json(examination: &Examination) -> serde_json::Value {
    let walls: Vec<_> = examination
        .findings
        .iter()
        .map(|f| {
            let remedy = f.breach.as_ref().map(|_| f.remedy);
            json!({ "name": f.wall.slug(), "ok": f.breach.is_none(), "keeps_from": f.wall.describe(), "breach": f.breach, "remedy": remedy })
        })
        .collect();
    json!({
        "ok": examination.missing().next().is_none(),
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

fn print(examination: &Examination) {
    let groups = if examination.features.cgroup_v2 { "v2" } else { "v1" };
    outln!("{}", dim(&format!("kernel {} · control groups {groups}", examination.kernel)));
    let mut table = Table::new(&["WALL", "", "PREVENTS A PROGRAM FROM"]);
    for finding in &examination.findings {
        let mark = if finding.breach.is_none() { good("✓") } else { bad("✗") };
        table.row(vec![finding.wall.slug().to_owned(), mark, finding.wall.describe().to_owned()]);
        if let Some(breach) = &finding.breach {
            table.row(vec![String::new(), String::new(), bad(breach)]);
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
    match missing {
        0 => outln!("{}", bold(&format!("all {all} walls work"))),
        1 => outln!("{}", bold(&format!("1 of {all} walls is missing"))),
        n => outln!("{}", bold(&format!("{n} of {all} walls are missing"))),
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
