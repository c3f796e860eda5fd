//! Programs whose root is a container image: they have the same walls as programs with the machine's toolchains, and
//! see only the image's files.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cupel_sandbox::{CellRoot, RunError, SetupStep};
use cupel_types::{ContentHash, Held, ImageRoot, Outcome};
use libtest_mimic::Trial;

use crate::hostile;
use crate::kit::{Fixtures, Program, SHOWN, World};
use crate::{Rule, SharedWorld, rules};

/// The id of the image with this number.
fn id(number: u8) -> ContentHash {
    ContentHash::from_bytes([number; 32])
}

fn cell(number: u8, uid: u32) -> CellRoot {
    let search = vec!["/opt/tools".to_owned(), "/usr/bin".to_owned()];
    CellRoot::Image(Arc::new(ImageRoot { id: id(number), search, uid, directory: None, held: Held::default() }))
}

/// An image that contains little more than the hostile programs, at the same path as in the other trials.
const HOSTILE: u8 = 1;
/// Images that differ in the name of one file, `/name-NUMBER`; the first has this number.
const NAMED: u8 = 100;
const NAMED_COUNT: u8 = 12;

/// Makes the images in a directory, and returns its path.
fn make(fixtures: &Fixtures) -> PathBuf {
    let images = fixtures.shown.parent().unwrap().join("images");
    // An earlier run may have left an incomplete directory.
    let _ = fs::remove_dir_all(&images);
    let root = images.join(id(HOSTILE).to_string());
    for directory in ["etc", "usr/bin", "usr/lib", "var", "opt/tools", "tmp/of-the-image", "dev", "proc"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::write(root.join("etc/passwd"), "root:x:0:0::/root:/bin/sh\n").unwrap();
    fs::write(root.join("usr/bin/env"), "").unwrap();
    symlink("usr/bin", root.join("bin")).unwrap();
    let shown = root.join(Path::new(SHOWN).strip_prefix("/").unwrap());
    fs::create_dir_all(&shown).unwrap();
    for entry in fs::read_dir(&fixtures.shown).unwrap() {
        let entry = entry.unwrap();
        fs::hard_link(entry.path(), shown.join(entry.file_name())).unwrap();
    }
    fs::copy(fixtures.on_the_host("attacks"), root.join("opt/tools/attacks")).unwrap();
    for number in NAMED..NAMED + NAMED_COUNT {
        let root = images.join(id(number).to_string());
        fs::create_dir_all(root.join("opt/tools")).unwrap();
        fs::hard_link(fixtures.on_the_host("attacks"), root.join("opt/tools/attacks")).unwrap();
        fs::write(root.join(format!("name-{number}")), "").unwrap();
    }
    symlink(id(HOSTILE).to_string(), images.join(id(2).to_string())).unwrap();
    symlink("/", images.join(id(3).to_string())).unwrap();
    fs::canonicalize(images).unwrap()
}

fn start() -> World {
    let images = make(&Fixtures::make());
    let mut world = World::with(|config| config.images = Some(images));
    world.root = cell(HOSTILE, 1000);
    world
}

pub(crate) fn trials() -> Vec<Trial> {
    let world = SharedWorld::new(start);
    let own: &[Rule<'_>] = &[
        ("a_program_sees_the_files_of_its_image_alone", a_program_sees_the_files_of_its_image_alone),
        ("a_program_runs_as_the_user_of_its_image", a_program_runs_as_the_user_of_its_image),
        ("a_program_is_searched_in_the_path_of_its_image", a_program_is_searched_in_the_path_of_its_image),
        (
            "an_image_that_is_not_there_is_a_failure_of_the_sandbox",
            an_image_that_is_not_there_is_a_failure_of_the_sandbox,
        ),
        ("a_slot_alternates_between_more_images_than_it_keeps", a_slot_alternates_between_more_images_than_it_keeps),
        ("a_working_directory_in_proc_has_no_links", a_working_directory_in_proc_has_no_links),
        ("a_lane_made_ahead_serves_the_first_run", a_lane_made_ahead_serves_the_first_run),
        (
            "a_program_sees_the_files_of_an_image_that_was_removed_and_added_again",
            a_program_sees_the_files_of_an_image_that_was_removed_and_added_again,
        ),
    ];
    let mut trials = hostile::trials_of(&world, "images", hostile::table());
    trials.extend(rules(&world, "images", own));
    trials
}

fn a_program_sees_the_files_of_its_image_alone(world: &World) {
    let program =
        world.attack("read_paths", &["/usr/lib/x86_64-linux-gnu", "/etc/alternatives", "/tmp/of-the-image", "/sys"]);
    world.check(
        &program,
        hostile::OK,
        "/usr/lib/x86_64-linux-gnu: ENOENT\n/etc/alternatives: ENOENT\n/tmp/of-the-image: ENOENT\n/sys: ENOENT\n",
    );
}

fn a_program_runs_as_the_user_of_its_image(world: &World) {
    for uid in [1000, 4711, 65_534] {
        let program = world.attack("identities", &[]).root(&cell(HOSTILE, uid));
        let ended = world.run(&program);
        assert!(ended.text().starts_with(&format!("uids: {uid} {uid} {uid}, groups: 0\n")), "{uid}: {ended}");
    }
}

fn a_program_is_searched_in_the_path_of_its_image(world: &World) {
    let run = |name: &str| {
        let argv = vec![name.to_owned(), "victim".to_owned()];
        Program::new(argv).root(&world.root).stdin(b"ping").try_run(&mut world.slot())
    };
    assert_eq!(run("attacks").unwrap().report.outcome, Outcome::Exited(3));
    // No directory of the image contains `gcc`, although the machine has it.
    assert!(matches!(run("gcc"), Err(RunError::Setup { step: SetupStep::Exec, .. })));
}

fn a_working_directory_in_proc_has_no_links(world: &World) {
    for (directory, name, has_links) in
        [("/opt/tools", "attacks", true), ("/proc/self", "status", false), ("/proc/self/fd", "0", false)]
    {
        let CellRoot::Image(image) = cell(HOSTILE, 1000) else { unreachable!() };
        let root = CellRoot::Image(Arc::new(ImageRoot { directory: Some(directory.to_owned()), ..(*image).clone() }));
        let path = format!("/box/{name}");
        let ended = world.run(&world.attack("read_paths", &[&path]).root(&root));
        assert_eq!(ended.text() == format!("{path}: ENOENT\n"), !has_links, "{directory}: {ended}");
    }
}

fn an_image_that_is_not_there_is_a_failure_of_the_sandbox(world: &World) {
    // An absent image, a link to another image, and a link to the machine's root.
    for number in [9, 2, 3] {
        let program = world.attack("victim", &[]).root(&cell(number, 1000));
        let error = program.try_run(&mut world.slot()).err().expect("no cell without a root");
        assert!(matches!(error, RunError::Setup { step: SetupStep::RootTrees, .. }), "{number}: {error}");
    }
    let ended = world.run(&world.attack("victim", &[]).stdin(b"ping"));
    assert_eq!(ended.report.outcome, Outcome::Exited(3), "the next run: {ended}");
}

fn a_slot_alternates_between_more_images_than_it_keeps(world: &World) {
    let mut slot = world.slot();
    for _ in 0..2 {
        for number in NAMED..NAMED + NAMED_COUNT {
            let own = format!("/name-{number}");
            let other = format!("/name-{}", NAMED + (number + 1 - NAMED) % NAMED_COUNT);
            let argv = ["attacks", "read_paths", &own, &other].map(str::to_owned).to_vec();
            let ended = Program::new(argv).root(&cell(number, 1000)).run(&mut slot);
            assert!(ended.text().ends_with(&format!("{other}: ENOENT\n")), "{ended}");
            assert!(!ended.text().starts_with(&format!("{own}: ENOENT")), "{ended}");
        }
    }
}

fn a_lane_made_ahead_serves_the_first_run(world: &World) {
    let CellRoot::Image(image) = cell(NAMED, 2000) else { unreachable!("an image") };
    world.sandbox.make_ahead(&image);
    let program = Program::new(vec!["attacks".to_owned(), "victim".to_owned()]).stdin(b"ping");
    let ended = program.root(&CellRoot::Image(image)).run(&mut world.slot());
    assert_eq!(ended.report.outcome, Outcome::Exited(3), "{ended}");
}

fn a_program_sees_the_files_of_an_image_that_was_removed_and_added_again(world: &World) {
    const RENEWED: u8 = 60;
    let fixtures = Fixtures::make();
    let root = fixtures.shown.parent().unwrap().join("images").join(id(RENEWED).to_string());
    let mut slot = world.slot();
    for _ in 0..2 {
        fs::create_dir_all(root.join("opt/tools")).unwrap();
        fs::hard_link(fixtures.on_the_host("attacks"), root.join("opt/tools/attacks")).unwrap();
        let CellRoot::Image(image) = cell(RENEWED, 1000) else { unreachable!("an image") };
        let held = CellRoot::Image(Arc::new(ImageRoot { held: Held::by(()), ..(*image).clone() }));
        for _ in 0..2 {
            let program = Program::new(vec!["attacks".to_owned(), "victim".to_owned()]).stdin(b"ping");
            let ended = program.root(&held).run(&mut slot);
            assert_eq!(ended.report.outcome, Outcome::Exited(3), "{ended}");
        }
        fs::remove_dir_all(&root).unwrap();
    }
}
